//! Texts that make a parser take all memory: they end a process that has no other work, and are then passed over.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::sources::{Watched, pairs};
use crate::support::sandbox::Sandbox;
use crate::support::server::eventually;

/// C that is broken in such a way that the parser keeps every way to go on: its memory grows with the square of the length,
/// in a single step at the end.
fn bomb() -> String {
    "x=>".repeat(5_000)
}

#[test]
fn a_text_that_takes_all_memory_ends_a_worker_twice_and_is_then_passed_over() {
    let watched = Watched::new(|root| {
        fs::write(root.join("bomb.c"), bomb()).unwrap();
        fs::write(root.join("fine.c"), "int fine(void) { return 1; }\n").unwrap();
    });
    watched.until_there("fine");
    eventually("the file is passed over", || {
        let watcher = watched.watcher();
        (watcher["heartbeat"]["problems"] == 1).then_some(())
    });
    assert_eq!(watched.watcher()["restarts"], 2);
    watched.write("later.c", "int later(void) { return 1; }\n");
    watched.until_there("later");
    assert_eq!(watched.watcher()["restarts"], 2, "it is not analysed again");
    assert_eq!(watched.problems(), pairs(&[("crashed", "bomb.c")]));
    // What is written in its place is read.
    watched.write("bomb.c", "int defused(void) { return 1; }\n");
    watched.until_there("defused");
    assert_eq!(watched.problems(), []);
    assert_eq!(watched.watcher()["restarts"], 2);
}

fn problem(summary: &Value) -> (&str, &str) {
    let path = Path::new(summary["problems"][0]["path"].as_str().unwrap());
    let kind = summary["problems"][0]["kind"].as_str().unwrap();
    (kind, path.file_name().unwrap().to_str().unwrap())
}

#[test]
fn indexing_by_hand_passes_it_over() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("tree");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("bomb.c"), "int harmless(void) { return 1; }\n").unwrap();
    fs::write(root.join("fine.c"), "int fine(void) { return 1; }\n").unwrap();
    let index = ["index", root.to_str().unwrap(), "--json"];
    assert_eq!(sandbox.host(&index).ok().json()["files_processed"], 2);
    fs::write(root.join("bomb.c"), bomb()).unwrap();
    fs::write(root.join("more.c"), "int more(void) { return 1; }\n").unwrap();
    let summary = sandbox.host(&index).json();
    assert_eq!(summary["errors"], 1, "{summary}");
    assert_eq!(problem(&summary), ("crashed", "bomb.c"));
    assert_eq!(summary["files_total"], 2, "fine.c and more.c: {summary}");
    // Nothing is left of it that anybody could ask about, and so make another process parse it.
    let refused = sandbox.host(&["call", "get_ast", "file_path=bomb.c", "--json"]);
    assert_eq!(refused.json()["error"]["code"], "FILE_NOT_FOUND");
}

#[test]
fn a_server_that_is_told_to_index_it_goes_on() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("tree");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("bomb.c"), bomb()).unwrap();
    fs::write(root.join("fine.c"), "int fine(void) { return 1; }\n").unwrap();
    let server = sandbox.serve(&[]);
    let summary = server.rpc("update_indexes", &json!({ "root_dir": root }));
    assert_eq!(problem(&summary), ("crashed", "bomb.c"));
    let found = server.rpc("list_code_entities", &json!({}));
    assert_eq!(found["entities"][0]["name"], "fine", "{found}");
    // The process is gone, and nothing else was started again.
    let workers = server.rpc("get_worker_status", &json!({}))["processes"].take();
    let states: Vec<(&str, u64)> = workers
        .as_array()
        .unwrap()
        .iter()
        .map(|worker| {
            let restarts = worker["restarts"].as_u64().unwrap();
            (worker["kind"].as_str().unwrap(), restarts)
        })
        .collect();
    assert_eq!(states, [("database", 0)], "{workers}");
}
