//! `index`: what it tells of right, wrong and interrupted runs.

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::assert_failure;
use crate::support::sandbox::Sandbox;
use crate::support::server::eventually;
use crate::support::{copy_tree, fixture};

#[test]
fn index_tells_what_it_did_and_a_second_run_finds_nothing_to_do() {
    let sandbox = Sandbox::new();
    copy_tree(&fixture("shop"), &sandbox.work().join("shop"));
    let first = sandbox.host(&["index", "shop"]).ok();
    assert!(
        first
            .stdout
            .contains("4 files indexed, 0 unchanged, 0 deleted"),
        "{}",
        first.stdout
    );
    assert_eq!(first.stderr, "");
    let second = sandbox.host(&["index", "shop", "--json"]).ok().json();
    assert_eq!(second["files_unchanged"], 4);
    assert_eq!(second["files_processed"], 0);
    assert_eq!(second["project_id"], "4b8a2f5e-6c1d-4e0a-9a57-0d2f6f3c9b11");
}

#[test]
fn several_trees_are_indexed_and_each_is_told() {
    let sandbox = Sandbox::new();
    copy_tree(&fixture("shop"), &sandbox.work().join("shop"));
    fs::create_dir(sandbox.work().join("other")).unwrap();
    fs::write(
        sandbox.work().join("other/main.go"),
        "package main\n\nfunc main() {}\n",
    )
    .unwrap();
    let output = sandbox.host(&["index", "shop", "other", "--json"]).ok();
    let roots: Vec<Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["root_dir"].clone())
        .collect();
    assert_eq!(
        roots,
        [
            json!(sandbox.work().join("shop")),
            json!(sandbox.work().join("other"))
        ]
    );
}

#[test]
fn what_cannot_be_indexed_is_an_error_before_anything_is_done() {
    let sandbox = Sandbox::new();
    copy_tree(&fixture("shop"), &sandbox.work().join("shop"));
    assert_failure(
        &sandbox.host(&["index", "shop", "missing"]),
        5,
        &["missing does not exist"],
    );
    let file = sandbox.host(&["index", "shop/shop/cart.py"]);
    assert_failure(
        &file,
        2,
        &["is not a directory", "name the directory that holds it"],
    );
    let missing = sandbox.host(&["index", "missing", "--json"]);
    assert_eq!(missing.json()["error"]["code"], "PATH_NOT_FOUND");
    assert!(!sandbox.database().exists());
}

#[test]
fn a_file_that_cannot_be_indexed_is_listed_and_in_the_exit_code() {
    let sandbox = Sandbox::new();
    let tree = sandbox.work().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("good.py"), "def good():\n    pass\n").unwrap();
    fs::write(tree.join("binary.py"), b"\x7fELF\0\0\0\x01\0\0").unwrap();
    let output = sandbox.host(&["index", "tree"]);
    assert_eq!(output.status, 6, "{}", output.stderr);
    assert!(
        output.stdout.contains("1 files indexed") && output.stdout.contains("binary.py"),
        "{}",
        output.stdout
    );
    let found = sandbox
        .host(&["call", "list_code_entities", "--json"])
        .ok()
        .json();
    assert_eq!(found["entities"][0]["name"], "good");
}

#[test]
fn an_interrupted_index_keeps_what_it_has_and_the_next_goes_on() {
    let sandbox = Sandbox::new();
    let tree = sandbox.work().join("big");
    fs::create_dir(&tree).unwrap();
    let body: String = (0..60)
        .map(|n| format!("def f{n}(a):\n    return g(a) + {n}\n\n"))
        .collect();
    for number in 0..3_000 {
        fs::write(tree.join(format!("m{number}.py")), &body).unwrap();
    }
    let mut command = sandbox.command(&["index", "big", "--json"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the database is there", || {
        sandbox.database().exists().then_some(())
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(130),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let first: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(first["cancelled"], true);
    let second = sandbox.host(&["index", "big", "--json"]).ok().json();
    assert_eq!(second["files_total"], 3_000);
    assert_eq!(second["files_unchanged"], first["files_processed"]);
}
