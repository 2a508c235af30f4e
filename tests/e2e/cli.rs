//! The command line: what people and scripts get for right and wrong arguments, and the exit codes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::sandbox::{Output, Sandbox};
use crate::support::server::eventually;
use crate::support::{copy_tree, fixture};

fn indexed_shop() -> Sandbox {
    let sandbox = Sandbox::new();
    copy_tree(&fixture("shop"), &sandbox.work().join("shop"));
    sandbox.host(&["index", "shop"]).ok();
    sandbox
}

/// The run must fail with this exit code and one line on standard error that holds these parts.
fn assert_failure(output: &Output, status: i32, parts: &[&str]) {
    assert_eq!(
        output.status, status,
        "stdout: {}\nstderr: {}",
        output.stdout, output.stderr
    );
    let errors: Vec<&str> = output
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{}", output.stderr);
    for part in parts {
        assert!(errors[0].contains(part), "{part:?} is not in {}", errors[0]);
    }
}

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

#[test]
fn call_answers_with_exact_lines_for_people_and_for_programs() {
    let sandbox = indexed_shop();
    let table = sandbox
        .host(&["call", "find_usages", "target_name=apply"])
        .ok();
    assert!(table.stdout.contains("shop/cart.py:13"), "{}", table.stdout);
    assert!(table.stdout.ends_with("1 in all\n"), "{}", table.stdout);
    let parameters = r#"{"entity_type": "method", "entity_name": "Cart.checkout"}"#;
    let info = sandbox
        .host(&[
            "call",
            "get_code_entity_info",
            "--params",
            parameters,
            "--json",
        ])
        .ok()
        .json();
    let entity = &info["entities"][0];
    assert_eq!(
        (&entity["line"], &entity["end_line"]),
        (&json!(9), &json!(14))
    );
    assert_eq!(
        entity["file_path"],
        json!(sandbox.work().join("shop/shop/cart.py"))
    );
    assert_eq!(entity["relative_path"], "shop/cart.py");
    assert_eq!(entity["args"], json!(["code"]));
}

#[test]
fn long_lists_come_in_pages_and_say_how_to_go_on() {
    let sandbox = indexed_shop();
    let page = |offset: u32| {
        let offset = format!("offset={offset}");
        sandbox
            .host(&["call", "list_code_entities", "limit=4", &offset, "--json"])
            .ok()
            .json()
    };
    let first = page(0);
    let total = first["total"].as_u64().unwrap();
    assert_eq!(
        (first["count"].as_u64(), first["has_more"].as_bool()),
        (Some(4), Some(true))
    );
    let mut names = Vec::new();
    for offset in (0..u32::try_from(total).unwrap()).step_by(4) {
        names.extend(
            page(offset)["entities"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entity| entity["id"].to_string() + &entity["entity_type"].to_string()),
        );
    }
    assert_eq!(names.len() as u64, total);
    names.sort();
    names.dedup();
    assert_eq!(names.len() as u64, total, "an entity is on two pages");
    let shown = sandbox
        .host(&["call", "list_code_entities", "limit=4"])
        .ok();
    assert!(
        shown
            .stdout
            .ends_with(&format!("1 to 4 of {total}; the next page: offset=4\n")),
        "{}",
        shown.stdout
    );
}

#[test]
fn a_relative_root_is_that_of_the_caller() {
    let sandbox = indexed_shop();
    let mut command = sandbox.command(&["call", "list_project_files", "root_dir=.", "--json"]);
    let found =
        crate::support::sandbox::finish(command.current_dir(sandbox.work().join("shop/shop"))).ok();
    assert_eq!(found.json()["total"], 4);
}

