//! The server's doors as programs find them: JSON-RPC, health, the endpoint file, and `call` through it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cli::indexed_shop;
use crate::support::fixture;
use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};

/// Endpoint files that are there.
fn endpoint_files(sandbox: &Sandbox) -> usize {
    let is_one = |path: &Path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    };
    let Ok(found) = fs::read_dir(sandbox.state().join("servers")) else {
        return 0;
    };
    found
        .filter(|entry| is_one(&entry.as_ref().unwrap().path()))
        .count()
}

fn post(server: &Server, body: &Value) -> Value {
    let mut answer = ureq::post(format!("{}/api/jsonrpc", server.url))
        .send_json(body)
        .unwrap();
    answer.body_mut().read_json().unwrap()
}

#[test]
fn health_tells_database_and_workers() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--watch", fixture("shop").to_str().unwrap()]);
    let health = eventually("the watcher is ready", || {
        let health = server.health();
        (health["workers"][1]["state"] == "ready").then_some(health)
    });
    assert_eq!(health["status"], "ok");
    let database = &health["database"];
    assert_eq!(
        (&database["driver"], &database["status"]),
        (&json!("sqlite"), &json!("ok"))
    );
    assert_eq!(health["workers"].as_array().unwrap().len(), 2);
    assert!(
        health["version"].is_string() && health["uptime_seconds"].is_u64(),
        "{health}"
    );
}

#[test]
fn batches_errors_and_notifications_are_those_of_the_protocol() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let answer = post(
        &server,
        &json!([
            {"jsonrpc": "2.0", "method": "list_projects", "id": "a"},
            {"jsonrpc": "2.0", "method": "list_projects"},
            {"jsonrpc": "2.0", "method": "list_project", "id": 2},
            {"jsonrpc": "2.0", "method": "find_usages", "params": {}, "id": 3},
            {"jsonrpc": "2.0", "method": "list_projects", "params": {"project_id": "nope"}, "id": 4},
        ]),
    );
    let answers = answer.as_array().unwrap();
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[0]["result"]["data"]["total"], 1);
    assert!(answers[0].get("error").is_none());
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(
        answers[1]["error"]["data"]["did_you_mean"][0],
        "list_projects"
    );
    assert_eq!(answers[2]["error"]["code"], -32602);
    assert!(answers[2]["error"]["data"]["example"].is_object());
    assert_eq!(answers[3]["result"]["success"], false);
    assert_eq!(answers[3]["result"]["error"]["code"], "PROJECT_NOT_FOUND");
}

#[test]
fn a_relative_path_is_refused_because_it_would_be_the_servers_own() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let answer = server.respond("update_indexes", &json!({"root_dir": "shop"}));
    assert_eq!(answer["error"]["code"], -32602);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("expected an absolute path"), "{message}");
}

#[test]
fn pages_of_other_sites_are_refused() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let status = |name: &str, value: &str| {
        agent
            .get(format!("{}/health", server.url))
            .header(name, value)
            .call()
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(status("Origin", "http://evil.example"), 403);
    assert_eq!(status("Host", "evil.example"), 403);
    assert_eq!(status("Origin", &server.url), 200);
}

#[test]
fn call_gives_the_same_with_and_without_a_server() {
    let sandbox = indexed_shop();
    let calls: [&[&str]; 7] = [
        &["call", "list_code_entities", "limit=3"],
        &["call", "list_code_entities", "limit=3", "--json"],
        &[
            "call",
            "find_usages",
            "target_name=apply",
            "root_dir=shop",
            "--json",
        ],
        &["call", "fulltext_search", "query=discount code", "--json"],
        &["call", "list_projects", "project_id=nope", "--json"],
        &["call", "find_usages", "target_nam=x", "--json"],
        &["call", "list_code_entities", "file_path=shop/carts.py"],
    ];
    let run = || -> Vec<(i32, String, String)> {
        let outputs = calls.iter().map(|arguments| sandbox.host(arguments));
        outputs
            .map(|output| (output.status, output.stdout, output.stderr))
            .collect()
    };
    let without = run();
    let server = sandbox.serve(&[]);
    assert_eq!(endpoint_files(&sandbox), 1);
    assert_eq!(run(), without);
    drop(server);
    assert_eq!(endpoint_files(&sandbox), 0);
}

