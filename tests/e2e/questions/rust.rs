//! The crate semver.

use serde_json::json;

use super::Tree;

#[test]
fn twenty_questions_are_answered_right() {
    let tree = Tree::new("rust");
    tree.answers(
        "Which files are longer than 300 lines?",
        "list_long_files",
        json!({"max_lines": 300}),
        "/files",
        &["relative_path", "lines"],
        json!([
            ["src/lib.rs", 569],
            ["src/identifier.rs", 412],
            ["src/parse.rs", 404]
        ]),
    );

    tree.answers(
        "What begins with e, and does it parse?",
        "list_project_files",
        json!({"file_pattern": "/src/e*.rs"}),
        "/files",
        &["relative_path", "lines", "parsed"],
        json!([["src/error.rs", 126, true], ["src/eval.rs", 175, true]]),
    );

    tree.answers(
        "Which types speak of requirements?",
        "find_classes",
        json!({"pattern": "VersionReq"}),
        "/classes",
        &["name", "relative_path", "line"],
        json!([
            ["VersionReq", "src/display.rs", 33],
            ["VersionReq", "src/impls.rs", 152],
            ["VersionReq", "src/lib.rs", 184],
            ["VersionReq", "src/parse.rs", 84],
            ["VersionReq", "src/serde.rs", 15],
            ["VersionReqVisitor", "src/serde.rs", 64]
        ]),
    );

    tree.answers(
        "Where is one comparator matched, and with what?",
        "get_code_entity_info",
        json!({"entity_type": "function", "entity_name": "matches_comparator"}),
        "/entities",
        &["relative_path", "line", "end_line", "args", "complexity"],
        json!([["src/eval.rs", 26, 28, ["cmp", "ver"], 3]]),
    );

    tree.answers(
        "What can be done with a version, wherever that is implemented?",
        "list_class_methods",
        json!({"class_name": "Version"}),
        "/methods",
        &["name", "relative_path", "line"],
        json!([
            ["fmt", "src/display.rs", 5],
            ["fmt", "src/display.rs", 92],
            ["new", "src/lib.rs", 389],
            ["parse", "src/lib.rs", 422],
            ["cmp_precedence", "src/lib.rs", 466],
            ["from_str", "src/parse.rs", 28],
            ["serialize", "src/serde.rs", 7],
            ["deserialize", "src/serde.rs", 34]
        ]),
    );

    tree.answers(
        "Who reads numbers, and where exactly?",
        "find_usages",
        json!({"target_name": "numeric_identifier"}),
        "/usages",
        &["line", "column", "confidence", "context"],
        json!([
            [34, 28, "exact", "class:Version | function:from_str"],
            [38, 28, "exact", "class:Version | function:from_str"],
            [42, 28, "exact", "class:Version | function:from_str"],
            [293, 24, "exact", "function:comparator"],
            [305, 32, "exact", "function:comparator"],
            [322, 32, "exact", "function:comparator"]
        ]),
    );

    tree.answers(
        "Which new_unchecked is the project's own?",
        "find_usages",
        json!({"target_name": "new_unchecked", "file_path": "src/parse.rs"}),
        "/usages",
        &[
            "line",
            "target_class",
            "confidence",
            "target/relative_path",
            "target/line",
        ],
        json!([
            [210, "Identifier", "exact", "src/identifier.rs", 104],
            [216, "Identifier", "exact", "src/identifier.rs", 104]
        ]),
    );

    tree.answers(
        "And which are not?",
        "find_usages",
        json!({"target_name": "new_unchecked", "file_path": "src/identifier.rs", "limit": 3}),
        "/usages",
        &["line", "target_class", "confidence", "target"],
        json!([
            [94, "NonNull", "by_name", null],
            [120, "NonZeroUsize", "by_name", null],
            [292, "NonNull", "by_name", null]
        ]),
    );

    tree.answers(
        "What does matching a requirement need?",
        "find_dependencies",
        json!({"entity_name": "matches_req"}),
        "/dependencies",
        &["name", "line", "used_at_line", "confidence"],
        json!([
            ["matches_impl", 30, 5, "exact"],
            ["pre_is_compatible", 170, 18, "exact"]
        ]),
    );

    tree.answers(
        "Which files does the parser import?",
        "find_dependencies",
        json!({"entity_name": "src/parse.rs", "entity_type": "module"}),
        "/dependencies",
        &["file"],
        json!([["src/error.rs"], ["src/identifier.rs"], ["src/lib.rs"]]),
    );

    tree.answers(
        "What do errors hang on?",
        "export_graph",
        json!({"format": "json", "file_path": "src/error.rs"}),
        "/edges",
        &[],
        json!([
            ["src/error.rs", "src/parse.rs"],
            ["src/lib.rs", "src/error.rs"],
            ["src/parse.rs", "src/error.rs"]
        ]),
    );

    tree.answers(
        "What do errors import, and from where?",
        "get_imports",
        json!({"file_path": "src/error.rs"}),
        "/imports",
        &["line", "module", "name", "targets"],
        json!([
            [1, "crate::parse", "Error", ["src/parse.rs"]],
            [2, "core", "fmt", []],
            [2, "core::fmt", "Debug", []],
            [2, "core::fmt", "Display", []]
        ]),
    );

    tree.answers(
        "Which traits has an identifier?",
        "get_class_hierarchy",
        json!({"class_name": "Identifier"}),
        "/hierarchy",
        &["relative_path", "line", "bases"],
        json!([
            [
                "src/identifier.rs",
                84,
                ["Clone", "Drop", "PartialEq", "Send", "Sync"]
            ],
            ["src/impls.rs", 8, ["Default", "Eq", "Hash"]]
        ]),
    );

    tree.answers(
        "What breaks when prereleases are compared otherwise?",
        "impact",
        json!({"entity_name": "pre_is_compatible"}),
        "/affected",
        &[
            "name",
            "class_name",
            "relative_path",
            "distance",
            "confidence",
        ],
        json!([
            ["matches_req", null, "src/eval.rs", 1, "exact"],
            ["matches_comparator", null, "src/eval.rs", 1, "exact"],
            ["matches", "VersionReq", "src/lib.rs", 2, "exact"],
            ["matches", "Comparator", "src/lib.rs", 2, "exact"]
        ]),
    );

    // Each step was looked up at its line; no call of these functions leads there in fewer.
    tree.answers(
        "How does a requirement come to a caret?",
        "trace",
        json!({"from": "VersionReq.matches", "to": "matches_caret"}),
        "/path",
        &["name", "class_name", "used_at_line", "confidence"],
        json!([
            ["matches", "VersionReq", 513, "exact"],
            ["matches_req", null, 514, "exact"],
            ["matches_impl", null, 5, "exact"],
            ["matches_caret", null, 38, "exact"]
        ]),
    );

    tree.answers(
        "How does parsing come to numbers, through a trait in another file?",
        "trace",
        json!({"from": "Version.parse", "to": "numeric_identifier"}),
        "/path",
        &["name", "class_name", "used_at_line", "confidence"],
        json!([
            ["parse", "Version", 422, "exact"],
            ["from_str", "Version", 423, "likely"],
            ["numeric_identifier", null, 34, "exact"]
        ]),
    );

    // Counted by reading: `Comparator.fmt` has 8 arms and 5 conditions; `Prerelease.cmp` 7 arms, a guard, a loop, a
    // `let ... else` and 3 conditions; `comparator` 11 conditions and 2 `&&`; `Error.fmt` 12 arms; `matches_caret` 9
    // conditions, a `||` and 2 `let ... else`; `identifier` a loop, 2 arms, for the third takes what is left, 4 conditions and
    // 4 `&&`.
    tree.answers(
        "What is hardest to read?",
        "analyze_complexity",
        json!({"min_complexity": 12}),
        "/results",
        &["name", "line", "complexity"],
        json!([
            ["Comparator.fmt", 49, 14],
            ["Prerelease.cmp", 51, 14],
            ["comparator", 287, 14],
            ["Error.fmt", 33, 13],
            ["matches_caret", 134, 13],
            ["identifier", 220, 12]
        ]),
    );

    tree.answers(
        "Is anything broken or unfinished?",
        "list_errors_by_category",
        json!({}),
        "/summary",
        &[],
        json!({}),
    );

    // `grep -rni 'leading.zero'`: the message in `Error.fmt`, the example above `Version.parse`; what else there is belongs
    // to no method.
    tree.answers(
        "Who speaks of leading zeros?",
        "fulltext_search",
        json!({"query": "leading zero", "entity_type": "method"}),
        "/results",
        &["entity_name", "relative_path", "line"],
        json!([
            ["Error.fmt", "src/error.rs", 63],
            ["Version.parse", "src/lib.rs", 422]
        ]),
    );

    tree.answers(
        "Where does the parser leave safe ground?",
        "search_ast_nodes",
        json!({"node_type": "unsafe_block", "file_path": "src/parse.rs"}),
        "/nodes",
        &["line"],
        json!([[103], [210], [216], [382], [402]]),
    );
}

#[test]
fn a_question_in_prose_leads_to_the_entity() {
    let tree = Tree::new("rust");
    let found = tree.explored("How is a caret requirement matched?");
    let best = &found[..found.len().min(5)];
    assert!(best.contains(&"matches_caret".to_owned()), "{found:?}");
}
