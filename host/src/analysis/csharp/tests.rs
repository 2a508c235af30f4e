//! What the analysis makes of C#, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, usages};

const SAMPLE: &str = include_str!("../testdata/Sample.cs");

const ENTITIES: &[&str] = &[
    "11-37 class Cart(Base<T>, IPriced) \"<summary>A cart.</summary>\"",
    "16-16 method Cart.Cart(size, ...names) 1 \"Makes one.\"",
    "19-29 method Cart.Total(from) 15 not-implemented",
    "31-31 method Cart.Pay() 1 abstract",
    "34-34 method Cart.Native() 1",
    "39-39 class IPriced()",
    "39-39 method IPriced.Price() 1 abstract",
    "40-40 class Point(Base)",
    "41-41 class Pair()",
    "42-42 class State()",
    "27-27 function Twice(n) 1",
];

const IMPORTS: &[&str] = &[
    "2 import System",
    "3 import System.Collections.Generic",
    "4 import Shop.Tools",
    "5 import Shop.Serialization.Json",
];

const USAGES: &[&str] = &[
    "13:44 instantiation class List in class:Cart",
    "16:69 attribute property Cart.size in class:Cart | function:Cart",
    "21:27 call method IsEmpty in class:Cart | function:Total",
    "21:45 attribute property Cart.size in class:Cart | function:Total",
    "23:34 attribute property Count in class:Cart | function:Total",
    "26:14 call function Run in class:Cart | function:Total",
    "26:29 call method Cart.Create in class:Cart | function:Total",
    "26:76 instantiation class NotSupportedException in class:Cart | function:Total",
    "28:20 call method Cart.Helper in class:Cart | function:Total",
    "28:30 call method Sum in class:Cart | function:Total",
    "28:39 call function Parse in class:Cart | function:Total",
    "28:73 call function Twice in class:Cart | function:Total",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::CSharp, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}