#[test]
fn call_goes_to_the_running_server() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let status = sandbox
        .host(&["call", "get_worker_status", "--json"])
        .ok()
        .json();
    assert_eq!(
        status["processes"],
        server.rpc("get_worker_status", &json!({}))["processes"]
    );
    assert_eq!(
        status["processes"][0]["state"], "ready",
        "the server supervises it, others would have adopted it"
    );
    let workers = sandbox.host(&["workers", "list", "--json"]).ok().json();
    assert_eq!(workers["server"]["pid"], server.pid());
}

#[test]
fn a_server_that_was_killed_or_hangs_keeps_nobody_from_an_answer() {
    let sandbox = indexed_shop();
    let mut server = sandbox.serve(&[]);
    server.signal(Signal::STOP);
    let started = Instant::now();
    let files = sandbox
        .host(&["call", "list_project_files", "--json"])
        .ok()
        .json();
    assert_eq!(files["total"], 4);
    assert!(started.elapsed() < Duration::from_secs(30));
    server.signal(Signal::KILL);
    server.wait();
    assert_eq!(
        endpoint_files(&sandbox),
        1,
        "the file is left behind, and must not be believed"
    );
    let files = sandbox
        .host(&["call", "list_project_files", "--json"])
        .ok()
        .json();
    assert_eq!(files["total"], 4);
    let workers = sandbox.host(&["workers", "list"]).ok();
    assert!(
        workers.stdout.starts_with("no server runs"),
        "{}",
        workers.stdout
    );
}

#[test]
fn workers_list_names_the_owner_of_a_database_without_a_server() {
    let sandbox = indexed_shop();
    let alone = sandbox.host(&["workers", "list", "--json"]).ok().json();
    assert_eq!(
        alone,
        json!({"server": null, "processes": [], "database_owner": null})
    );
    let server = sandbox.serve(&[]);
    // The server is still there, but nobody finds it: its worker is found all the same.
    fs::remove_dir_all(sandbox.state().join("servers")).unwrap();
    let owned = sandbox.host(&["workers", "list", "--json"]).ok().json();
    assert_eq!(owned["server"], Value::Null);
    let worker = &server.health()["workers"][0];
    assert_eq!(owned["database_owner"]["pid"], worker["pid"]);
}

#[test]
fn a_port_in_use_and_an_open_address_are_refused() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let port = server.url.rsplit(':').next().unwrap();
    let second = sandbox.host(&["serve", "--port", port]);
    assert_eq!(second.status, 3);
    assert!(second.stderr.contains("is in use"), "{}", second.stderr);
    let file = sandbox.config(&json!({"server": {"host": "0.0.0.0"}}));
    let open = sandbox.host(&["--config", &file, "serve"]);
    assert_eq!(open.status, 3);
    assert!(
        open.stderr.contains("that needs server.tls"),
        "{}",
        open.stderr
    );
    let missing = sandbox.host(&["serve", "--watch", "/no/such/directory"]);
    assert_eq!(missing.status, 5);
}

#[test]
fn both_signals_end_the_server_in_good_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let sandbox = Sandbox::new();
        let mut server = sandbox.serve(&[]);
        server.signal(signal);
        assert_eq!(server.wait(), Some(0));
        assert_eq!(endpoint_files(&sandbox), 0);
    }
}

