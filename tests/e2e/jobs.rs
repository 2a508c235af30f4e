//! Commands in the background: they go on without their caller, tell how far they are, stop, and are not forgotten
//! when the server dies.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cli::indexed_shop;
use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};

/// A tree that takes a while to index.
pub fn large_tree(sandbox: &Sandbox) -> String {
    let root = sandbox.work().join("large");
    for directory in 0..40 {
        let directory = root.join(format!("d{directory}"));
        fs::create_dir_all(&directory).unwrap();
        for file in 0..100 {
            fs::write(directory.join(format!("f{file}.py")), source(file)).unwrap();
        }
    }
    root.to_str().unwrap().to_owned()
}

fn source(file: usize) -> String {
    let function = |number| {
        format!(
            "def f{file}_{number}(a, b):\n    \"\"\"Adds.\"\"\"\n    return f{number}(a) + b\n\n"
        )
    };
    (0..20).map(function).collect()
}

fn add(server: &Server, root: &str) -> String {
    let job = json!({"command": "update_indexes", "params": {"root_dir": root}});
    let added = server.rpc("queue_add_job", &job);
    added["job_id"].as_str().unwrap().to_owned()
}

fn status(server: &Server, id: &str) -> Value {
    server.rpc("queue_get_job_status", &json!({"job_id": id}))
}

fn ended(server: &Server, id: &str) -> Value {
    eventually("the job ends", || {
        let status = status(server, id);
        (status["completed_at"].is_u64()).then_some(status)
    })
}

#[test]
fn a_job_goes_on_without_its_caller_and_keeps_its_result() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let id = add(&server, sandbox.work().join("shop").to_str().unwrap());
    let job = ended(&server, &id);
    assert_eq!(job["status"], "completed", "{job}");
    assert_eq!(
        (&job["progress"], &job["command_success"]),
        (&json!(100), &json!(true))
    );
    assert_eq!(job["error"], Value::Null);
    let result = &job["result"]["result"];
    assert_eq!(result["success"], true);
    assert_eq!(result["data"]["files_total"], 4, "{result}");
    let own =
        json!({"command": "delete_project", "params": {"project_id": "nope"}, "job_id": "mine"});
    server.rpc("queue_add_job", &own);
    let failed = ended(&server, "mine");
    assert_eq!(failed["status"], "completed", "the command ran, and failed");
    assert_eq!(failed["completed_with_error"], true);
    assert_eq!(
        failed["result"]["result"]["error"]["code"],
        "PROJECT_NOT_FOUND"
    );
    let listed = server.rpc("queue_list_jobs", &json!({"limit": 1}));
    assert_eq!(
        (&listed["total"], &listed["jobs"][0]["job_id"]),
        (&json!(2), &json!("mine"))
    );
    let forgotten = server.rpc("queue_delete_job", &json!({"job_id": "mine"}));
    assert_eq!(forgotten["status"], "completed");
    let gone = server.respond("queue_get_job_status", &json!({"job_id": "mine"}));
    assert_eq!(gone["result"]["error"]["code"], "JOB_NOT_FOUND");
}

#[test]
fn jobs_wait_for_their_turn_tell_how_far_they_are_and_stop() {
    let sandbox = Sandbox::new();
    let root = large_tree(&sandbox);
    let file = sandbox.config(&json!({"server": {"jobs": {"running": 1}}}));
    let server = sandbox.serve(&["--config", &file]);
    let (first, second) = (add(&server, &root), add(&server, &root));
    eventually("the first makes progress", || {
        let job = status(&server, &first);
        // Before the first file it says nothing or `0 of 4000`.
        let description = job["description"].as_str().unwrap();
        description.contains(" of 4000: /").then_some(())
    });
    assert_eq!(status(&server, &second)["status"], "pending");
    let jobs = &server.rpc("get_worker_status", &json!({}))["jobs"];
    let expected = json!({"pending": 1, "running": 1, "ended": 0, "lost": 0, "long_limit": 1});
    assert_eq!(*jobs, expected);
    let stopped = server.rpc("queue_stop_job", &json!({"job_id": second}));
    assert_eq!(
        (&stopped["status"], &stopped["stop_reason"]),
        (&json!("stopped"), &json!("cancelled"))
    );
    server.rpc("queue_stop_job", &json!({"job_id": first}));
    let job = ended(&server, &first);
    assert_eq!(job["status"], "stopped");
    assert_eq!(job["result"]["result"]["data"]["cancelled"], true, "{job}");
    let again = server.respond("queue_stop_job", &json!({"job_id": first}));
    assert_eq!(again["result"]["error"]["code"], "JOB_STATE_INVALID");
    let listed = server.rpc("queue_list_jobs", &json!({"status_filter": "stopped"}));
    assert_eq!(listed["total"], 2);
}

#[test]
fn a_server_reports_the_jobs_that_its_predecessor_lost() {
    let sandbox = Sandbox::new();
    let root = large_tree(&sandbox);
    let mut server = sandbox.serve(&[]);
    let id = add(&server, &root);
    eventually("it runs", || {
        (status(&server, &id)["status"] == "running").then_some(())
    });
    server.signal(Signal::KILL);
    server.wait();
    let mut server = sandbox.serve(&[]);
    let job = status(&server, &id);
    assert_eq!(
        (&job["status"], &job["command"]),
        (&json!("failed"), &json!("update_indexes"))
    );
    assert_eq!(job["error"]["code"], "JOB_LOST", "{job}");
    assert_eq!(server.rpc("queue_health", &json!({}))["lost"], 1);
    // The end in good order loses jobs as well, and says so.
    let second = add(&server, &root);
    eventually("it runs", || {
        (status(&server, &second)["status"] == "running").then_some(())
    });
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(0));
    let server = sandbox.serve(&[]);
    for id in [&id, &second] {
        assert_eq!(status(&server, id)["error"]["code"], "JOB_LOST");
    }
}

#[test]
fn help_lists_and_describes_what_can_be_called() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let all = server.rpc("help", &json!({}));
    assert_eq!(all["tool_info"]["name"], "code-analysis-host");
    assert!(all["commands"]["list_projects"].is_string(), "{all}");
    let one = server.rpc("help", &json!({"cmdname": "find_usages"}));
    assert_eq!(one["schema"]["required"], json!(["target_name"]));
    let unknown = server.respond("help", &json!({"cmdname": "find_usage"}));
    assert_eq!(
        unknown["result"]["error"]["code"], "UNKNOWN_COMMAND",
        "{unknown}"
    );
    let without = sandbox
        .host(&["call", "queue_list_jobs", "--json"])
        .ok()
        .json();
    assert_eq!(without["total"], 0);
    drop(server);
    let alone = sandbox.host(&["call", "queue_list_jobs", "--json"]);
    assert_eq!(alone.status, 1);
    assert!(
        alone.stderr.contains("code-analysis-host serve"),
        "{}",
        alone.stderr
    );
    assert!(Path::new(&sandbox.state()).join("servers").exists());
}
