//! What the analysis makes of JavaScript, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, usages};

const SAMPLE: &str = include_str!("../testdata/sample.js");

const ENTITIES: &[&str] = &[
    r#"14-22 class Cart(base.Order) "A cart.\n@see Order""#,
    "16-16 method Cart.create(n) 1",
    "17-17 method Cart.handler() 1 pass",
    r#"19-19 method Cart.constructor({ a, b }, [c], ...rest) 1 "Makes it.""#,
    "20-20 method Cart.total() 2",
    "21-21 method Cart.[Symbol.iterator]() 1 pass",
    "26-26 class Box(Cart)",
    r#"25-25 function add(a, b) 3 "Adds.""#,
    "25-25 function twice(x) 1",
    "27-32 function walk(tree) 6 not-implemented",
    "31-31 function inner() 1",
    "33-33 function main() 1 pass",
    "34-34 function run() 1",
    "35-35 function open() 1 pass",
    "35-35 function close() 1 pass",
    "35-35 function shut-down() 1",
];

const IMPORTS: &[&str] = &[
    r#"3 import_from fs from "node:fs""#,
    r#"3 import_from read from "node:fs""#,
    r#"3 import_from write from "node:fs""#,
    r#"4 import_from * from "path""#,
    "5 import ./side.js",
    r#"6 import_from a from "./a.js""#,
    r#"7 import_from * from "./all.js""#,
    "8 import os",
    "34 import ./late.js",
];

const USAGES: &[&str] = &[
    "8:11 call function require",
    "14:39 attribute property Order in class:Cart",
    "16:33 instantiation class Cart in class:Cart | function:create",
    "19:55 attribute property Cart.#items in class:Cart | function:constructor",
    "20:28 attribute property Cart.#items in class:Cart | function:total",
    "20:36 attribute property length in class:Cart | function:total",
    "20:51 attribute property sep in class:Cart | function:total",
    "21:17 attribute property Symbol.iterator in class:Cart | function:[Symbol.iterator]",
    "25:62 call function add in function:twice",
    "28:36 attribute property kind in function:walk",
    "29:23 call function join in function:walk",
    "30:13 call method visit in function:walk",
    "30:48 instantiation class Error in function:walk",
    "31:47 call method Cart.create in function:walk | function:inner",
    "31:59 attribute property x in function:walk | function:inner",
    "34:55 call function tag in function:run",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::JavaScript, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(analysis.lines, 35);
    assert_eq!(analysis.docstring.as_deref(), Some("The file."));
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}

#[test]
fn a_file_that_does_not_parse_is_read_as_far_as_it_goes() {
    let analysis = analyze(
        Language::JavaScript,
        "function good() { call() }\nlet = = 3;\nclass Fine { m() {} }\n",
    );
    let expected = [
        "3-3 class Fine()",
        "3-3 method Fine.m() 1 pass",
        "1-1 function good() 1",
    ];
    assert_eq!(entities(&analysis), expected);
    assert_eq!(analysis.syntax_errors[0].line, 2);
}