#[test]
fn wrong_calls_name_the_field_what_was_expected_and_an_example() {
    let sandbox = indexed_shop();
    let call = |arguments: &[&str]| sandbox.host(&[&["call"], arguments].concat());
    assert_failure(
        &call(&["find_usage"]),
        2,
        &["no command `find_usage`", "find_usages"],
    );
    let missing = call(&["find_usages", "target_nam=x"]);
    assert_failure(
        &missing,
        2,
        &["target_name", "did you mean", "for example: {"],
    );
    assert_failure(
        &call(&["list_projects", "limit=ten"]),
        2,
        &["/limit", "found string \"ten\"", "integer"],
    );
    assert_failure(
        &call(&["list_projects", "limit"]),
        2,
        &["not of the form key=value"],
    );
    let unknown = call(&["list_code_entities", "file_path=shop/carts.py"]);
    assert_failure(&unknown, 5, &["no file \"shop/carts.py\"", "shop/cart.py"]);
    assert_failure(
        &call(&["list_projects", "project_id=nope"]),
        5,
        &["no project \"nope\""],
    );
    let json = call(&["list_projects", "project_id=nope", "--json"]);
    assert_eq!(json.json()["error"]["code"], "PROJECT_NOT_FOUND");
    assert_failure(&json, 5, &["no project"]);
}

#[test]
fn deleting_a_project_is_tried_first_and_touches_no_file() {
    let sandbox = indexed_shop();
    let call = |dry_run| {
        sandbox
            .host(&["call", "delete_project", "root_dir=shop", dry_run, "--json"])
            .ok()
            .json()
    };
    let tried = call("dry_run=true");
    assert_eq!(
        (&tried["files_count"], &tried["dry_run"]),
        (&json!(4), &json!(true))
    );
    assert_eq!(
        sandbox
            .host(&["call", "list_projects", "--json"])
            .ok()
            .json()["total"],
        1
    );
    assert_eq!(call("dry_run=false")["files_count"], 4);
    assert_eq!(
        sandbox
            .host(&["call", "list_projects", "--json"])
            .ok()
            .json()["total"],
        0
    );
    assert!(sandbox.work().join("shop/shop/cart.py").exists());
    let below = sandbox.host(&["call", "delete_project", "root_dir=shop/shop"]);
    assert_failure(&below, 5, &["no project"]);
}

#[test]
fn sql_reads_in_three_formats_and_loses_nothing() {
    let sandbox = indexed_shop();
    let statement =
        "SELECT 1 AS n, NULL AS absent, '' AS empty, x'00ff' AS bytes, 'a,\"b\"' AS text, 0.5 AS f";
    let csv = sandbox.host(&["sql", statement, "--format", "csv"]).ok();
    assert_eq!(
        csv.stdout,
        "n,absent,empty,bytes,text,f\n1,,\"\",\\x00ff,\"a,\"\"b\"\"\",0.5\n"
    );
    let json = sandbox.host(&["sql", statement, "--json"]).ok().json();
    let row = json!({"n": 1, "absent": null, "empty": "", "bytes": "\\x00ff", "text": "a,\"b\"", "f": 0.5});
    assert_eq!(json, json!([row]));
    let table = sandbox.host(&["sql", statement]).ok();
    assert!(
        table.stdout.lines().nth(1).unwrap().contains("NULL"),
        "{}",
        table.stdout
    );
    let none = sandbox
        .host(&[
            "sql",
            "SELECT id FROM files WHERE id < 0",
            "--format",
            "csv",
        ])
        .ok();
    assert_eq!(none.stdout, "id\n");
}

#[test]
fn sql_cannot_write_and_the_engine_sees_to_it() {
    let sandbox = indexed_shop();
    for statement in [
        "DELETE FROM files",
        "DROP TABLE files",
        "CREATE TABLE x(a)",
        "UPDATE files SET lines = 0",
    ] {
        assert_failure(&sandbox.host(&["sql", statement]), 1, &[]);
    }
    let refused = sandbox.host(&["sql", "DELETE FROM files", "--json"]);
    assert_eq!(refused.json()["error"]["code"], "READ_ONLY");
    assert_failure(
        &sandbox.host(&["sql", "SELECT 1; DELETE FROM files"]),
        1,
        &["one statement"],
    );
    assert_failure(&sandbox.host(&["sql", "SELEC 1"]), 1, &["syntax"]);
    let left = sandbox
        .host(&["sql", "SELECT count(*) AS n FROM files", "--json"])
        .ok()
        .json();
    assert_eq!(left, json!([{"n": 4}]));
}