#[test]
fn many_clients_at_once_are_all_answered() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..100)
            .map(|_| {
                scope.spawn(|| {
                    (0..5)
                        .map(|_| {
                            server.rpc("list_code_entities", &json!({"limit": 2}))["total"].clone()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let totals: Vec<Value> = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect();
        assert_eq!(totals.len(), 500);
        assert!(totals.iter().all(|total| *total == totals[0]), "{totals:?}");
    });
}

#[test]
fn call_reaches_a_server_with_tls_and_tokens_and_says_when_it_is_refused() {
    const TOKEN: &str = "canary-0123456789abcdef";
    let sandbox = indexed_shop();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(sandbox.path().join("server.pem"), certificate.pem()).unwrap();
    fs::write(sandbox.path().join("server.key"), key.serialize_pem()).unwrap();
    let tokens = sandbox.path().join("tokens");
    fs::write(&tokens, TOKEN).unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
    let file = sandbox.config(&json!({"server": {
        "tls": {"cert": "server.pem", "key": "server.key"}, "token_file": "tokens",
    }}));
    let server = sandbox.serve(&["--config", &file]);
    assert!(
        server.url.starts_with("https://127.0.0.1:"),
        "{}",
        server.url
    );
    let call = || {
        sandbox
            .host(&["--config", &file, "call", "get_worker_status", "--json"])
            .ok()
    };
    let through = call();
    assert!(through.json()["jobs"].is_object(), "{}", through.stdout);
    fs::write(&tokens, "another-token-0123456789").unwrap();
    let without = call();
    assert_eq!(
        without.json()["jobs"],
        Value::Null,
        "only a server has jobs"
    );
    assert!(
        without.stderr.contains("working without it"),
        "{}",
        without.stderr
    );
    let shown = sandbox.host(&["--config", &file, "config", "show"]).ok();
    let logs = fs::read_dir(sandbox.state().join("logs")).unwrap();
    let logs: String = logs
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let argv = fs::read_to_string(format!("/proc/{}/cmdline", server.pid())).unwrap();
    for text in [
        &through.stderr,
        &without.stderr,
        &shown.stdout,
        &logs,
        &argv,
    ] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[test]
fn lists_go_on_by_their_cursor_and_answers_fit_their_tokens() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let list = |parameters: Value| server.rpc("list_code_entities", &parameters);
    let whole = list(json!({}));
    let total = whole["total"].as_u64().unwrap();
    let mut seen = Vec::new();
    let mut parameters = json!({"limit": 7, "max_tokens": 300});
    loop {
        let page = list(parameters.clone());
        seen.extend(page["entities"].as_array().unwrap().clone());
        assert!(
            page["count"] == 1 || page.to_string().len() < 1300,
            "{page}"
        );
        match page.get("next_cursor") {
            Some(cursor) => parameters["cursor"] = cursor.clone(),
            None => break,
        }
    }
    assert_eq!(seen.len() as u64, total);
    assert_eq!(Value::from(seen), whole["entities"]);
    let many = server.respond("list_code_entities", &json!({"limit": 10_001}));
    let message = many["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("/limit: found number 10001, expected at most 10000"),
        "{message}"
    );
}

#[test]
fn programs_find_out_what_there_is_and_how_it_goes() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    server.rpc("list_projects", &json!({}));
    let get = |path: &str| {
        let mut answer = ureq::get(format!("{}{path}", server.url)).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    };
    let json = |path: &str| -> Value { serde_json::from_str(&get(path)).unwrap() };
    let commands = json("/commands");
    let entry = &commands["commands"]["find_usages"];
    assert_eq!(entry["schema"]["required"], json!(["target_name"]));
    assert_eq!(entry["access"], "read");
    let openapi = json("/openapi.json");
    let calls = &openapi["paths"]["/api/jsonrpc/batch"]["post"]["requestBody"]["content"]["application/json"]
        ["schema"]["items"]["oneOf"];
    let named = |call: &&Value| call["properties"]["method"]["const"] == "find_usages";
    let call = calls.as_array().unwrap().iter().find(named).unwrap();
    assert_eq!(call["properties"]["params"], entry["schema"]);
    assert_eq!(json("/heartbeat")["status"], "ok");
    let metrics = get("/metrics");
    let line = "code_analysis_host_calls_total{command=\"list_projects\",ending=\"Success\"} 1";
    assert!(metrics.lines().any(|each| each == line), "{metrics}");
    assert!(
        metrics.contains("code_analysis_host_worker_up{worker=\"database:"),
        "{metrics}"
    );
}
