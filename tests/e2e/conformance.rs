//! The conformance suite as a user runs it: what is printed, what fails, what is left.

mod support_table;

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::processes::{self, Process};
use crate::support::sandbox::{Output, Sandbox, plugins_dir};
use crate::support::server::PATIENCE;

/// Runs `drivers test` on the fixture that misbehaves.
fn test_fixture(arguments: &[&str]) -> Output {
    let library = plugins_dir().join("libpanicking_driver.so");
    let mut all = vec!["drivers", "test", library.to_str().unwrap()];
    all.extend(arguments);
    Sandbox::new().host(&all)
}

#[test]
fn the_panics_of_a_driver_that_panics_on_demand_are_caught() {
    let output = test_fixture(&["--json", "--timeout", "240"]).ok().json();
    let group = |name: &str| {
        let groups = output["groups"].as_array().unwrap();
        groups
            .iter()
            .find(|group| group["group"] == name)
            .unwrap()
            .clone()
    };
    let expected = json!({"group": "panics", "passed": 16, "not_declared": 0, "failed": 0});
    assert_eq!(group("panics"), expected);
    // It declares nothing, so nothing of this is asked of it.
    let types = group("types");
    assert_eq!((&types["passed"], &types["failed"]), (&json!(0), &json!(0)));
    assert!(types["not_declared"].as_u64().unwrap() > 90, "{types}");
}

#[test]
fn a_failing_case_is_shown_with_what_was_expected_and_found() {
    let output = test_fixture(&["--option", "panic_at=ping", "--case", "connection"]);
    assert_eq!(output.status, 1, "{}", output.stderr);
    let shown = "\nfailed: connection.ping\n  at        1: ping\n  expected  success\n  \
                 found     panic error: the driver panicked in ping: told to panic in ping: at ";
    assert!(output.stdout.contains(shown), "{}", output.stdout);
    assert!(
        output.stdout.contains("\nconnection  23 "),
        "{}",
        output.stdout
    );
}

#[test]
fn a_crash_and_a_hang_are_failures_of_their_case_alone() {
    let run = |trouble: &str| {
        let arguments = [
            "--case",
            "connection.ping",
            "--case",
            "descriptor",
            "--json",
        ];
        let option = ["--timeout", "20", "--option", trouble];
        let output = test_fixture(&[&arguments[..], &option].concat());
        assert_eq!(output.status, 1, "{}", output.stderr);
        let report = output.json();
        assert_eq!(
            (&report["passed"], &report["failed"]),
            (&json!(10), &json!(1))
        );
        let cases = report["cases"].as_array().unwrap();
        let failed = cases
            .iter()
            .find(|case| case["outcome"] == "failed")
            .unwrap();
        assert_eq!(failed["name"], "connection.ping");
        failed["found"].as_str().unwrap().to_owned()
    };
    assert_eq!(run("abort_at=ping"), "it was ended by signal SIGABRT (6)");
    assert_eq!(run("hang_at=ping"), "it was still running, and was killed");
}

#[test]
fn the_json_document_has_the_driver_the_counts_and_every_case() {
    let cases = ["connection.ping", "connection.close", "catalog.table"];
    let mut arguments = vec!["--json", "--option", "panic_at=close"];
    for case in cases {
        arguments.extend(["--case", case]);
    }
    let output = test_fixture(&arguments);
    assert_eq!(output.status, 1, "{}", output.stderr);
    let mut report = output.json();
    for case in report["cases"].as_array_mut().unwrap() {
        assert!(case["milliseconds"].is_u64(), "{case}");
        case["milliseconds"] = 0.into();
    }
    let found = report["cases"][1]["found"].take();
    assert!(
        found.as_str().unwrap().starts_with("panic error: "),
        "{found}"
    );
    let library = plugins_dir()
        .canonicalize()
        .unwrap()
        .join("libpanicking_driver.so");
    assert_eq!(
        report,
        json!({
            "driver": {
                "name": "panicking", "version": "0.1.0", "dialect": "generic", "placement": "direct",
                "library": library,
            },
            "passed": 1, "not_declared": 1, "failed": 1,
            "groups": [
                {"group": "connection", "passed": 1, "not_declared": 0, "failed": 1},
                {"group": "catalog", "passed": 0, "not_declared": 1, "failed": 0},
            ],
            "undeclared": [
                {"needs": "catalog", "cases": 1},
                {"needs": "ddl", "cases": 1},
                {"needs": "a column type for i64", "cases": 1},
                {"needs": "a column type for text", "cases": 1},
            ],
            "cases": [
                {"name": "connection.ping", "group": "connection", "milliseconds": 0, "outcome": "passed"},
                {"name": "connection.close", "group": "connection", "milliseconds": 0, "outcome": "failed",
                 "step": "2: close", "expected": "success", "found": null},
                {"name": "catalog.table", "group": "catalog", "milliseconds": 0, "outcome": "not_declared",
                 "needs": ["catalog", "ddl", "a column type for i64", "a column type for text"]},
            ],
        })
    );
}

