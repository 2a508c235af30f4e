//! What the program says of itself, and of a configuration that is wrong.

use std::fs;

use serde_json::{Value, json};

use super::assert_failure;
use crate::support::sandbox::Sandbox;

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
    assert_eq!(names, ["sqlite", "sqlite-proxy", "mysql", "postgres"]);
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
