//! What the analysis makes of C, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, usages};

const SAMPLE: &str = include_str!("../testdata/sample.c");

const ENTITIES: &[&str] = &[
    r#"6-6 class item() "An item.""#,
    "7-7 class Cart()",
    "8-8 class value()",
    "9-9 class color()",
    r#"15-20 function total(items, names, each, ...) 10 "Sums the prices.""#,
    "23-23 function signal(sig, func) 1",
    "24-24 function old(a, b) 1 pass",
];

const IMPORTS: &[&str] = &["2 import stdio.h", "3 import shop/cart.h"];

const USAGES: &[&str] = &[
    "17:13 attribute property next in function:total",
    "17:18 attribute property price in function:total",
    "17:36 call function each in function:total",
    "17:61 call method cost in function:total",
    "18:17 attribute property price in function:total",
    "19:20 instantiation class Cart in function:total",
    "19:37 attribute property n in function:total",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::C, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(analysis.lines, 24);
    assert_eq!(analysis.docstring.as_deref(), None);
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}

#[test]
fn a_file_that_does_not_parse_is_read_as_far_as_it_goes() {
    let analysis = analyze(
        Language::C,
        "int good(void) { return call(); }\nint bad( { \nstruct fine { int a; };\n",
    );
    let found = entities(&analysis);
    assert!(
        found.contains(&"1-1 function good() 1".to_owned()),
        "{found:?}"
    );
    assert!(found.contains(&"3-3 class fine()".to_owned()), "{found:?}");
    assert!(!analysis.syntax_errors.is_empty());
}
