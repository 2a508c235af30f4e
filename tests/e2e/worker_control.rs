//! Workers of a running server are stopped and started by their kind.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};
use crate::support::{copy_tree, fixture};

fn file_count(server: &Server) -> u64 {
    server.rpc("list_project_files", &json!({}))["total"]
        .as_u64()
        .unwrap()
}

/// A server that watches a shop of its own and has read it.
fn watched_shop() -> (Sandbox, PathBuf, Server) {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("shop");
    copy_tree(&fixture("shop"), &root);
    let server = sandbox.serve(&["--watch", root.to_str().unwrap()]);
    eventually("the first scan", || {
        (file_count(&server) == 4).then_some(())
    });
    (sandbox, root, server)
}

#[test]
fn a_worker_is_stopped_and_started_by_its_kind_with_settings_of_its_own() {
    let (sandbox, root, server) = watched_shop();
    let watcher = json!({ "worker_type": "file_watcher" });
    let again = server.respond("start_worker", &watcher);
    assert_eq!(
        again["result"]["error"]["code"], "WORKER_ALREADY_RUNNING",
        "{again}"
    );
    let stopped = server.rpc("stop_worker", &watcher);
    assert_eq!(stopped["stopped"], json!(["file_watcher"]));
    assert_eq!(server.rpc("stop_worker", &watcher)["stopped"], json!([]));
    fs::write(root.join("late.py"), "def late(): pass\n").unwrap();
    let log = sandbox.path().join("own.log");
    let started = server.rpc(
        "start_worker",
        &json!({ "worker_type": "file_watcher", "watch_dirs": [root], "scan_interval": 1000, "worker_log_path": log }),
    );
    assert_eq!(started["state"], "ready", "{started}");
    eventually("it scans", || (file_count(&server) == 5).then_some(()));
    assert!(log.exists());
    let status = server.rpc("get_worker_status", &watcher);
    assert_eq!(status["processes"][0]["pid"], started["pid"]);
    for (parameters, wanted) in [
        (
            json!({ "worker_type": "repair", "scan_interval": 5 }),
            "unknown field `scan_interval`",
        ),
        (json!({ "worker_type": "database" }), "file_watcher, repair"),
        (
            json!({ "worker_type": "file_watcher", "watch_dirs": ["/no/such"] }),
            "/no/such cannot be watched",
        ),
    ] {
        let refused = server.respond("start_worker", &parameters).to_string();
        assert!(refused.contains(wanted), "{refused}");
    }
    let refused = server.respond("stop_worker", &json!({ "worker_type": "database" }));
    let refused = refused.to_string();
    assert!(refused.contains("is stopped with the server"), "{refused}");
}

#[test]
fn lines_of_a_workers_log_are_chosen_and_no_other_file_is_read() {
    let (sandbox, _, server) = watched_shop();
    let watcher = json!({ "worker_type": "file_watcher" });
    let listed = server.rpc("list_worker_logs", &watcher);
    let log = listed["log_files"][0]["log_path"].clone();
    let view = |more: Value| {
        let mut parameters = json!({ "log_path": log });
        parameters
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        server.rpc("view_worker_logs", &parameters)
    };
    let indexed = eventually("the scan is logged", || {
        let found = view(json!({ "event_types": ["new_file"] }));
        (found["filtered_lines"] == 1).then_some(found)
    });
    let line = &indexed["entries"][0];
    assert_eq!(
        (&line["level"], &line["event_type"], &indexed["logs"]),
        (&json!("INFO"), &json!("changed_file"), &json!([]))
    );
    let message = line["message"].as_str().unwrap();
    assert!(message.contains("indexed=4"), "{message}");
    let time = line["timestamp"].as_str().unwrap();
    for (chosen, expected) in [
        (json!({ "from_time": time, "to_time": time }), 1),
        (json!({ "from_time": "2999-01-01 00:00:00" }), 0),
        (
            json!({ "to_time": "2999-01-01", "search_pattern": "BROUGHT.*date" }),
            1,
        ),
        (json!({ "log_levels": ["CRITICAL"] }), 0),
        (json!({ "event_types": ["deleted_file", "queue"] }), 0),
    ] {
        assert_eq!(view(chosen.clone())["filtered_lines"], expected, "{chosen}");
    }
    // Times count for nothing beside the number of last lines.
    let last = view(json!({ "from_time": "2999-01-01", "tail": 1 }));
    assert_eq!(last["entries"].as_array().unwrap().len(), 1);
    let database = json!({ "log_path": sandbox.database() });
    for (refused, wanted) in [
        (
            json!({ "log_path": "/etc/passwd" }),
            "`list_worker_logs` lists",
        ),
        (database, "`list_worker_logs` lists"),
        (
            json!({ "log_path": log, "worker_type": "database" }),
            "/log_path: found",
        ),
        (json!({ "from_time": "yesterday" }), "/from_time"),
        (json!({ "search_pattern": "f(" }), "/search_pattern"),
        (json!({ "log_levels": ["LOUD"] }), "/log_levels"),
    ] {
        let answer = server.respond("view_worker_logs", &refused).to_string();
        assert!(answer.contains(wanted), "{refused}: {answer}");
        assert!(!answer.contains("root:"), "{answer}");
    }
}

#[test]
fn without_a_server_no_worker_is_started() {
    let sandbox = Sandbox::new();
    let refused = sandbox.host(&["call", "start_repair_worker", "--json"]);
    assert_ne!(refused.status, 0);
    assert_eq!(refused.json()["error"]["code"], "UNSUPPORTED");
}
