//! Callers of a running server that hang up, crowd it, or show who they are.

mod interrupted;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use serde_json::{Value, json};

use crate::cli::indexed_shop;
use crate::support::processes::{kill, with_open};
use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.trim_start_matches("http://")).unwrap()
}

/// A request with these further header lines.
fn post(server: &Server, path: &str, headers: &str, body: &Value) -> TcpStream {
    let mut stream = connect(server);
    let (body, host) = (body.to_string(), server.url.trim_start_matches("http://"));
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn call(server: &Server, command: &str, params: &Value) -> TcpStream {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": command, "params": params});
    post(server, "/api/jsonrpc", "", &body)
}

/// The server of an indexed tree, and the process of its DB worker.
fn served() -> (Sandbox, Server, u32) {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let worker = with_open(&sandbox.database())[0].pid;
    (sandbox, server, worker)
}

/// The state of the only job, once it has this status.
fn job(server: &Server, status: &str) -> Value {
    eventually("the job is there", || {
        let jobs = server.rpc("queue_list_jobs", &json!({}))["jobs"].clone();
        let job = jobs[0].clone();
        (job["status"] == status).then_some(job)
    })
}

/// A database that does not answer keeps a long command running, until it is let go on.
fn is_stopped_when_its_caller_hangs_up(ask: impl FnOnce(&Server) -> TcpStream) {
    let (_sandbox, server, worker) = served();
    kill(worker, Signal::STOP);
    let caller = ask(&server);
    let running = job(&server, "running");
    assert_eq!(running["command"], "get_database_corruption_status");
    drop(caller);
    eventually("it is asked to stop", || {
        let now = job(&server, "running");
        now["description"]
            .as_str()
            .unwrap()
            .starts_with("stopping")
            .then_some(())
    });
    kill(worker, Signal::CONT);
    assert_eq!(job(&server, "stopped")["job_id"], running["job_id"]);
    // Others are served as ever.
    assert_eq!(server.rpc("list_projects", &json!({}))["count"], 1);
}

#[test]
fn a_long_command_is_stopped_when_its_caller_hangs_up() {
    is_stopped_when_its_caller_hangs_up(|server| {
        call(server, "get_database_corruption_status", &json!({}))
    });
}

/// Of the revision without sessions an agent cancels a request by closing its stream.
#[test]
fn a_request_of_an_agent_is_cancelled_by_closing_its_stream() {
    is_stopped_when_its_caller_hangs_up(|server| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "get_database_corruption_status", "arguments": {},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }}});
        let headers = "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n\
                       Mcp-Method: tools/call\r\nMcp-Name: get_database_corruption_status\r\n";
        post(server, "/mcp?toolset=all", headers, &body)
    });
}

#[test]
fn a_short_command_is_given_up_when_its_caller_hangs_up() {
    let (_sandbox, server, worker) = served();
    let abandoned = || {
        let text = ureq::get(format!("{}/metrics", server.url))
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap();
        let wanted = r#"calls_total{command="list_code_entities",ending="Abandoned"}"#;
        let line = text.lines().find(|line| line.contains(wanted));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u32>().ok())
    };
    kill(worker, Signal::STOP);
    let callers: Vec<TcpStream> = (0..3)
        .map(|_| call(&server, "list_code_entities", &json!({})))
        .collect();
    // They have arrived; their answers have not begun.
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(abandoned(), None);
    drop(callers);
    eventually("three calls are given up", || {
        (abandoned() == Some(3)).then_some(())
    });
    kill(worker, Signal::CONT);
    assert_eq!(
        server.rpc("list_code_entities", &json!({"limit": 1}))["count"],
        1
    );
}

#[test]
fn five_hundred_clients_that_send_a_byte_now_and_then_keep_nobody_waiting() {
    let (_sandbox, server, _) = served();
    let request = b"POST /api/jsonrpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n";
    let mut crowd: Vec<TcpStream> = (0..500).map(|_| connect(&server)).collect();
    for byte in request.chunks(1).take(12) {
        for client in &mut crowd {
            client.write_all(byte).unwrap();
        }
        let listed = server.rpc("list_code_entities", &json!({"limit": 2}));
        assert_eq!(listed["count"], 2);
    }
    drop(crowd);
    assert_eq!(server.health()["status"], "ok");
}

#[test]
fn a_server_out_of_file_descriptors_turns_newcomers_away_and_recovers() {
    let (_sandbox, server, _) = served();
    let beat = |early: &mut TcpStream| {
        let host = server.url.trim_start_matches("http://");
        write!(early, "GET /heartbeat HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = [0; 2048];
        let bytes = early.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..bytes]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    let mut early = connect(&server);
    beat(&mut early);
    let open = fs::read_dir(format!("/proc/{}/fd", server.pid()))
        .unwrap()
        .count() as u64;
    let before = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(open + 4),
        maximum: before.maximum,
    };
    let process = Pid::from_raw(server.pid().cast_signed());
    prlimit(process, Resource::Nofile, few).unwrap();
    let crowd: Vec<TcpStream> = (0..40).map(|_| connect(&server)).collect();
    std::thread::sleep(std::time::Duration::from_millis(300));
    // Who was there goes on.
    for _ in 0..10 {
        beat(&mut early);
    }
    drop(crowd);
    beat(&mut connect(&server));
    prlimit(process, Resource::Nofile, before).unwrap();
    assert_eq!(server.rpc("list_projects", &json!({}))["count"], 1);
}

#[test]
fn call_shows_its_certificate_to_a_server_that_asks_for_one() {
    let sandbox = indexed_shop();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(sandbox.path().join("ca.pem"), authority.pem()).unwrap();
    for (name, subject) in [("server", "127.0.0.1"), ("client", "somebody")] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![subject.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        fs::write(
            sandbox.path().join(format!("{name}.pem")),
            certificate.pem(),
        )
        .unwrap();
        fs::write(
            sandbox.path().join(format!("{name}.key")),
            key.serialize_pem(),
        )
        .unwrap();
    }
    let tls = json!({"cert": "server.pem", "key": "server.key", "client_ca": "ca.pem"});
    let config = |client: Value| sandbox.config(&json!({"server": {"tls": tls}, "client": client}));
    let file = config(json!({"ca": "ca.pem"}));
    let server = sandbox.serve(&["--config", &file]);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let status = || {
        let told = sandbox.host(&["--config", &file, "call", "get_worker_status", "--json"]);
        told.ok()
    };
    // Without a certificate the server does not speak to it, and only a server has jobs.
    let without = status();
    assert_eq!(without.json()["jobs"], Value::Null, "{}", without.stderr);
    config(json!({"ca": "ca.pem", "cert": "client.pem", "key": "client.key"}));
    let with = status();
    assert!(with.json()["jobs"].is_object(), "{}", with.stderr);
    // A certificate of somebody else's authority is no better than none.
    let key = KeyPair::generate().unwrap();
    let stranger = CertificateParams::new(vec!["stranger".to_owned()]).unwrap();
    let stranger = stranger.self_signed(&key).unwrap();
    fs::write(sandbox.path().join("client.pem"), stranger.pem()).unwrap();
    fs::write(sandbox.path().join("client.key"), key.serialize_pem()).unwrap();
    assert_eq!(status().json()["jobs"], Value::Null);
}
