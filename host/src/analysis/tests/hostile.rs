//! Texts that nobody writes on purpose: the analysis must come back from all of them.

use std::fmt::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{analyze, entities, usages};
use crate::analysis::time_limit::thread_time;
use crate::analysis::{Analyzer, Language};

/// Analyses a text in all languages, and fails when that takes long.
fn survive(name: &str, source: &str) {
    for language in Language::ALL {
        let start = Instant::now();
        let analysis = analyze(language, source);
        assert!(analysis.syntax_errors.len() <= 20);
        // A debug build on a busy machine; what this guards against takes minutes.
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{name} in {language:?}"
        );
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "")] {
        survive(
            open,
            &format!("{}x{}", open.repeat(100_000), close.repeat(100_000)),
        );
    }
}

#[test]
fn nested_definitions_do_not_cost_the_square_of_their_depth() {
    let depth = 5_000;
    let source = format!(
        "{}x.y(){}",
        "function outer() {".repeat(depth),
        "}".repeat(depth)
    );
    let analysis = analyze(Language::JavaScript, &source);
    assert_eq!(analysis.functions.len(), 1, "all share their line and name");
    assert!(
        analysis.usages[0]
            .context
            .as_ref()
            .is_some_and(|context| context.len() < 600)
    );
}

#[test]
fn long_names_are_not_repeated_at_length() {
    let name = "n".repeat(100_000);
    let source = format!(
        "class {name}:\n    def m(self):\n        {}",
        "self.x;".repeat(10_000)
    );
    let analysis = analyze(Language::Python, &source);
    assert_eq!(analysis.classes[0].name, name);
    assert_eq!(analysis.usages.len(), 10_000);
    assert!(
        analysis
            .usages
            .iter()
            .all(|usage| usage.context.as_ref().is_some_and(|c| c.len() < 600))
    );
}

#[test]
fn a_megabyte_on_one_line_is_read() {
    let source = "a.b(c);".repeat(150_000);
    let analysis = analyze(Language::JavaScript, &source);
    assert_eq!(analysis.usages.len(), 150_000);
    assert_eq!(usages(&analysis)[1], "1:9 call method b");
    survive("letters", &"a".repeat(1_000_000));
}

#[test]
fn what_is_not_terminated_ends_with_the_text() {
    for open in [
        "\"", "'", "`", "\"\"\"", "/*", "/**", "r#\"", "f'{", "#if", "//", "<", "@", "\\", "R\"x(",
    ] {
        survive(open, &format!("x = 1\n{open}some text"));
        survive(open, open);
    }
}

#[test]
fn odd_bytes_are_text_like_any_other() {
    for source in [
        "",
        "\0",
        "a\0b\0",
        "\u{feff}",
        "\r",
        "\r\n\r\n",
        "\u{2028}",
        "é\u{301}🦀",
        "\u{7f}\u{1}\t\u{b}\u{c}",
    ] {
        survive("odd bytes", source);
        survive("odd bytes", &source.repeat(1_000));
    }
}

#[test]
fn line_breaks_and_byte_order_marks_change_no_line_and_no_span() {
    let plain = "import re\nclass A:\n    def f(self): return re.x\n";
    let dos = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
    let analysis = analyze(Language::Python, &dos);
    assert_eq!(
        entities(&analysis),
        entities(&analyze(Language::Python, plain))
    );
    assert_eq!(usages(&analysis), usages(&analyze(Language::Python, plain)));
    assert_eq!(analysis.lines, 3);
    assert_eq!(
        &dos[analysis.classes[0].methods[0].span.clone()],
        "def f(self): return re.x"
    );
}

#[test]
fn the_first_of_two_with_the_same_line_and_name_is_kept() {
    let analysis = analyze(
        Language::JavaScript,
        "function f(a) {} function f(b) {} class C { m(a) {} m(b) {} n() {} }",
    );
    let expected = [
        "1-1 class C()",
        "1-1 method C.m(a) 1 pass",
        "1-1 method C.n() 1 pass",
        "1-1 function f(a) 1 pass",
    ];
    assert_eq!(entities(&analysis), expected);
}

#[test]
fn errors_are_found_where_they_are_and_not_too_many() {
    let mut source = String::new();
    for _ in 0..100 {
        let _ = writeln!(source, "x = = 1");
    }
    let analysis = analyze(Language::Python, &source);
    assert_eq!(analysis.syntax_errors.len(), 20);
    let error = &analysis.syntax_errors[1];
    assert_eq!(
        (error.line, error.column, error.message.as_str()),
        (2, 4, "cannot parse `=`")
    );
    let missing = analyze(Language::Java, "class A { int a }").syntax_errors;
    assert_eq!(missing[0].message, "missing `;`");
}

#[test]
fn parsing_is_given_up_when_it_takes_too_long() {
    let source = "r#\"".repeat(40_000);
    let mut analyzer = Analyzer::new();
    let start = thread_time();
    let analysis = analyzer.analyze(Language::Rust, &source);
    assert!(thread_time() - start < Duration::from_secs(10));
    assert_eq!(analysis.syntax_errors.len(), 1);
    // The same parser goes on with the next text.
    assert_eq!(
        analyzer
            .analyze(Language::Rust, "fn f() {}")
            .functions
            .len(),
        1
    );
}

/// Fragments that mean something to at least one of the languages.
const FRAGMENTS: &[&str] = &[
    "class ",
    "def f",
    "fn f",
    "function ",
    "func ",
    "struct ",
    "impl ",
    "use a::",
    "import ",
    "from . ",
    "@",
    "#[x]",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "<",
    ">",
    ":",
    ";",
    ",",
    ".",
    "::",
    "=>",
    "->",
    "=",
    "&&",
    "\n",
    "\n    ",
    "\"",
    "'",
    "`",
    "//",
    "/**",
    "*/",
    "#",
    "x",
    "A",
    "self",
    "this",
    "é",
    "\0",
    "\r\n",
    "1",
    "match ",
    "case ",
    "type ",
    "interface ",
    "if ",
    "lambda",
    "async ",
    "export ",
    "default ",
    "#include ",
    "namespace ",
    "template<",
    "~",
    "\\",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_survived(source in "\\PC{0,200}") {
        let mut analyzer = Analyzer::new();
        for language in Language::ALL {
            check(&mut analyzer, language, &source);
        }
    }

    #[test]
    fn any_code_like_text_is_survived(parts in prop::collection::vec(prop::sample::select(FRAGMENTS), 0..60)) {
        let mut analyzer = Analyzer::new();
        for language in Language::ALL {
            check(&mut analyzer, language, &parts.concat());
        }
    }
}

/// What holds for the analysis of any text.
fn check(analyzer: &mut Analyzer, language: Language, source: &str) {
    let analysis = analyzer.analyze(language, source);
    let lines = analysis.lines.max(1);
    let methods = analysis.classes.iter().flat_map(|class| &class.methods);
    for function in analysis.functions.iter().chain(methods) {
        assert!(source.get(function.span.clone()).is_some(), "{function:?}");
        assert!(
            1 <= function.line && function.line <= function.end_line && function.end_line <= lines
        );
        assert!(function.complexity >= 1);
    }
    for class in &analysis.classes {
        assert!(source.get(class.span.clone()).is_some(), "{class:?}");
    }
    for usage in &analysis.usages {
        assert!(1 <= usage.line && usage.line <= lines, "{usage:?}");
    }
}
