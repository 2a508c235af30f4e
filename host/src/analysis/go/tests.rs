//! What the analysis makes of Go, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, spans, usages};

const SAMPLE: &str = include_str!("../testdata/sample.go");

const ENTITIES: &[&str] = &[
    r#"15-20 class Cart(sync.Mutex, Base) "Cart holds items.\nIn order.""#,
    r#"34-49 method Cart.Total(from, to, ...opts) 7 "Total sums.""#,
    r#"24-28 class Store(io.Reader) "Store keeps.""#,
    r#"27-27 method Store.Get(id, ...keys) 1 abstract "Get gets.""#,
    "29-29 class Price()",
    "51-51 class List()",
    "51-51 method List.Len() 1 not-implemented",
    "53-53 function New() 1",
    "55-55 function handler(w) 1 pass",
];

const IMPORTS: &[&str] = &[
    "6 import fmt",
    "8 import net/http",
    "9 import github.com/x/yaml/v2",
    "10 import embed",
];

const USAGES: &[&str] = &[
    "35:21 attribute property Cart.items in class:Cart | function:Total",
    "36:7 attribute property ok in class:Cart | function:Total",
    "36:15 call method Cart.isOpen in class:Cart | function:Total",
    "37:15 call function Parse in class:Cart | function:Total",
    "37:23 attribute property price in class:Cart | function:Total",
    "47:16 call function recover in class:Cart | function:Total",
    "48:12 call function Sprint in class:Cart | function:Total",
    "48:19 instantiation class Item in class:Cart | function:Total",
    "48:41 instantiation class Client in class:Cart | function:Total",
    "51:27 call function panic in class:List | function:Len",
    "53:39 call function new in function:New",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::Go, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(analysis.lines, 55);
    assert_eq!(analysis.docstring.as_deref(), Some("Package shop sells."));
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}

#[test]
fn methods_before_their_type_are_its_methods() {
    let source = "package p\n\nfunc (a A) M() { a.N(); b.N() }\n\ntype A int\n";
    let analysis = analyze(Language::Go, source);
    assert_eq!(entities(&analysis), ["5-5 class A()", "3-3 method A.M() 1"]);
    let expected = [
        "3:19 call method A.N in class:A | function:M",
        "3:26 call method N in class:A | function:M",
    ];
    assert_eq!(usages(&analysis), expected);
    assert_eq!(
        spans(&analysis, source)[1].1,
        "func (a A) M() { a.N(); b.N() }"
    );
}

#[test]
fn a_comment_documents_only_what_it_touches() {
    let source =
        "package p\n\n// Apart.\n\nfunc a() {} // Behind.\nfunc b() {}\n\n// Right.\nfunc c() {}\n";
    let expected = [
        "5-5 function a() 1 pass",
        "6-6 function b() 1 pass",
        "9-9 function c() 1 pass \"Right.\"",
    ];
    assert_eq!(entities(&analyze(Language::Go, source)), expected);
}

#[test]
fn constraints_are_no_embedded_interfaces() {
    let source = "package p\n\ntype N interface {\n\t~int\n\tA | B\n\tfmt.Stringer\n}\n";
    assert_eq!(
        entities(&analyze(Language::Go, source)),
        ["3-7 class N(fmt.Stringer)"]
    );
}
