//! The file watcher: what happens in a watched tree is soon what commands answer.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::processes::kill;
use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};
use crate::support::{copy_tree, fixture};

fn watched_shop(sandbox: &Sandbox) -> (Server, std::path::PathBuf) {
    let root = sandbox.work().join("shop");
    copy_tree(&fixture("shop"), &root);
    // No second scan comes in time: what the tests see is what notifications brought.
    let config =
        sandbox.config(&json!({ "workers": { "file_watcher": { "scan_interval": 100_000 } } }));
    let server = sandbox.serve(&["--config", &config, "--watch", root.to_str().unwrap()]);
    eventually("the first scan is over", || {
        (file_names(&server).len() == 4).then_some(())
    });
    (server, root)
}

fn file_names(server: &Server) -> Vec<String> {
    let files = server.rpc("list_project_files", &json!({}));
    let name = |file: &Value| {
        let path = file["relative_path"].as_str().unwrap();
        Path::new(path)
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    files["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(name)
        .collect()
}

fn functions(server: &Server) -> Vec<String> {
    let entities = server.rpc("list_code_entities", &json!({ "entity_type": "function" }));
    let names = entities["entities"].as_array().unwrap().iter();
    names
        .map(|entity| entity["name"].as_str().unwrap().to_owned())
        .collect()
}

fn usages_of_apply(server: &Server) -> Vec<i64> {
    let usages = server.rpc("find_usages", &json!({ "target_name": "apply" }));
    usages["usages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|usage| usage["line"].as_i64().unwrap())
        .collect()
}

#[test]
fn a_written_file_is_in_the_answers_and_inbound_references_stay() {
    let sandbox = Sandbox::new();
    let (server, root) = watched_shop(&sandbox);
    assert_eq!(usages_of_apply(&server), [13]);
    let path = root.join("shop/discounts.py");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\n\ndef brand_new():\n    return 1\n")).unwrap();
    eventually("the new function is found", || {
        functions(&server)
            .contains(&"brand_new".to_owned())
            .then_some(())
    });
    assert_eq!(usages_of_apply(&server), [13]);
}

#[test]
fn new_files_in_new_directories_deletions_and_renames_are_followed() {
    let sandbox = Sandbox::new();
    let (server, root) = watched_shop(&sandbox);
    fs::create_dir_all(root.join("deep/er")).unwrap();
    fs::write(root.join("deep/er/new.py"), "def deep(): pass\n").unwrap();
    eventually("the new file is found", || {
        file_names(&server).contains(&"new.py".into()).then_some(())
    });
    // A directory made a moment ago is watched, too.
    fs::write(root.join("deep/er/second.py"), "def second(): pass\n").unwrap();
    eventually("the second file is found", || {
        file_names(&server)
            .contains(&"second.py".into())
            .then_some(())
    });
    fs::rename(root.join("deep/er/second.py"), root.join("deep/third.py")).unwrap();
    eventually("the renamed file is found", || {
        let names = file_names(&server);
        (names.contains(&"third.py".into()) && !names.contains(&"second.py".into())).then_some(())
    });
    fs::remove_dir_all(root.join("deep")).unwrap();
    eventually("the deleted files are gone", || {
        (file_names(&server).len() == 4).then_some(())
    });
    // A deleted file is marked, not erased.
    let marked = sandbox.host(&[
        "sql",
        "SELECT count(*) AS n FROM files WHERE deleted = 1",
        "--format",
        "csv",
    ]);
    assert_eq!(marked.ok().stdout.lines().nth(1), Some("3"));
}

#[test]
fn ignored_files_stay_out_and_come_in_when_the_rule_goes() {
    let sandbox = Sandbox::new();
    let (server, root) = watched_shop(&sandbox);
    fs::write(root.join(".gitignore"), "generated/\n").unwrap();
    fs::create_dir(root.join("generated")).unwrap();
    fs::write(root.join("generated/made.py"), "def made(): pass\n").unwrap();
    fs::write(root.join("own.py"), "def own(): pass\n").unwrap();
    eventually("the other file is found", || {
        file_names(&server).contains(&"own.py".into()).then_some(())
    });
    assert!(!file_names(&server).contains(&"made.py".into()));
    fs::remove_file(root.join(".gitignore")).unwrap();
    eventually("the file is found without the rule", || {
        file_names(&server)
            .contains(&"made.py".into())
            .then_some(())
    });
}

/// What the server shows of its file watcher.
fn watcher(server: &Server) -> Value {
    server.rpc(
        "get_worker_status",
        &json!({ "worker_type": "file_watcher" }),
    )["processes"][0]
        .clone()
}

#[test]
fn every_watched_directory_of_one_project_is_indexed_and_followed() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("proj");
    for (path, text) in [
        ("projectid", "1c1c8d7e-0000-4000-8000-000000000004"),
        ("a/in_a.py", "def in_a(): pass\n"),
        ("b/in_b.py", "def in_b(): pass\n"),
        ("c/in_c.py", "def in_c(): pass\n"),
    ] {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), text).unwrap();
    }
    let config =
        sandbox.config(&json!({ "workers": { "file_watcher": { "scan_interval": 100_000 } } }));
    let (a, b) = (root.join("a"), root.join("b"));
    let server = sandbox.serve(&[
        "--config",
        &config,
        "--watch",
        a.to_str().unwrap(),
        "--watch",
        b.to_str().unwrap(),
    ]);
    eventually("both directories are indexed", || {
        (file_names(&server) == ["in_a.py", "in_b.py"]).then_some(())
    });
    fs::write(a.join("new_a.py"), "x = 1\n").unwrap();
    fs::write(root.join("c/new_c.py"), "x = 1\n").unwrap();
    fs::write(b.join("new_b.py"), "x = 1\n").unwrap();
    eventually("changes in both directories are found", || {
        (file_names(&server) == ["in_a.py", "new_a.py", "in_b.py", "new_b.py"]).then_some(())
    });
}

