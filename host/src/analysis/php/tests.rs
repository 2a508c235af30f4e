//! What the analysis makes of PHP, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, usages};

const SAMPLE: &str = include_str!("../testdata/sample.php");

const ENTITIES: &[&str] = &[
    "15-37 class Cart(Base, \\Countable, Priced, Logs, Shop\\Timed) \"A cart.\"",
    "22-22 method Cart.__construct($size, ...$names) 1 \"Makes one.\"",
    "25-34 method Cart.total($from) 15 not-implemented",
    "36-36 method Cart.pay() 1 abstract",
    "39-39 class Priced()",
    "39-39 method Priced.price() 1 abstract",
    "40-40 class Logs()",
    "40-40 method Logs.log() 1 pass",
    "41-41 class State()",
    "41-41 method State.label() 1",
    "44-44 function helper($n) 1 \"Helps.\"",
];

const IMPORTS: &[&str] = &[
    "4 import_from Item from \"Shop\\\\Base\"",
    "5 import_from Json from \"Shop\\\\Tools\"",
    "5 import_from Text from \"Shop\\\\Tools\"",
    "6 import_from price from \"Shop\"",
    "7 import Countable",
    "8 import ./lib/util.php",
    "9 import conf.php",
];

const USAGES: &[&str] = &[
    "22:78 attribute property Cart.size in class:Cart | function:__construct",
    "27:19 attribute property Cart.open in class:Cart | function:total",
    "27:35 call method Cart.isEmpty in class:Cart | function:total",
    "27:97 call function helper in class:Cart | function:total",
    "28:24 attribute property Cart.items in class:Cart | function:total",
    "32:20 call method Cart.create in class:Cart | function:total",
    "32:31 instantiation class Item in class:Cart | function:total",
    "32:48 call method Cart.check in class:Cart | function:total",
    "32:93 instantiation class Exception in class:Cart | function:total",
    "33:18 call method T.cut in class:Cart | function:total",
    "33:28 call function price in class:Cart | function:total",
    "33:41 attribute property Cart.owner in class:Cart | function:total",
    "33:49 attribute property name in class:Cart | function:total",
    "41:71 call function strtolower in class:State | function:label",
    "41:89 attribute property State.name in class:State | function:label",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::Php, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}
