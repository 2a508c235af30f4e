//! What the analysis makes of Python, in exact values.

use crate::analysis::Language;
use crate::analysis::tests::{analyze, entities, imports, span_text, usages};

const SAMPLE: &str = include_str!("../testdata/sample.py");

const ENTITIES: &[&str] = &[
    r#"9-44 class Order(abc.ABC, Generic[T]) "An order \\d.""#,
    "19-19 method Order.price() 1 abstract pass",
    r#"22-38 method Order.pay(amount, *coins, tip, **kw) 12 "Pay \"it\" now.""#,
    "42-44 method Order.make(n) 2",
    "14-15 class State()",
    "43-43 function helper(self) 1",
    r#"50-52 function todo(a, b) 1 not-implemented "Later.""#,
    r#"55-58 function empty() 1 pass "Nothing\n    here.""#,
];

const IMPORTS: &[&str] = &[
    "2 import os.path",
    "2 import re",
    r#"3 import_from store from """#,
    r#"4 import_from Item from "models""#,
    r#"4 import_from Price from "models""#,
    r#"6 import_from * from "typing""#,
];

const USAGES: &[&str] = &[
    "9:16 attribute property ABC in class:Order",
    "18:9 attribute property abstractmethod in class:Order",
    "21:11 attribute property platform in class:Order",
    "27:25 attribute property Order.till in class:Order | function:pay",
    "27:30 call method add in class:Order | function:pay",
    "29:22 instantiation class ValueError in class:Order | function:pay",
    "29:43 attribute property real in class:Order | function:pay",
    "29:58 call method Order.name in class:Order | function:pay",
    "32:19 call function match in class:Order | function:pay",
    "32:36 call function join in class:Order | function:pay",
    "34:22 call function save in class:Order | function:pay",
    "34:32 instantiation class Order.State in class:Order | function:pay",
    "43:45 attribute property Order.total in class:Order | function:make | function:helper",
    "44:15 instantiation class Order in class:Order | function:make",
    "44:31 call function range in class:Order | function:make",
    "47:1 call function decorate",
];

#[test]
fn a_sample_is_read_exactly() {
    let analysis = analyze(Language::Python, SAMPLE);
    assert_eq!(analysis.syntax_errors, []);
    assert_eq!(analysis.lines, 58);
    assert_eq!(analysis.docstring.as_deref(), Some("Orders of a shop."));
    assert_eq!(entities(&analysis), ENTITIES);
    assert_eq!(imports(&analysis), IMPORTS);
    assert_eq!(usages(&analysis), USAGES);
}

#[test]
fn spans_go_from_the_keyword_to_the_last_statement() {
    let analysis = analyze(Language::Python, SAMPLE);
    let text = |name: &str| span_text(&analysis, SAMPLE, name);
    assert_eq!(text("State"), Some("class State:\n        OPEN = 1"));
    assert_eq!(text("price"), Some("def price(self): ..."));
    assert!(text("pay").is_some_and(|text| text.ends_with("case _: pass")));
    assert!(text("make").is_some_and(|text| text.starts_with("async def make")));
}

#[test]
fn definitions_belong_to_the_nearest_definition_around_them() {
    let source = "\
class A:
    try:
        with x:
            def method(self):
                class B:
                    def inner(self): pass
                def function(): pass
    except E:
        f = lambda: 1
def free():
    if x:
        def nested(): pass
";
    let expected = [
        "1-9 class A()",
        "4-7 method A.method() 1",
        "5-6 class B()",
        "6-6 method B.inner() 1 pass",
        "7-7 function function() 1 pass",
        "10-12 function free() 2",
        "12-12 function nested() 1 pass",
    ];
    assert_eq!(entities(&analyze(Language::Python, source)), expected);
}

#[test]
fn only_a_first_plain_string_is_a_docstring() {
    let docstring = |body: &str| analyze(Language::Python, body).docstring;
    assert_eq!(docstring("# c\n(\"\"\"a\"\"\")\n").as_deref(), Some("a"));
    assert_eq!(docstring("'a' \"b\" 'c'\n").as_deref(), Some("abc"));
    assert_eq!(docstring("\u{feff}'a'\r\n").as_deref(), Some("a"));
    for body in [
        "f'a'", "b'a'", "'a' f'b'", "'a',", "x = 'a'", "1\n'a'", "'a'.b", "",
    ] {
        assert_eq!(docstring(body), None, "{body}");
    }
}

#[test]
fn a_file_that_does_not_parse_is_read_as_far_as_it_goes() {
    let source = "import re\n\ndef good(a): return re.match(a)\n\ndef bad(:\n\nclass Fine:\n    def m(self): pass\n";
    let analysis = analyze(Language::Python, source);
    assert_eq!(imports(&analysis), ["1 import re"]);
    let found = entities(&analysis);
    assert!(
        found.contains(&"3-3 function good(a) 1".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"8-8 method Fine.m() 1 pass".to_owned()),
        "{found:?}"
    );
    assert_eq!(analysis.syntax_errors[0].line, 5);
}

#[test]
fn calls_of_the_files_own_classes_are_instantiations_in_any_case() {
    let source = "x = deque(1)\nclass deque: pass\nlist(2)\n";
    let expected = ["1:4 instantiation class deque", "3:0 call function list"];
    assert_eq!(usages(&analyze(Language::Python, source)), expected);
}

#[test]
fn errors_are_placed_where_they_are_innermost() {
    let source = "class A:\n    def f():\n        def g():\n            (b.\n        c)\n            x\n        y\n";
    let analysis = analyze(Language::Python, source);
    assert_eq!(
        (
            analysis.syntax_errors[0].line,
            analysis.syntax_errors[0].column
        ),
        (4, 12)
    );
}

#[test]
fn comments_and_line_continuations_are_no_parameters_and_no_bases() {
    let source = "class A(B,  # b\n        C):\n    def m(self, a, # a\n          \\\n          b): self()\n";
    let analysis = analyze(Language::Python, source);
    assert_eq!(
        entities(&analysis),
        ["1-5 class A(B, C)", "3-5 method A.m(a, b) 1"]
    );
    assert_eq!(
        usages(&analysis),
        ["5:14 instantiation class A in class:A | function:m"]
    );
}

#[test]
fn what_is_called_on_a_module_is_a_function() {
    let source = "from . import store\nfrom .store import item\nstore.save(1)\nitem.save(2)\nimport os.path\nos.path.join()\n";
    let expected = [
        "3:6 call function save",
        "4:5 call method save",
        "6:3 attribute property path",
        "6:8 call function join",
    ];
    assert_eq!(usages(&analyze(Language::Python, source)), expected);
}