#[test]
fn what_cannot_be_measured_is_told_in_one_line() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.work().join("text.so"), "not a library").unwrap();
    for (arguments, status, expected) in [
        (
            &["oracle"][..],
            4,
            "there is no database driver `oracle`; known types are: ",
        ),
        (
            &["./text.so"],
            4,
            "./text.so is not used: it is no shared library: it begins with ",
        ),
        (
            &["./none.so"],
            4,
            "./none.so is not used: there is no such file: put it there, or take it off ",
        ),
        (
            &["sqlite", "--option", "path"],
            2,
            "`--option path...` is not of the form key=value",
        ),
        (
            &[
                "sqlite",
                "--option",
                "pth=x.db",
                "--option",
                "cache_kib=many",
            ],
            2,
            "the options do not fit the driver `sqlite`: unknown option `pth`; known are: path, ",
        ),
        (
            &["sqlite", "--option", "cache_kib=1"],
            2,
            "the options do not fit the driver `sqlite`: the option `cache_kib` is 1, expected a whole number \
             from 64 to 4194304",
        ),
        (
            &["sqlite", "--case", "typos"],
            2,
            "no case matches `typos`; the groups are descriptor, options, ",
        ),
    ] {
        let output = sandbox.host(&[&["drivers", "test"], arguments].concat());
        assert_eq!(output.status, status, "{arguments:?}: {}", output.stderr);
        assert_eq!(output.stdout, "", "{arguments:?}");
        let line = output.stderr.strip_prefix("error: ").unwrap();
        assert!(line.starts_with(expected), "{arguments:?}: {line}");
        assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    }
}

#[test]
fn a_database_file_that_a_user_names_is_used_and_left_as_it_was() {
    let sandbox = Sandbox::new();
    let file = sandbox.work().join("mine.db");
    let option = [
        "--option",
        "path=mine.db",
        "--case",
        "catalog.table",
        "--case",
        "types.text.null",
    ];
    let run = || sandbox.host(&[&["drivers", "test", "sqlite", "--json"], &option[..]].concat());
    assert_eq!(run().ok().json()["passed"], 2);
    assert!(file.exists());
    let config = sandbox.config(&json!({ "database": { "path": file } }));
    let sql = "SELECT count(*) AS n FROM sqlite_master WHERE name LIKE 'ct@_%' ESCAPE '@'";
    let left = sandbox
        .host(&["--config", &config, "sql", sql, "--json"])
        .ok();
    assert!(
        left.stdout.contains('0') && !left.stdout.contains('1'),
        "{}",
        left.stdout
    );
}

#[test]
fn a_database_that_a_worker_owns_is_not_touched() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    server.rpc("list_projects", &json!({}));
    let option = format!("path={}", sandbox.database().display());
    let output = sandbox.host(&["drivers", "test", "sqlite", "--option", &option]);
    assert_eq!(output.status, 4, "{}", output.stderr);
    assert!(
        output.stderr.starts_with("error: another process owns "),
        "{}",
        output.stderr
    );
}

#[test]
fn a_case_is_told_its_options_in_secret_and_ends_with_the_program_that_started_it() {
    let sandbox = Sandbox::new();
    let library = plugins_dir().join("libpanicking_driver.so");
    let mut command = sandbox.command(&["drivers", "test", library.to_str().unwrap()]);
    command.args(["--option", "hang_at=ping", "--option", "abort_at=canary"]);
    command.args(["--case", "connection.ping", "--timeout", "200"]);
    let mut child = command.spawn().unwrap();
    let cases = || -> Vec<Process> {
        let below = processes::tree(child.id()).into_iter();
        below
            .filter(|process| process.command.contains("driver-case"))
            .collect()
    };
    until(|| !cases().is_empty());
    let found = cases();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(!found[0].command.contains("canary"), "{found:?}");
    until(|| !processes::is_alive(found[0].pid));
}

/// Waits for something that is going to happen.
fn until(happened: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < deadline, "it did not happen in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}
