//! What the analysis makes of TypeScript, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, span_text, usages};

const SAMPLE: &str = include_str!("../testdata/sample.ts");

const ENTITIES: &[&str] = &[
    r#"5-8 class HasArea(Shape, Base<number>) "What has an area.""#,
    "6-6 method HasArea.area(scale) 1 abstract",
    "10-10 class Point()",
    "10-10 method Point.move(by) 1 abstract",
    "12-12 class Color()",
    "13-13 class Size()",
    "15-22 class Square(Shape, HasArea, other.Thing)",
    "16-16 method Square.constructor(side, label) 1",
    "17-17 method Square.grow(...by) 1 abstract",
    "18-18 method Square.area() 1",
    "21-21 method Square.draw(target) 1",
    "25-25 class Widget()",
    "27-27 function dist(a, b) 1",
    "28-28 function external(x) 1",
    "29-29 function over(x) 1",
    "30-30 function over(x) 1",
];

const IMPORTS: &[&str] = &[r#"1 import_from Shape from "./shape""#, "2 import fs"];

const USAGES: &[&str] = &[
    "18:28 attribute property Square.side in class:Square | function:area",
    "19:3 call function Input in class:Square",
    "20:3 call function Output in class:Square",
    "21:67 call method line in class:Square | function:draw",
    "21:77 attribute property Square.side in class:Square | function:draw",
    "21:94 call method end in class:Square | function:draw",
    "24:1 call function Component in class:Widget",
    "27:78 call function round in function:dist",
    "27:86 attribute property x in function:dist",
    "30:35 instantiation class Map in function:over",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::TypeScript, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(analysis.lines, 30);
    assert_eq!(analysis.docstring.as_deref(), None);
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}

#[test]
fn spans_leave_decorators_out() {
    let analysis = analyze(Language::TypeScript, SAMPLE);
    let text = |name: &str| span_text(&analysis, SAMPLE, name);
    assert_eq!(text("Widget"), Some("class Widget {}"));
    assert!(text("draw").is_some_and(|text| text.starts_with("private async draw<U>")));
}

#[test]
fn components_are_functions_and_markup_is_searched_for_usages() {
    let analysis = analyze(Language::Tsx, include_str!("../testdata/sample.tsx"));
    assert_eq!(analysis.syntax_errors, []);
    let expected = [
        "2-4 function View({ item, ...rest }) 1 \"Shows one.\"",
        "5-5 function App() 2",
    ];
    assert_eq!(entities(&analysis), expected);
    let expected = [
        "3:34 call method open in function:View",
        "3:49 attribute property items in function:View",
        "3:55 call method map in function:View",
        "3:78 attribute property id in function:View",
    ];
    assert_eq!(usages(&analysis), expected);
}

#[test]
fn assertions_do_not_hide_what_is_called() {
    let analysis = analyze(
        Language::TypeScript,
        "a.b!(1);\nfunction f(this: A, b: C) {}\n",
    );
    assert_eq!(usages(&analysis), ["1:2 call method b"]);
    assert_eq!(entities(&analysis), ["2-2 function f(b) 1 pass"]);
}
