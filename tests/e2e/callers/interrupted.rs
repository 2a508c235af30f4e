//! A statement that takes long ends in the engine itself once nobody waits for its answer any more.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use super::{call, post};
use crate::cli::indexed_shop;
use crate::support::legacy::execute;
use crate::support::processes::with_open;
use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};

/// The command whose statement takes long here.
const COMMAND: &str = "get_database_corruption_status";

/// Processor time of the DB worker, in hundredths of a second, that shows that the engine works.
const AT_WORK: u64 = 30;

/// The most that it may use after its caller has left; the whole statement takes several times as much.
const AT_MOST: u64 = 80;

/// A database that takes seconds to check: for each row the engine works out anew what the index should hold, and that
/// is costly.
fn slow(sandbox: &Sandbox) {
    let statements = [
        "CREATE TABLE slow(n INTEGER)",
        "CREATE INDEX slow_n ON slow(length(hex(zeroblob(n))))",
        "INSERT INTO slow WITH RECURSIVE many(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM many WHERE i < 400) \
         SELECT 4000000 FROM many",
    ];
    execute(&sandbox.database(), &statements);
}

/// Processor time that a process has used, in hundredths of a second.
fn used(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name: the state is the first, the times in user mode and in the system are these.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // In ticks, of which Linux shows 100 a second on every machine.
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// The id of the job that has this status.
fn job(server: &Server, status: &str) -> String {
    eventually(status, || {
        let jobs = server.rpc("queue_list_jobs", &json!({}))["jobs"].clone();
        let mut jobs = jobs.as_array().unwrap().iter();
        let found = jobs.find(|job| job["status"] == status && job["command"] == COMMAND)?;
        found["job_id"].as_str().map(str::to_owned)
    })
}

fn ends_with_its_caller<C>(
    server: &Server,
    worker: u32,
    ask: impl FnOnce() -> C,
    leave: impl FnOnce(&str, C),
) {
    let idle = used(worker);
    let caller = ask();
    let id = job(server, "running");
    eventually("the engine works", || {
        (used(worker) > idle + AT_WORK).then_some(())
    });
    let left = used(worker);
    leave(&id, caller);
    eventually("the job is stopped", || {
        let state = server.rpc("queue_get_job_status", &json!({ "job_id": id }));
        (state["status"] == "stopped").then_some(())
    });
    std::thread::sleep(Duration::from_millis(500));
    let more = used(worker) - left;
    assert!(more < AT_MOST, "the engine worked on for {more}0 ms");
}

#[test]
fn a_statement_ends_when_its_caller_leaves_by_whichever_door() {
    let sandbox = indexed_shop();
    slow(&sandbox);
    let server = sandbox.serve(&[]);
    let worker = with_open(&sandbox.database())[0].pid;
    let ask = || call(&server, COMMAND, &json!({}));
    ends_with_its_caller(&server, worker, ask, |_, caller| drop(caller));
    let ask = || asked_by_an_agent(&server);
    ends_with_its_caller(&server, worker, ask, |_, (headers, _stream)| {
        let body = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
        let mut heard = [0; 12];
        post(&server, "/mcp?toolset=all", &headers, &body)
            .read_exact(&mut heard)
            .unwrap();
        assert_eq!(&heard, b"HTTP/1.1 202");
    });
    let ask = || asked_over_a_websocket(&server);
    ends_with_its_caller(&server, worker, ask, |id, mut socket| {
        let cancel = json!({"action": "cancel_command", "job_id": id, "request_id": "r"});
        socket.send(Message::text(cancel.to_string())).unwrap();
    });
    // Whoever writes finds nobody in the way.
    let projects = server.rpc("list_projects", &json!({}));
    let shop = json!({ "root_dir": projects["projects"][0]["root_path"] });
    assert_eq!(server.rpc("delete_project", &shop)["files_count"], 4);
}

/// A session, and a request in it whose answer is a stream.
fn asked_by_an_agent(server: &Server) -> (String, TcpStream) {
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
    let answer = ureq::post(format!("{}/mcp?toolset=all", server.url))
        .header("accept", "application/json, text/event-stream")
        .send_json(&hello)
        .unwrap();
    let session = answer.headers()["mcp-session-id"].to_str().unwrap();
    let headers = format!(
        "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n\
         Mcp-Session-Id: {session}\r\n"
    );
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    drop(post(server, "/mcp?toolset=all", &headers, &ready));
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": COMMAND, "arguments": {}}});
    let stream = post(server, "/mcp?toolset=all", &headers, &body);
    (headers, stream)
}

/// A socket over which a job was asked for.
fn asked_over_a_websocket(server: &Server) -> WebSocket<MaybeTlsStream<TcpStream>> {
    let address = format!("{}/ws", server.url.replace("http://", "ws://"));
    let (mut socket, _) = tungstenite::connect(address).unwrap();
    let execute =
        json!({"action": "execute_command", "command": COMMAND, "params": {}, "request_id": "r"});
    socket.send(Message::text(execute.to_string())).unwrap();
    socket
}
