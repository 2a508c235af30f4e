//! The core of the library tree-sitter.

use serde_json::json;

use super::Tree;

#[test]
fn twenty_questions_are_answered_right() {
    let tree = Tree::new("c");
    tree.answers(
        "Which files are longer than 800 lines?",
        "list_long_files",
        json!({"max_lines": 800}),
        "/files",
        &["relative_path", "lines"],
        json!([
            ["parser.c", 2315],
            ["subtree.c", 1096],
            ["stack.c", 912],
            ["node.c", 869]
        ]),
    );

    tree.answers(
        "What is there about tree cursors, and does it parse?",
        "list_project_files",
        json!({"file_pattern": "tree_cursor.*"}),
        "/files",
        &["relative_path", "lines", "parsed"],
        json!([["tree_cursor.c", 724, true], ["tree_cursor.h", 48, true]]),
    );

    tree.answers(
        "Which structures make up a stack?",
        "find_classes",
        json!({"pattern": "Stack*"}),
        "/classes",
        &["name", "relative_path", "line", "end_line"],
        json!([
            ["StackEntry", "reusable_node.h", 3, 7],
            ["StackLink", "stack.c", 23, 27],
            ["StackNode", "stack.c", 29, 38],
            ["StackIterator", "stack.c", 40, 45],
            ["StackStatus", "stack.c", 49, 53],
            ["StackHead", "stack.c", 55, 62],
            ["Stack", "stack.c", 64, 71],
            ["StackSlice", "stack.h", 17, 20],
            ["StackSummaryEntry", "stack.h", 23, 27]
        ]),
    );

    tree.answers(
        "Where are subtrees compressed, and with what?",
        "get_code_entity_info",
        json!({"entity_type": "function", "entity_name": "ts_subtree_compress"}),
        "/entities",
        &["relative_path", "line", "end_line", "args", "complexity"],
        json!([[
            "subtree.c",
            293,
            337,
            ["self", "count", "language", "stack"],
            13
        ]]),
    );

    tree.answers(
        "What can be done with lengths?",
        "list_code_entities",
        json!({"file_path": "length.h"}),
        "/entities",
        &["entity_type", "name", "line", "end_line"],
        json!([
            ["class", "Length", 9, 12],
            ["function", "length_is_undefined", 17, 19],
            ["function", "length_min", 21, 23],
            ["function", "length_add", 25, 30],
            ["function", "length_sub", 32, 37],
            ["function", "length_zero", 39, 42],
            ["function", "length_saturating_sub", 44, 50]
        ]),
    );

    tree.answers(
        "Who releases nodes of the stack, and where exactly?",
        "find_usages",
        json!({"target_name": "stack_node_release"}),
        "/usages",
        &["line", "column", "confidence", "context"],
        json!([
            [105, 6, "exact", "function:stack_node_release"],
            [282, 4, "exact", "function:stack_head_delete"],
            [445, 2, "exact", "function:ts_stack_delete"]
        ]),
    );

    tree.answers(
        "Who merges versions, in another file?",
        "find_usages",
        json!({"target_name": "ts_stack_merge"}),
        "/usages",
        &[
            "relative_path",
            "line",
            "confidence",
            "target/relative_path",
            "target/line",
        ],
        json!([
            ["parser.c", 1041, "likely", "stack.c", 708],
            ["parser.c", 1151, "likely", "stack.c", 708],
            ["parser.c", 1558, "likely", "stack.c", 708],
            ["parser.c", 1848, "likely", "stack.c", 708],
            ["parser.c", 1857, "likely", "stack.c", 708]
        ]),
    );

    tree.answers(
        "Who makes trees?",
        "find_usages",
        json!({"target_name": "ts_tree_new"}),
        "/usages",
        &[
            "relative_path",
            "line",
            "confidence",
            "target/relative_path",
            "target/line",
        ],
        json!([
            ["parser.c", 2241, "likely", "tree.c", 10],
            ["tree.c", 29, "exact", "tree.c", 10]
        ]),
    );

    tree.answers(
        "What does merging need?",
        "find_dependencies",
        json!({"entity_name": "ts_stack_merge"}),
        "/dependencies",
        &["name", "line", "used_at_line", "confidence"],
        json!([
            ["ts_stack_can_merge", 722, 709, "exact"],
            ["stack_node_add_link", 200, 713, "exact"],
            ["ts_stack_remove_version", 671, 718, "exact"]
        ]),
    );

    tree.answers(
        "Which files does a tree include?",
        "find_dependencies",
        json!({"entity_name": "tree.c", "entity_type": "module"}),
        "/dependencies",
        &["file"],
        json!([
            ["array.h"],
            ["get_changed_ranges.h"],
            ["language.h"],
            ["length.h"],
            ["subtree.h"],
            ["tree.h"],
            ["tree_cursor.h"]
        ]),
    );

    tree.answers(
        "Who includes reduce actions?",
        "export_graph",
        json!({"format": "json", "file_path": "reduce_action.h"}),
        "/edges",
        &[],
        json!([
            ["parser.c", "reduce_action.h"],
            ["reduce_action.h", "array.h"]
        ]),
    );

    tree.answers(
        "What does the lexer include, and from where?",
        "get_imports",
        json!({"file_path": "lexer.c"}),
        "/imports",
        &["line", "name", "targets"],
        json!([
            [1, "./length.h", ["length.h"]],
            [2, "./lexer.h", ["lexer.h"]],
            [3, "./unicode.h", ["unicode.h"]],
            [5, "tree_sitter/api.h", []],
            [7, "stdarg.h", []],
            [8, "stdio.h", []]
        ]),
    );

    tree.answers(
        "What is a lexer?",
        "get_class_hierarchy",
        json!({"class_name": "Lexer"}),
        "/hierarchy",
        &["relative_path", "line", "bases"],
        json!([["lexer.h", 18, []]]),
    );

    tree.answers(
        "What breaks when the stack is walked otherwise?",
        "impact",
        json!({"entity_name": "stack__iter", "max_depth": 1}),
        "/affected",
        &["name", "relative_path", "distance", "confidence"],
        json!([
            ["ts_stack_pop_count", "stack.c", 1, "exact"],
            ["ts_stack_pop_pending", "stack.c", 1, "exact"],
            ["ts_stack_pop_error", "stack.c", 1, "exact"],
            ["ts_stack_pop_all", "stack.c", 1, "exact"],
            ["ts_stack_record_summary", "stack.c", 1, "exact"]
        ]),
    );

    tree.answers(
        "What breaks in the end when reduce actions are collected otherwise?",
        "impact",
        json!({"entity_name": "ts_reduce_action_set_add", "max_depth": 3}),
        "/affected",
        &["name", "relative_path", "distance", "confidence"],
        json!([
            [
                "ts_parser__process_candidate_recovery_actions",
                "parser.c",
                1,
                "likely"
            ],
            [
                "ts_parser__do_all_potential_reductions",
                "parser.c",
                2,
                "likely"
            ],
            ["ts_parser__handle_error", "parser.c", 3, "likely"]
        ]),
    );

    // Each step was looked up at its line.
    tree.answers(
        "How does parsing a string come to delete heads of the stack?",
        "trace",
        json!({"from": "ts_parser_parse_string", "to": "stack_head_delete"}),
        "/path",
        &["name", "relative_path", "used_at_line", "confidence"],
        json!([
            ["ts_parser_parse_string", "parser.c", 2268, "exact"],
            ["ts_parser_parse_string_encoding", "parser.c", 2274, "exact"],
            ["ts_parser_parse", "parser.c", 2285, "exact"],
            ["ts_stack_clear", "stack.c", 2217, "likely"],
            ["stack_head_delete", "stack.c", 769, "exact"]
        ]),
    );

    // Counted by the words `if`, `for`, `while`, `case` and the signs `?`, `&&` and `||` in the text of each function without
    // comments, strings and directives, which is the same thing in C; all 413 functions agree.
    tree.answers(
        "What is hardest to read?",
        "analyze_complexity",
        json!({"min_complexity": 32}),
        "/results",
        &["name", "line", "complexity"],
        json!([
            ["ts_subtree_summarize_children", 349, 37],
            ["ts_subtree__write_to_string", 850, 35],
            ["ts_parser__recover", 1291, 32]
        ]),
    );

    // `TS_PUBLIC` before each of these four lines is a macro whose meaning is in another file, so that two names of types
    // follow each other; which of the words the parser then calls wrong is its own choice.
    tree.answers(
        "Which text is beyond the parser, because macros make it up?",
        "list_errors_by_category",
        json!({"limit": 4}),
        "/categories/syntax_error",
        &["relative_path", "line", "message"],
        json!([
            ["alloc.c", 33, "cannot parse `void`"],
            ["alloc.c", 34, "cannot parse `void`"],
            ["alloc.c", 35, "cannot parse `void`"],
            ["alloc.c", 36, "cannot parse `*`"]
        ]),
    );

    // `grep -n external_scanner.destroy`: the function whose name says it, one that takes the callback out of a language,
    // and the one that calls the first.
    tree.answers(
        "Who destroys external scanners?",
        "fulltext_search",
        json!({"query": "external_scanner_destroy"}),
        "/results",
        &["entity_name", "relative_path", "line"],
        json!([
            ["ts_parser__external_scanner_destroy", "parser.c", 374],
            ["ts_language_copy_without_callbacks", "language.c", 98],
            ["ts_parser_reset", "parser.c", 2098]
        ]),
    );

    tree.answers(
        "Where does the parser jump?",
        "search_ast_nodes",
        json!({"node_type": "goto_statement", "file_path": "parser.c"}),
        "/nodes",
        &["line", "text"],
        json!([
            [2148, "goto balance;"],
            [2151, "goto exit;"],
            [2194, "goto exit;"]
        ]),
    );
}

#[test]
fn a_question_in_prose_leads_to_the_entity() {
    let tree = Tree::new("c");
    let found = tree.explored("How are two versions of the stack merged?");
    let best = &found[..found.len().min(5)];
    assert!(best.contains(&"ts_stack_merge".to_owned()), "{found:?}");
}
