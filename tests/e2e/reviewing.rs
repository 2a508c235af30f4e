//! What is read from disk on request: syntax trees, functions that are alike, everything unfinished, logs of workers.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use test_needs::needs;

use crate::cli::{assert_failure, indexed_shop};
use crate::support::engines::Engine;
use crate::support::sandbox::Sandbox;
use crate::support::shop::own_shop;

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
    assert_eq!(group["likeness"], "form");
    let degraded = found["freshness"]["degraded"][0].as_str().unwrap();
    assert!(degraded.contains("have no vector"), "{degraded}");
    let strict = ask(&sandbox, "find_duplicates", &json!({"min_lines": 10}));
    assert_eq!(strict["total_groups"], 0);
}

#[test]
fn functions_of_like_meaning_and_other_form_are_found_by_their_vectors() {
    let sandbox = indexed_shop();
    let text = "\
def total_price_of_cart(items):
    \"\"\"Add up the prices of all items in the cart.\"\"\"
    total = 0
    for item in items:
        total += item.price * item.quantity
    return total


def sum_cart_prices(cart):
    \"\"\"Sum the prices of all items of the cart.\"\"\"
    prices = [item.price * item.quantity for item in cart.items]
    total = sum(prices)
    return total
";
    fs::write(sandbox.work().join("shop/shop/sums.py"), text).unwrap();
    sandbox.host(&["index", "shop"]).ok();
    sandbox.host(&["call", "revectorize"]).ok();
    let groups = |parameters: Value| {
        let found = ask(&sandbox, "find_duplicates", &parameters);
        assert_eq!(found["freshness"]["degraded"], json!([]), "{found}");
        found["duplicate_groups"].as_array().unwrap().clone()
    };
    let sums = |group: &&Value| group["occurrences"][0]["name"] == "total_price_of_cart";
    let threshold = 0.8;
    let near = groups(json!({
        "use_semantic": true, "semantic_threshold": threshold, "min_lines": 4
    }));
    let group = near.iter().find(sums).unwrap();
    assert_eq!(group["likeness"], "meaning");
    assert_eq!(group["occurrences"][1]["name"], "sum_cart_prices");
    assert_eq!(group["occurrences"].as_array().unwrap().len(), 2);
    let similarity = group["similarity"].as_f64().unwrap();
    assert!(similarity >= threshold && similarity < 1.0, "{similarity}");
    let strict = json!({ "use_semantic": true, "semantic_threshold": 0.999, "min_lines": 4 });
    assert_eq!(groups(strict).iter().find(sums), None);
    assert_eq!(groups(json!({ "min_lines": 4 })).iter().find(sums), None);
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

#[needs(postgresql, mariadb)]
#[test]
fn what_was_found_is_kept_by_file_on_every_engine() {
    for engine in Engine::all("reviewed") {
        let (_place, root) = own_shop();
        fs::write(root.join("shop/doubled.py"), DOUBLED).unwrap();
        engine.index(&root);
        let wanted = json!({"max_lines": 30, "check_flake8": false, "check_mypy": false});
        let kept = || {
            let told = engine.call("comprehensive_analysis", &wanted);
            assert_eq!(told["freshness"]["degraded"], json!([]), "{told}");
            let rows = engine.rows(
                "SELECT f.path, f.last_modified, r.file_mtime, r.results_json, r.summary_json, r.project_id, \
                 f.project_id AS owner FROM comprehensive_analysis_results r JOIN files f ON f.id = r.file_id",
            );
            (told, rows)
        };
        let (told, rows) = kept();
        assert_eq!(rows.len(), 5, "one for each file on {}", engine.name);
        let of_doubled = |rows: &[Value]| {
            let of_doubled = |row: &&Value| row["path"].as_str().unwrap().ends_with("doubled.py");
            rows.iter().find(of_doubled).unwrap().clone()
        };
        let doubled = &of_doubled(&rows);
        assert_eq!(doubled["file_mtime"], doubled["last_modified"]);
        assert_eq!(doubled["project_id"], doubled["owner"]);
        let json = |row: &Value, column: &str| -> Value {
            serde_json::from_str(row[column].as_str().unwrap()).unwrap()
        };
        let results = json(doubled, "results_json");
        assert_eq!(results["placeholders"], told["results"]["placeholders"]);
        assert_eq!(results["duplicates"], told["results"]["duplicates"]);
        assert_eq!(json(doubled, "summary_json")["duplicates"], 1);
        // Together they are what was answered.
        for kind in ["missing_docstrings", "unused_imports", "long_files"] {
            let sum = |row: &Value| json(row, "summary_json")[kind].as_u64().unwrap_or(0);
            let all: u64 = rows.iter().map(sum).sum();
            assert_eq!(all, told["summary"][kind].as_u64().unwrap(), "{kind}");
        }
        // What is found later takes its place.
        fs::write(root.join("shop/doubled.py"), "x = 1\n").unwrap();
        engine.index(&root);
        let (_, rows) = kept();
        assert_eq!(rows.len(), 5, "{}", engine.name);
        assert_eq!(
            json(&of_doubled(&rows), "results_json").get("duplicates"),
            None
        );
    }
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
