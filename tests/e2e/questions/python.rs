//! The packages `json` and `logging` of Python's standard library.

use serde_json::json;

use super::Tree;

#[test]
fn twenty_questions_are_answered_right() {
    let tree = Tree::new("python");
    tree.answers(
        "Which files are longer than 1,000 lines?",
        "list_long_files",
        json!({"max_lines": 1000}),
        "/files",
        &["relative_path", "lines"],
        json!([["logging/__init__.py", 2273], ["logging/handlers.py", 1608]]),
    );

    tree.answers(
        "What does the package json consist of, and does it parse?",
        "list_project_files",
        json!({"file_pattern": "/json/"}),
        "/files",
        &["relative_path", "lines", "parsed"],
        json!([
            ["json/__init__.py", 359, true],
            ["json/decoder.py", 356, true],
            ["json/encoder.py", 443, true],
            ["json/scanner.py", 73, true],
            ["json/tool.py", 85, true]
        ]),
    );

    tree.answers(
        "Which classes rotate files?",
        "find_classes",
        json!({"pattern": "*Rotating*"}),
        "/classes",
        &["name", "relative_path", "line", "end_line"],
        json!([
            ["BaseRotatingHandler", "logging/handlers.py", 45, 117],
            ["RotatingFileHandler", "logging/handlers.py", 119, 200],
            ["TimedRotatingFileHandler", "logging/handlers.py", 202, 453]
        ]),
    );

    tree.answers(
        "Where is the encoding detected, and from what?",
        "get_code_entity_info",
        json!({"entity_type": "function", "entity_name": "detect_encoding"}),
        "/entities",
        &["relative_path", "line", "end_line", "args", "complexity"],
        json!([["json/__init__.py", 244, 271, ["b"], 13]]),
    );

    tree.answers(
        "What can be done with a buffering handler?",
        "list_class_methods",
        json!({"class_name": "BufferingHandler"}),
        "/methods",
        &["name", "line"],
        json!([
            ["__init__", 1300],
            ["shouldFlush", 1308],
            ["emit", 1317],
            ["flush", 1328],
            ["close", 1340]
        ]),
    );

    tree.answers(
        "Who checks levels, and where exactly?",
        "find_usages",
        json!({"target_name": "_checkLevel"}),
        "/usages",
        &["line", "column", "confidence", "context"],
        json!([
            [889, 21, "exact", "class:Handler | function:__init__"],
            [940, 21, "exact", "class:Handler | function:setLevel"],
            [1325, 24, "exact", "class:Manager | function:disable"],
            [1453, 21, "exact", "class:Logger | function:__init__"],
            [1464, 21, "exact", "class:Logger | function:setLevel"]
        ]),
    );

    tree.answers(
        "Which load does the tool call?",
        "find_usages",
        json!({"target_name": "load", "file_path": "json/tool.py"}),
        "/usages",
        &[
            "line",
            "receiver",
            "confidence",
            "target/relative_path",
            "target/line",
        ],
        json!([[67, "json", "exact", "json/__init__.py", 274]]),
    );

    tree.answers(
        "Whose shouldRollover is called? Any of two.",
        "find_usages",
        json!({"target_name": "shouldRollover"}),
        "/usages",
        &["relative_path", "line", "confidence", "candidates"],
        json!([["logging/handlers.py", 73, "by_name", 2]]),
    );

    tree.answers(
        "What does decoding need?",
        "find_dependencies",
        json!({"entity_name": "JSONDecoder.decode"}),
        "/dependencies",
        &["name", "class_name", "line", "used_at_line", "confidence"],
        json!([
            ["raw_decode", "JSONDecoder", 343, 337, "exact"],
            ["JSONDecodeError", null, 20, 340, "exact"]
        ]),
    );

    tree.answers(
        "Which files does the package json load first?",
        "find_dependencies",
        json!({"entity_name": "json/__init__.py", "entity_type": "module"}),
        "/dependencies",
        &["file"],
        json!([["json/decoder.py"], ["json/encoder.py"]]),
    );

    tree.answers(
        "What is the decoder between?",
        "export_graph",
        json!({"format": "json", "file_path": "json/decoder.py"}),
        "/edges",
        &[],
        json!([
            ["json/__init__.py", "json/decoder.py"],
            ["json/decoder.py", "json/scanner.py"]
        ]),
    );

    tree.answers(
        "What does the decoder import, and from where?",
        "get_imports",
        json!({"file_path": "json/decoder.py"}),
        "/imports",
        &["line", "module", "name", "alias", "targets"],
        json!([
            [3, null, "re", null, []],
            [5, "json", "scanner", null, ["json/scanner.py"]],
            [7, "_json", "scanstring", "c_scanstring", []]
        ]),
    );

    tree.answers(
        "What is a RotatingFileHandler?",
        "get_class_hierarchy",
        json!({"class_name": "RotatingFileHandler"}),
        "/hierarchy/0/ancestors",
        &["name", "relative_path", "line"],
        json!([
            ["BaseRotatingHandler", "logging/handlers.py", 45],
            ["FileHandler", "logging/__init__.py", 1152],
            ["StreamHandler", "logging/__init__.py", 1067],
            ["Handler", "logging/__init__.py", 873],
            ["Filterer", "logging/__init__.py", 790]
        ]),
    );

    tree.answers(
        "Which handlers write files?",
        "get_class_hierarchy",
        json!({"class_name": "FileHandler"}),
        "/hierarchy/0/descendants",
        &["name", "relative_path", "line"],
        json!([
            ["BaseRotatingHandler", "logging/handlers.py", 45],
            ["WatchedFileHandler", "logging/handlers.py", 455],
            ["RotatingFileHandler", "logging/handlers.py", 119],
            ["TimedRotatingFileHandler", "logging/handlers.py", 202]
        ]),
    );

    tree.answers(
        "What breaks when the reading of \\\\u escapes changes?",
        "impact",
        json!({"entity_name": "_decode_uXXXX"}),
        "/affected",
        &["name", "relative_path", "distance", "confidence"],
        json!([["py_scanstring", "json/decoder.py", 1, "exact"]]),
    );

    // Read at each line: 2054 makes a StreamHandler, whose `__init__` at 1082 calls that of Handler, which registers itself
    // at 893.
    tree.answers(
        "How does the basic configuration come to register a handler?",
        "trace",
        json!({"from": "basicConfig", "to": "_addHandlerRef"}),
        "/path",
        &["name", "class_name", "used_at_line", "confidence"],
        json!([
            ["basicConfig", null, 1953, "exact"],
            ["StreamHandler", null, 2054, "exact"],
            ["__init__", "Handler", 1082, "exact"],
            ["_addHandlerRef", null, 893, "exact"]
        ]),
    );

    // Counted with Python's own `ast`: 1 and one for each If, For, While, ExceptHandler and IfExp, each `if` of a
    // comprehension and each operand of a BoolOp but its first (tests/scripts/count_decisions.py); all 252
    // functions agree.
    tree.answers(
        "What is hardest to read?",
        "analyze_complexity",
        json!({"min_complexity": 17}),
        "/results",
        &["name", "line", "complexity"],
        json!([
            ["_iterencode_dict", 334, 25],
            ["JSONObject", 136, 22],
            ["_scan_once", 28, 22],
            ["loads", 299, 17],
            ["_iterencode_list", 278, 17],
            ["basicConfig", 1953, 17]
        ]),
    );

    tree.answers(
        "What is left for others to implement?",
        "list_errors_by_category",
        json!({}),
        "/categories/not_implemented",
        &["relative_path", "line", "message"],
        json!([["logging/__init__.py", 955, "Handler.emit"]]),
    );

    // `grep -rn BOM`: no other text has all the words.
    tree.answers(
        "Who complains about a byte order mark?",
        "fulltext_search",
        json!({"query": "Unexpected UTF-8 BOM"}),
        "/results",
        &["entity_name", "relative_path", "line"],
        json!([["loads", "json/__init__.py", 335]]),
    );

    tree.answers(
        "Where does the encoder give up?",
        "search_ast_nodes",
        json!({"node_type": "raise_statement", "file_path": "json/encoder.py"}),
        "/nodes",
        &["line"],
        json!([[180], [240], [285], [341], [377], [437]]),
    );
}

#[test]
fn a_question_in_prose_leads_to_the_entity() {
    let tree = Tree::new("python");
    let found = tree.explored("How is the time of a log record formatted?");
    let best = &found[..found.len().min(5)];
    assert!(
        best.contains(&"Formatter.formatTime".to_owned()),
        "{found:?}"
    );
}
