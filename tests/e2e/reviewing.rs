//! What is read from disk on request: syntax trees, functions that are alike, everything unfinished, logs of workers.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{assert_failure, indexed_shop};
use crate::support::sandbox::Sandbox;

/// Two functions of one form, a remark, and an import that nothing uses.
const DOUBLED: &str = "import os\n\n\ndef first(items):\n    # TODO: be faster\n    found = []\n    for item in items:\n        \
                       if item.cents > 3:\n            found.append(item)\n    return found\n\n\ndef second(orders):\n    kept = []\n    \
                       for order in orders:\n        if order.total > 40:\n            kept.append(order)\n    return kept\n";

fn ask(sandbox: &Sandbox, command: &str, parameters: &Value) -> Value {
    let parameters = parameters.to_string();
    let arguments = ["call", command, "--params", &parameters, "--json"];
    sandbox.host(&arguments).ok().json()
}

fn with_doubled() -> Sandbox {
    let sandbox = indexed_shop();
    fs::write(sandbox.work().join("shop/shop/doubled.py"), DOUBLED).unwrap();
    sandbox.host(&["index", "shop"]).ok();
    sandbox
}

#[test]
fn a_syntax_tree_is_told_as_far_as_is_wanted() {
    let sandbox = indexed_shop();
    let whole = json!({"file_path": "shop/cart.py", "max_depth": 50});
    let whole = ask(&sandbox, "get_ast", &whole);
    assert_eq!(
        (&whole["ast"]["type"], &whole["has_more"]),
        (&json!("module"), &json!(false))
    );
    let some = json!({"file_path": "shop/cart.py", "first_line": 20, "max_depth": 2});
    let some = ask(&sandbox, "get_ast", &some);
    assert_eq!(some["ast_hash"], whole["ast_hash"]);
    assert_eq!(some["has_more"], true);
    let children = some["ast"]["children"].as_array().unwrap();
    assert_eq!(
        (&children[0]["type"], &children[0]["line"]),
        (&json!("function_definition"), &json!(20))
    );
    let only_hash = json!({"file_path": "shop/cart.py", "include_json": false});
    let only_hash = ask(&sandbox, "get_ast", &only_hash);
    assert_eq!(
        (only_hash.get("ast"), &only_hash["ast_hash"]),
        (None, &whole["ast_hash"])
    );
    let counted = ask(&sandbox, "ast_statistics", &json!({}));
    assert_eq!(
        (&counted["files_count"], &counted["ast_trees_count"]),
        (&json!(4), &json!(0))
    );
    assert_eq!(counted["node_types"]["python"]["class_definition"], 4);
}

#[test]
fn nodes_are_found_by_kind_and_page() {
    let sandbox = indexed_shop();
    let names = |parameters: &Value| {
        let found = ask(&sandbox, "search_ast_nodes", parameters);
        let nodes = found["nodes"].as_array().unwrap().iter();
        let names: Vec<String> = nodes
            .map(|node| node["name"].as_str().unwrap().to_owned())
            .collect();
        (names, found["has_more"].as_bool().unwrap())
    };
    // By the name that Python's own module gives them, too.
    for kind in ["class_definition", "ClassDef"] {
        let first = names(&json!({"node_type": kind, "limit": 3}));
        assert_eq!(
            first,
            (["Cart", "Priced", "Item"].map(str::to_owned).to_vec(), true)
        );
        let rest = names(&json!({"node_type": kind, "limit": 3, "offset": 3}));
        assert_eq!(rest, (vec!["Order".to_owned()], false));
    }
    let slip = sandbox.host(&["call", "search_ast_nodes", "node_type=class_definitio"]);
    assert_failure(&slip, 2, &["/node_type", "did you mean class_definition"]);
}

#[test]
fn functions_of_one_form_are_found_whatever_they_name() {
    let sandbox = with_doubled();
    let found = ask(&sandbox, "find_duplicates", &json!({"use_semantic": true}));
    assert_eq!(
        (&found["total_groups"], &found["total_occurrences"]),
        (&json!(1), &json!(2))
    );
    let group = &found["duplicate_groups"][0];
    assert_eq!(group["similarity"], 1.0);
    let names: Vec<&str> = group["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["first", "second"]);
    let degraded = found["freshness"]["degraded"][0].as_str().unwrap();
    assert!(degraded.starts_with("only form was compared"), "{degraded}");
    let strict = ask(&sandbox, "find_duplicates", &json!({"min_lines": 10}));
    assert_eq!(strict["total_groups"], 0);
}

#[test]
fn everything_unfinished_is_told_and_what_was_not_looked_for() {
    let sandbox = with_doubled();
    let told = ask(
        &sandbox,
        "comprehensive_analysis",
        &json!({"max_lines": 30}),
    );
    let results = &told["results"];
    let lines = |kind: &str| -> Vec<(String, u64)> {
        let notes = results[kind].as_array().unwrap().iter();
        let line = |note: &Value| {
            let path = note["relative_path"].as_str().unwrap();
            (path.to_owned(), note["line"].as_u64().unwrap())
        };
        notes.map(line).collect()
    };
    let doubled = |line| vec![("shop/doubled.py".to_owned(), line)];
    assert_eq!(lines("placeholders"), doubled(5));
    assert_eq!(lines("unused_imports").last(), doubled(1).last());
    assert_eq!(lines("duplicates"), doubled(4));
    assert_eq!(lines("empty_methods"), [("shop/cart.py".to_owned(), 16)]);
    assert_eq!(lines("long_files"), [("shop/models.py".to_owned(), 1)]);
    assert_eq!(told["summary"]["stubs"], 0);
    let degraded = told["freshness"]["degraded"].to_string();
    for checker in ["flake8", "mypy"] {
        let ran = results.get(checker).is_some();
        assert_ne!(
            ran,
            degraded.contains(&format!("{checker} is not installed")),
            "{told}"
        );
    }
    let none = json!({"check_flake8": false, "check_mypy": false, "check_docstrings": false});
    let none = ask(&sandbox, "comprehensive_analysis", &none);
    assert_eq!(none["freshness"]["degraded"], json!([]));
    assert_eq!(none["summary"].get("missing_docstrings"), None);
}

#[test]
fn logs_of_workers_are_listed_where_workers_log() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let logs = server.rpc("list_worker_logs", &json!({"worker_type": "database"}));
    let current = &logs["log_files"][0];
    assert_eq!(
        (&current["is_current"], &current["worker_type"]),
        (&json!(true), &json!("database"))
    );
    let path = Path::new(current["log_path"].as_str().unwrap());
    assert!(path.is_file() && logs["total_files"].as_u64() >= Some(1));
    let refused = server.respond("list_worker_logs", &json!({"log_dirs": ["/etc"]}));
    let refused = refused.to_string();
    assert!(
        refused.contains("expected one of the directories that workers log to"),
        "{refused}"
    );
}
