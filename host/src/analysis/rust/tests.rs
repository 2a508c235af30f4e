//! What the analysis makes of Rust, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, span_text, usages};

const SAMPLE: &str = include_str!("../testdata/sample.rs");

const ENTITIES: &[&str] = &[
    r#"29-31 class Ledger(Audit) "A list of entries.\n\nIn order.""#,
    r#"10-10 method Ledger.open(path, (a, b)) 1 "Opens it.""#,
    "12-22 method Ledger.add(entry) 10 not-implemented",
    "45-45 method Ledger.audit(depth) 1",
    r#"35-39 class Audit(Clone, fmt::Debug) "What can be\naudited.""#,
    r#"37-37 method Audit.audit(depth) 1 abstract "Audits.""#,
    "38-38 method Audit.quick() 1 pass",
    "42-42 class Kind()",
    "48-48 class Foreign(Audit)",
    "48-48 method Foreign.audit(_) 1 not-implemented",
    "20-20 function inner() 1 pass",
    "50-50 function check() 1",
];

const IMPORTS: &[&str] = &[
    r#"3 import_from HashMap from "std::collections""#,
    r#"3 import_from fmt from "std""#,
    r#"3 import_from Display from "std::fmt""#,
    r#"3 import_from * from "std::io""#,
    "4 import serde",
    "5 import alloc",
];

const USAGES: &[&str] = &[
    "10:66 instantiation class Ledger in class:Ledger | function:open",
    "10:87 call method Vec.new in class:Ledger | function:open",
    "13:33 call method Ledger.last in class:Ledger | function:add",
    "13:48 attribute property id in class:Ledger | function:add",
    "13:60 attribute property id in class:Ledger | function:add",
    "13:72 call method is_empty in class:Ledger | function:add",
    "14:19 instantiation class Err in class:Ledger | function:add",
    "14:30 instantiation class Error.Twice in class:Ledger | function:add",
    "14:42 attribute property id in class:Ledger | function:add",
    "17:20 attribute property kind in class:Ledger | function:add",
    "17:44 attribute property Ledger.open in class:Ledger | function:add",
    "17:62 call function swap in class:Ledger | function:add",
    "17:101 call function todo in class:Ledger | function:add",
    "18:8 call function println in class:Ledger | function:add",
    "18:23 call function format_args in class:Ledger | function:add",
    "18:49 call method Entry.from in class:Ledger | function:add",
    "18:60 call method label in class:Ledger | function:add",
    "18:68 call method trim in class:Ledger | function:add",
    "19:13 attribute property Ledger.entries in class:Ledger | function:add",
    "19:21 call method push in class:Ledger | function:add",
    "19:32 call method clone in class:Ledger | function:add",
    "21:8 instantiation class Ok in class:Ledger | function:add",
    "45:51 call method len in class:Ledger | function:audit",
    "48:68 call function unimplemented in class:Foreign | function:audit",
    "50:32 call function open in function:check",
    "50:47 instantiation class Foreign in function:check",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::Rust, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(analysis.lines, 50);
    assert_eq!(
        analysis.docstring.as_deref(),
        Some("Accounts of a bank.\nAnd money.")
    );
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}

#[test]
fn spans_leave_attributes_out() {
    let analysis = analyze(Language::Rust, SAMPLE);
    let text = |name: &str| span_text(&analysis, SAMPLE, name).unwrap_or_default();
    assert!(text("Ledger").starts_with("pub struct Ledger"));
    assert!(text("open").starts_with("pub const fn open"));
}

#[test]
fn a_type_declared_between_its_methods_is_one_class() {
    let source =
        "impl A { fn a() {} }\nimpl A { fn b() {} }\nstruct A;\nimpl B for A { fn c() {} }\n";
    let expected = [
        "3-3 class A(B)",
        "1-1 method A.a() 1 pass",
        "2-2 method A.b() 1 pass",
        "4-4 method A.c() 1 pass",
    ];
    assert_eq!(entities(&analyze(Language::Rust, source)), expected);
}

#[test]
fn a_file_that_does_not_parse_is_read_as_far_as_it_goes() {
    let analysis = analyze(
        Language::Rust,
        "fn good() { call(); }\n\nfn bad( {\n\nstruct Fine;\n",
    );
    assert_eq!(
        entities(&analysis)[..],
        ["5-5 class Fine()", "1-1 function good() 1"]
    );
    assert_eq!(analysis.syntax_errors.len(), 1);
}

#[test]
fn classes_are_sorted_by_line_and_foreign_functions_left_out() {
    let source = "impl A { fn a() {} }\nstruct B;\nstruct A;\nextern \"C\" { fn c(); }\n";
    let expected = ["2-2 class B()", "3-3 class A()", "1-1 method A.a() 1 pass"];
    assert_eq!(entities(&analyze(Language::Rust, source)), expected);
}

#[test]
fn guards_and_let_else_decide_and_names_that_take_the_rest_do_not() {
    let body = |text: &str| format!("fn f(x: Option<u8>) -> u8 {{ {text} }}");
    for (text, complexity) in [
        ("match x { Some(1) => 1, _ => 2 }", 2),
        ("match x { Some(1) => 1, rest => 2 }", 2),
        (
            "match x { Some(1) => 1, None => 2, Some(n) if n > 3 => 3, Some(_) => 4 }",
            6,
        ),
        ("match y { true => 1, false => 2 }", 3),
        ("let Some(y) = x else { return 1 }; y", 2),
        ("let y = 1; y", 1),
        ("if let Some(y) = x && y > 1 || z { 1 } else { 2 }", 4),
    ] {
        let analysis = analyze(Language::Rust, &body(text));
        assert_eq!(analysis.functions[0].complexity, complexity, "{text}");
    }
}