#[test]
fn large_results_stream_and_a_reader_may_stop() {
    let sandbox = indexed_shop();
    let statement = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 200000) SELECT x FROM c";
    let all = sandbox.host(&["sql", statement, "--format", "csv"]).ok();
    assert_eq!(all.stdout.lines().count(), 200_001);
    assert_eq!(all.stdout.lines().last(), Some("200000"));
    let table = sandbox.host(&["sql", statement, "--max-rows", "5"]).ok();
    assert_eq!(table.stdout.lines().count(), 6);
    assert!(
        table.stderr.contains("only the first 5 rows are shown"),
        "{}",
        table.stderr
    );

    let mut command = sandbox.command(&["sql", statement, "--format", "csv"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    // The pipe is closed with 200,000 lines still to come, as `head -1` does.
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert_eq!(first, "x\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn the_program_describes_itself() {
    let sandbox = Sandbox::new();
    let commands = sandbox.host(&["commands", "--json"]).ok().json();
    assert!(
        commands["commands"]
            .as_array()
            .unwrap()
            .iter()
            .any(|each| each["name"] == "update_indexes")
    );
    let drivers = sandbox.host(&["drivers", "list", "--json"]).ok().json();
    let names: Vec<&Value> = drivers["drivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| &each["name"])
        .collect();
    assert_eq!(names, ["sqlite", "sqlite-proxy"]);
    let config = sandbox.host(&["config", "show", "--json"]).ok().json();
    assert_eq!(
        config["code_analysis"]["database"]["path"],
        json!(sandbox.database())
    );
    assert!(
        sandbox
            .host(&["completions", "bash"])
            .ok()
            .stdout
            .contains("code-analysis-host")
    );
    let help = sandbox.host(&["--help"]).ok();
    assert!(
        help.stdout.contains("Exit codes:") && help.stdout.contains("interrupted"),
        "{}",
        help.stdout
    );
    assert_eq!(sandbox.host(&["nonsense"]).status, 2);
    assert!(!sandbox.state().join("code_analysis.db").exists());
}

#[test]
fn what_config_show_prints_is_a_configuration() {
    let sandbox = Sandbox::new();
    let shown = sandbox.host(&["config", "show"]).ok().stdout;
    let file = sandbox.path().join("shown.json");
    fs::write(&file, &shown).unwrap();
    let again = sandbox
        .host(&["--config", file.to_str().unwrap(), "config", "show"])
        .ok();
    assert_eq!(again.stdout, shown);
}

#[test]
fn a_wrong_configuration_is_told_in_one_line() {
    let sandbox = Sandbox::new();
    let run = |code_analysis: Value| {
        let file = sandbox.config(&code_analysis);
        sandbox.host(&["--config", &file, "call", "list_projects"])
    };
    let wrong_key = run(json!({"databse": {}, "server": {"prot": 1}}));
    assert_failure(
        &wrong_key,
        3,
        &[
            "/code_analysis/databse",
            "did you mean \"database\"",
            "\"port\"",
        ],
    );
    let unknown_type = run(json!({"database": {"type": "oracle"}}));
    assert_failure(
        &unknown_type,
        3,
        &["no database driver `oracle`", "sqlite", "looked in"],
    );
    let unknown_option = run(json!({"database": {"type": "sqlite", "pth": "x.db"}}));
    assert_failure(&unknown_option, 3, &["pth"]);
    let missing = sandbox.host(&["--config", "/no/such.json", "config", "show"]);
    assert_failure(&missing, 3, &["/no/such.json does not exist"]);
}

#[test]
fn a_worker_started_by_hand_says_what_to_do() {
    let sandbox = Sandbox::new();
    assert_failure(
        &sandbox.host(&["worker", "database"]),
        2,
        &["not by hand", "code-analysis-host serve"],
    );
    assert_failure(
        &sandbox.host(&["worker", "nonsense"]),
        2,
        &["no worker `nonsense`"],
    );
}
