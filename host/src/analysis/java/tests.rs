//! What the analysis makes of Java, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, span_text, usages};

const SAMPLE: &str = include_str!("../testdata/Sample.java");

const ENTITIES: &[&str] = &[
    r#"13-40 class Cart(Base<T>, Comparable<Cart<T>>, shop.Priced) "A cart.""#,
    r#"17-17 method Cart.Cart(size, ...names) 1 "Makes one.""#,
    "20-29 method Cart.total() 14 not-implemented",
    "31-31 method Cart.pay() 1 abstract",
    "33-33 method Cart.nat() 1",
    "35-35 class State(Named)",
    "35-35 method State.go() 1 pass",
    "35-35 method State.State() 1 pass",
    "37-37 class Point()",
    "37-37 method Point.Point() 1 pass",
    "39-39 class Marker()",
    "39-39 method Marker.value() 1",
    "42-42 class Shape(Named, Sized)",
    "42-42 method Shape.area() 1 abstract",
    "42-42 method Shape.draw() 1 pass",
    "27-27 function run() 1 pass",
];

const IMPORTS: &[&str] = &[
    r#"4 import_from List from "java.util""#,
    r#"5 import_from * from "java.util.function""#,
    r#"6 import_from assertEquals from "org.junit.Assert""#,
];

const USAGES: &[&str] = &[
    "14:39 instantiation class ArrayList in class:Cart",
    "17:61 attribute property Cart.size in class:Cart | function:Cart",
    "21:23 call method isEmpty in class:Cart | function:total",
    "21:41 attribute property Cart.size in class:Cart | function:total",
    "21:89 call method helper in class:Cart | function:total",
    "23:30 attribute property length in class:Cart | function:total",
    "26:10 call method run in class:Cart | function:total",
    "26:25 call method Cart.create in class:Cart | function:total",
    "26:73 instantiation class UnsupportedOperationException in class:Cart | function:total",
    "27:8 instantiation class Thread in class:Cart | function:total",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::Java, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(analysis.lines, 42);
    assert_eq!(analysis.docstring.as_deref(), None);
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}

#[test]
fn spans_leave_annotations_out() {
    let analysis = analyze(Language::Java, SAMPLE);
    let text = |name: &str| span_text(&analysis, SAMPLE, name).unwrap_or_default();
    assert!(text("Cart").starts_with("public abstract class Cart<T>"));
    assert!(text("total").starts_with("public int total()"));
}
