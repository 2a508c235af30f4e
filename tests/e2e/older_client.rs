//! The public Python client of the older program, unmodified, against our server.
//!
//! The client's packages are installed into a virtual environment below the target directory, once. Without Python
//! the tests say so in one line and pass; with CI=true they fail instead.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::cli::indexed_shop;
use crate::jobs::large_tree;
use crate::support::sandbox::{executable, finish};

const REQUIREMENTS: &str = include_str!("clients/requirements.txt");

/// The Python of an environment with the client's packages; none where there is no Python.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn python() -> Option<&'static Path> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match MADE.get_or_init(make_environment) {
        Ok(python) => Some(python),
        Err(problem) => {
            let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!is_ci, "the Python client cannot be installed: {problem}");
            eprintln!("skipped: the Python client cannot be installed: {problem}");
            None
        }
    }
}

/// The environment is named by what is in it, and gets its name when it is complete.
fn make_environment() -> Result<PathBuf, String> {
    let digest = &blake3::hash(REQUIREMENTS.as_bytes()).to_hex()[..16];
    let target = executable().ancestors().nth(2).unwrap();
    let environment = target.join(format!("older-client-{digest}"));
    let python = environment.join("bin/python");
    if python.exists() {
        return Ok(python);
    }
    let draft = tempfile::Builder::new()
        .prefix("older-client-draft-")
        .tempdir_in(target)
        .unwrap();
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr)
            .trim()
            .replace('\n', "; ")),
        Err(error) => Err(error.to_string()),
    };
    run(Command::new("python3")
        .args(["-m", "venv"])
        .arg(draft.path()))?;
    let requirements =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/e2e/clients/requirements.txt");
    run(Command::new(draft.path().join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(requirements))?;
    // Another test program may have been faster; its environment is as good.
    if std::fs::rename(draft.path(), &environment).is_ok() {
        let _ = draft.keep();
    }
    Ok(python)
}

#[test]
fn the_older_client_completes_all_that_it_offers() {
    let Some(python) = python() else { return };
    let sandbox = indexed_shop();
    let large = large_tree(&sandbox);
    let server = sandbox.serve(&[]);
    let small = sandbox.work().join("shop");
    let port = server.url.rsplit(':').next().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/e2e/clients/older_client.py");
    let mut command = sandbox.command(&[]);
    let environment: Vec<_> = command
        .get_envs()
        .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
        .collect();
    command = Command::new(python);
    command
        .arg(script)
        .arg(port)
        .arg(&small)
        .arg(&large)
        .env_clear()
        .envs(environment)
        .current_dir(sandbox.work());
    let told = finish(&mut command).ok().json();
    calls(&told, small.to_str().unwrap());
    failures(&told);
    jobs(&told);
}

fn calls(told: &Value, small: &str) {
    for name in ["call", "again"] {
        let projects = &told[name]["result"]["data"]["projects"];
        assert_eq!(projects[0]["root_path"], small, "{name}: {}", told[name]);
    }
    let validated = &told["validated"]["result"];
    assert_eq!(validated["success"], true);
    assert_eq!(validated["data"]["entities"].as_array().unwrap().len(), 2);
    assert!(told["proxy"]["result"]["data"]["total"].as_u64().unwrap() > 0);
    let help = &told["help"]["result"]["data"];
    assert!(help["commands"]["find_usages"].is_string(), "{help}");
    let one = &told["help_one"]["result"]["data"];
    assert_eq!(one["schema"]["required"], json!(["target_name"]), "{one}");
    let expected = json!({
        "health": "ok",
        "heartbeat": "ok",
        "openapi": "3.1.0",
        "methods": ["analyze_complexity", "ast_statistics", "backup_database"],
        "batch": [["id", "jsonrpc", "result"], ["error", "id", "jsonrpc"]],
    });
    assert_eq!(told["surface"], expected);
}

fn failures(told: &Value) {
    let failing = &told["failing"];
    assert_eq!(failing["raised"], "CommandFailedError", "{failing}");
    assert_eq!(failing["error"]["code"], "PROJECT_NOT_FOUND");
    let unknown = &told["unknown"];
    assert_eq!(unknown["raised"], "ClientRemoteResponseError", "{unknown}");
    assert_eq!(unknown["code"], -32601);
    assert_eq!(told["unknown_validated"]["raised"], "ClientValidationError");
    assert_eq!(told["refused_locally"]["raised"], "ClientValidationError");
    for (name, word) in [
        ("wrong", "did you mean"),
        ("wrong_later", "expected an absolute path"),
    ] {
        let wrong = &told[name];
        assert_eq!(wrong["raised"], "ClientValidationError", "{wrong}");
        assert!(wrong["text"].as_str().unwrap().contains(word), "{wrong}");
        assert!(wrong["details"]["example"].is_object(), "{wrong}");
    }
}

fn jobs(told: &Value) {
    let progress = &told["progress"];
    assert_eq!(
        progress["outcome"]["result"]["data"]["files_total"], 4000,
        "{}",
        progress["outcome"]
    );
    let events: Vec<&str> = progress["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(events.first(), Some(&"command_accepted"));
    assert_eq!(events.last(), Some(&"command_completed"));
    assert!(events.contains(&"command_progress"), "{events:?}");
    let cancelled = &told["cancelled"];
    let reply = cancelled["reply"]["status"].as_str().unwrap();
    assert!(["stopped", "stopping"].contains(&reply), "{cancelled}");
    assert_eq!(
        (&cancelled["status"], &cancelled["reason"]),
        (&json!("stopped"), &json!("cancelled"))
    );
    let stopped = &told["stopped_by_rpc"];
    assert_eq!(
        (&stopped["accepted"], &stopped["listed"]),
        (&json!(true), &json!(1)),
        "{stopped}"
    );
    assert_eq!(stopped["ended"]["raised"], "JobFailedError");
    assert_eq!(stopped["ended"]["status"], "stopped");
    assert_eq!(stopped["forgotten"], true);
    let queue = json!({"added": "mine", "started": "mine", "logs": "list_projects is completed", "deleted": true});
    assert_eq!(told["queue"], queue);
    let detached = &told["detached"];
    assert_eq!(detached["outcome"]["result"]["success"], true, "{detached}");
    assert_eq!(detached["status"], "completed");
}