#[test]
fn a_configured_directory_that_is_missing_is_refused() {
    let sandbox = Sandbox::new();
    let missing = sandbox.work().join("missing");
    let config =
        sandbox.config(&json!({ "workers": { "file_watcher": { "watch_dirs": [missing] } } }));
    let refused = sandbox.host(&["--config", &config, "serve", "--port", "0"]);
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    let expected = format!(
        "workers.file_watcher.watch_dirs: {} does not exist",
        missing.display()
    );
    assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
    // Whoever watches nothing is not told either.
    assert!(!sandbox.database().exists());
}

#[test]
fn a_problem_with_looking_for_projects_is_in_the_status() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("proj");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("projectid"), "?").unwrap();
    let server = sandbox.serve(&["--watch", root.to_str().unwrap()]);
    let shown = eventually("the problem is shown", || {
        let error = &watcher(&server)["heartbeat"]["last_error"];
        error.as_str().map(str::to_owned)
    });
    assert!(shown.contains("proj/projectid: expected JSON"), "{shown}");
}

#[test]
fn a_watcher_that_misses_its_database_comes_back_when_it_is_there() {
    let sandbox = Sandbox::new();
    let (server, root) = watched_shop(&sandbox);
    // The lock on this file keeps its owner; without the text a newcomer does not find it.
    let owner = sandbox.state().join("code_analysis.db.worker");
    let text = fs::read(&owner).unwrap();
    fs::write(&owner, "").unwrap();
    let pid = watcher(&server)["pid"].as_u64().unwrap();
    kill(u32::try_from(pid).unwrap(), Signal::KILL);
    let end = eventually("the watcher does not find its database", || {
        let shown = watcher(&server);
        assert_ne!(shown["state"], "failed", "{shown}");
        let end = shown["last_exit"].to_string();
        end.contains("is owned by another process").then_some(end)
    });
    assert!(!end.contains("refused"), "{end}");
    fs::write(&owner, text).unwrap();
    fs::write(root.join("later.py"), "def later(): pass\n").unwrap();
    eventually("the watcher has caught up", || {
        file_names(&server)
            .contains(&"later.py".into())
            .then_some(())
    });
}
