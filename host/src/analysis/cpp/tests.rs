//! What the analysis makes of C++, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, spans, usages};

const SAMPLE: &str = include_str!("../testdata/sample.cpp");

const ENTITIES: &[&str] = &[
    r#"5-18 class Shape(Base, ns::Other<T>) "A shape.\nWith area.""#,
    "7-7 method Shape.Shape(a) 1 pass",
    "8-8 method Shape.~Shape() 1 abstract",
    r#"10-10 method Shape.area(scale) 1 abstract "The area.""#,
    "11-11 method Shape.make() 1",
    "12-12 method Shape.operator==(o) 1",
    "13-13 method Shape.operator bool() 1",
    "14-14 method Shape.Shape() 1",
    "22-27 method Shape.resize(by) 6 not-implemented",
    "15-15 class Inner()",
    "15-15 method Inner.go() 1 pass",
    "21-21 class Kind()",
    "31-31 class Vec()",
    "31-31 method Vec.push(v) 1 pass",
    "32-32 class Other()",
    "32-32 method Other.operator bool() 1",
    "33-33 class Api()",
    "28-28 function free_function(arr, s) 1",
    "29-29 function later() 1 pass",
];

const IMPORTS: &[&str] = &["1 import vector"];

const USAGES: &[&str] = &[
    "11:31 instantiation class Shape in class:Shape | function:make",
    "13:33 attribute property Shape.a_ in class:Shape | function:operator bool",
    "23:51 call function logic_error in class:Shape | function:resize",
    "24:46 call function helper in class:Shape | function:resize",
    "25:10 instantiation class Foo in class:Shape | function:resize",
    "28:61 attribute property y in function:free_function",
    "28:77 call method Shape.make in function:free_function",
    "28:84 call method area in function:free_function",
    "28:99 call function max in function:free_function",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::Cpp, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(analysis.lines, 33);
    assert_eq!(analysis.docstring.as_deref(), None);
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}

#[test]
fn a_scope_is_a_class_unless_it_is_a_namespace_of_the_file() {
    let source =
        "namespace ns { void a(); }\nvoid ns::a() {}\nvoid ns::Cart::b() {}\nvoid list::c() {}\n";
    let analysis = analyze(Language::Cpp, source);
    let expected = [
        "3-3 class Cart()",
        "3-3 method Cart.b() 1 pass",
        "4-4 class list()",
        "4-4 method list.c() 1 pass",
        "2-2 function a() 1 pass",
    ];
    assert_eq!(entities(&analysis), expected);
    assert_eq!(spans(&analysis, source)[0].1, "void ns::Cart::b() {}");
}

#[test]
fn an_object_may_be_called_like_a_namespace() {
    let source = "namespace a {}\nvoid f() { a.b(); a::c(); }\n";
    let expected = [
        "2:13 call method b in function:f",
        "2:21 call function c in function:f",
    ];
    assert_eq!(usages(&analyze(Language::Cpp, source)), expected);
}
