//! What the program says of itself, and of a configuration that is wrong.

use std::fs;

use serde_json::{Value, json};

use super::assert_failure;
use crate::support::sandbox::{Sandbox, finish};

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
    // Only where the values come from is different, and that is a comment.
    let uncommented = again.stdout.replace("  // file\n", "\n");
    assert_ne!(again.stdout, shown);
    assert_eq!(uncommented, shown);
}

#[test]
fn every_value_has_an_origin_and_the_environment_counts_most() {
    let sandbox = Sandbox::new();
    let file = sandbox.path().join("config.json");
    fs::write(
        &file,
        r#"{
          // Comments are allowed.
          "code_analysis": {"db_path": "old.db", "server": {"port": 1, "host": "::1"}}
        }"#,
    )
    .unwrap();
    let show = |arguments: &[&str]| {
        let mut command = sandbox.command(&["--config", file.to_str().unwrap(), "config", "show"]);
        command
            .args(arguments)
            .env("CODE_ANALYSIS__SERVER__PORT", "2")
            .env("CODE_ANALYSIS__DATABASE__BUSY_TIMEOUT_MS", "77");
        finish(&mut command).ok()
    };
    let shown = show(&["--json"]).json();
    let config = &shown["code_analysis"];
    assert_eq!(
        (
            &config["server"]["port"],
            &config["server"]["host"],
            &config["database"]["busy_timeout_ms"]
        ),
        (&json!(2), &json!("::1"), &json!(77))
    );
    assert!(
        config["database"]["path"]
            .as_str()
            .unwrap()
            .ends_with("old.db")
    );
    assert_eq!(
        shown["origins"],
        json!({
            "/code_analysis/database/path": "file, written as /code_analysis/db_path",
            "/code_analysis/database/busy_timeout_ms": "CODE_ANALYSIS__DATABASE__BUSY_TIMEOUT_MS",
            "/code_analysis/server/host": "file",
            "/code_analysis/server/port": "CODE_ANALYSIS__SERVER__PORT"
        })
    );
    let text = show(&[]);
    assert!(
        text.stdout
            .contains("\"port\": 2,  // CODE_ANALYSIS__SERVER__PORT\n"),
        "{}",
        text.stdout
    );
    assert!(
        text.stderr
            .contains("has the older program's form (1 keys)"),
        "{}",
        text.stderr
    );
    let mut wrong = sandbox.command(&["config", "show"]);
    wrong
        .env("CODE_ANALYSIS__SERVER__PRT", "2")
        .env("CODE_ANALYSIS__WORKERS__LOG_FILES", "no");
    assert_failure(
        &finish(&mut wrong),
        3,
        &[
            "CODE_ANALYSIS__SERVER__PRT",
            "did you mean \"port\"?",
            "(CODE_ANALYSIS__WORKERS__LOG_FILES), expected type integer",
        ],
    );
}

#[test]
fn all_problems_are_reported_at_once_and_the_exit_code_tells_how_bad_they_are() {
    let sandbox = Sandbox::new();
    let validate = |code_analysis: Value| {
        let file = sandbox.config(&code_analysis);
        sandbox.host(&["config", "validate", &file, "--json"])
    };
    let right = validate(json!({}));
    assert_eq!(
        (right.status, right.json()["findings"].clone()),
        (0, json!([]))
    );
    let old = validate(json!({"db_path": "x.db"}));
    assert_eq!(old.status, 7);
    assert_eq!(
        old.json()["findings"],
        json!([{
            "severity": "warning",
            "message": "/code_analysis/db_path is now /code_analysis/database/path"
        }])
    );
    let wrong = validate(json!({
        "vector_dim": 384,
        "database": {"type": "sqlite", "pth": "x.db", "busy_timeout_ms": "long"},
        "server": {"prot": 1}
    }));
    assert_eq!(wrong.status, 3, "{}", wrong.stdout);
    let report = wrong.json();
    let pointers: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| finding["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        [
            "/code_analysis/server/prot",
            "/code_analysis/database/pth",
            "/code_analysis/database/busy_timeout_ms"
        ]
    );
    let missing = validate(json!({"workers": {"file_watcher": {"watch_dirs": ["/no/such"]}}}));
    assert_eq!(missing.status, 3);
    assert!(
        missing.stdout.contains("/no/such is no directory"),
        "{}",
        missing.stdout
    );
}

#[test]
fn the_older_form_is_converted_and_kept() {
    let sandbox = Sandbox::new();
    let file = sandbox.config(&json!({"db_path": "x.db", "worker": {"batch_size": 3}}));
    let old = fs::read_to_string(&file).unwrap();
    let converted = sandbox
        .host(&["config", "convert", &file, "--json"])
        .ok()
        .json();
    assert_eq!(converted["kept"], json!(format!("{file}.old")));
    assert_eq!(fs::read_to_string(format!("{file}.old")).unwrap(), old);
    let new: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(
        new,
        json!({"code_analysis": {
            "database": {"path": "x.db"}, "workers": {"vectorization": {"batch_size": 3}}
        }})
    );
    let again = sandbox.host(&["config", "convert", &file]).ok();
    assert!(
        again.stdout.contains("nothing is written"),
        "{}",
        again.stdout
    );
    // What is kept is not written over.
    fs::write(&file, &old).unwrap();
    assert_failure(
        &sandbox.host(&["config", "convert", &file]),
        1,
        &[".old", "--to"],
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), old);
    let beside = sandbox.path().join("new.json");
    sandbox
        .host(&["config", "convert", &file, "--to", beside.to_str().unwrap()])
        .ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), old);
    assert!(beside.exists());
    // A file that would not be right is not written.
    let wrong = sandbox.config(&json!({"db_path": "x.db", "worker": {"batch_size": "many"}}));
    let other = sandbox.path().join("other.json");
    let refused = sandbox.host(&["config", "convert", &wrong, "--to", other.to_str().unwrap()]);
    assert_failure(&refused, 3, &["batch_size", "many"]);
    assert!(!other.exists());
}

#[test]
fn a_generated_file_means_the_defaults_and_is_never_written_over_another() {
    let sandbox = Sandbox::new();
    let file = sandbox.path().join("generated.jsonc");
    let file = file.to_str().unwrap();
    sandbox.host(&["config", "generate", file]).ok();
    let shown = sandbox
        .host(&["--config", file, "config", "show", "--json"])
        .ok()
        .json();
    let defaults = sandbox.host(&["config", "show", "--json"]).ok().json();
    assert_eq!(shown["code_analysis"], defaults["code_analysis"]);
    assert_failure(
        &sandbox.host(&["config", "generate", file]),
        1,
        &["generated.jsonc", "choose a new file"],
    );
    assert_eq!(
        sandbox.host(&["config", "generate"]).ok().stdout,
        fs::read_to_string(file).unwrap()
    );
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
