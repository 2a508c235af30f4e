//! What the analysis makes of Bash, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, usages};

const SAMPLE: &str = include_str!("../testdata/sample.sh");

const ENTITIES: &[&str] = &[
    "11-13 function log() 1 \"Says what it does.\\nIn colour.\"",
    "15-29 function total() 8",
    "31-31 function noop() 1",
];

const IMPORTS: &[&str] = &["6 import lib.sh", "7 import ./conf/colors.sh"];

const USAGES: &[&str] = &[
    "3:0 call function set",
    "5:7 call function dirname",
    "6:0 call function .",
    "7:0 call function source",
    "12:2 call function echo in function:log",
    "12:10 call function colour in function:log",
    "21:6 call function log in function:total",
    "24:8 call function true in function:total",
    "24:17 call function break in function:total",
    "26:9 call function echo in function:total",
    "27:7 call function echo in function:total",
    "31:9 call function : in function:noop",
    "33:0 call function total",
    "33:12 call function grep",
    "33:25 call function log",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::Bash, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}
