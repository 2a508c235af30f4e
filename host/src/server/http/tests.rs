//! The server on a listener of its own, asked over real connections.

mod guarded;
mod slow;
mod sockets;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::*;
use crate::commands::error::{CommandError, ErrorCode};
use crate::commands::job::Job;
use crate::commands::jobs::queue::Limits;
use crate::commands::operation::Access;
use crate::commands::prepared::Prepared;
use crate::commands::service::WorkerHealth;
use crate::config::server_types::ServerConfig;
use crate::foundation::shutdown_signal::ShutdownReason;
use crate::server::guard::Guard;

/// Commands without a database: `echo`, `missing`, `wrong`, `panic`, `slow`, `linger` and the long `wait`.
struct Fake {
    database_is_away: AtomicBool,
    was_cancelled: Arc<AtomicBool>,
    jobs: JobQueue,
}

impl Fake {
    fn new() -> Self {
        let limits = Limits {
            long: 1,
            short: 4,
            waiting: 4,
            kept_for: Duration::from_secs(600),
        };
        Self {
            database_is_away: AtomicBool::new(false),
            was_cancelled: Arc::new(AtomicBool::new(false)),
            jobs: JobQueue::new(limits, None),
        }
    }
}

fn run(
    command: &str,
    parameters: Value,
    job: &Job<'_>,
    was_cancelled: &AtomicBool,
) -> Result<Value, CommandError> {
    match command {
        "echo" => Ok(parameters),
        "missing" => {
            Err(CommandError::new(ErrorCode::ProjectNotFound, "no project").with("name", "x"))
        }
        "wrong" => Err(CommandError::new(
            ErrorCode::InvalidParameters,
            "/limit: no",
        )),
        "slow" => {
            std::thread::sleep(Duration::from_millis(300));
            Ok(json!("slow but done"))
        }
        "wait" | "linger" => {
            while !job.cancellation.is_cancelled() {
                std::thread::sleep(Duration::from_millis(5));
            }
            was_cancelled.store(true, Ordering::SeqCst);
            Ok(json!("cancelled"))
        }
        _ => panic!("a fault"),
    }
}

impl CommandService for Fake {
    fn prepare(&self, command: &str, parameters: Value) -> Result<Prepared, CommandError> {
        if command == "nothing" {
            let message = "no command nothing";
            return Err(CommandError::new(ErrorCode::UnknownCommand, message));
        }
        let was_cancelled = Arc::clone(&self.was_cancelled);
        let command: Arc<str> = command.into();
        Ok(Prepared {
            is_long: &*command == "wait",
            command: Arc::clone(&command),
            access: Access::Read,
            work: Box::new(move |job| run(&command, parameters, job, &was_cancelled)),
        })
    }

    fn jobs(&self) -> &JobQueue {
        &self.jobs
    }

    fn driver_name(&self) -> String {
        "fake".to_owned()
    }

    fn ping_database(&self) -> Result<(), CommandError> {
        match self.database_is_away.load(Ordering::SeqCst) {
            true => Err(CommandError::new(ErrorCode::DatabaseUnavailable, "away")),
            false => Ok(()),
        }
    }

    fn workers(&self) -> Vec<WorkerHealth> {
        Vec::new()
    }
}

struct Running {
    address: SocketAddr,
    fake: Arc<Fake>,
    shutdown: ShutdownSignal,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    fn start() -> Running {
        Self::start_with(&ServerConfig::default(), Patience::default())
    }

    fn start_with(config: &ServerConfig, patience: Patience) -> Running {
        let listener = super::super::address::bind("127.0.0.1", 0, false).unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Arc::new(Gate::new(Guard::of(config).unwrap()));
        let (fake, shutdown) = (Arc::new(Fake::new()), ShutdownSignal::new());
        let parts = ServerParts {
            service: Arc::clone(&fake) as _,
            instance_id: "this one".to_owned(),
            listener,
            gate: Arc::clone(&gate),
            patience,
            connections: config.connections,
            shutdown: shutdown.clone(),
        };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            runtime.block_on(serve(parts, || ()))
        });
        Running {
            address,
            fake,
            shutdown,
            thread: Some(thread),
        }
    }

    /// Status and body of the answer to a whole request.
    fn raw(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned());
        (status, body.unwrap_or_default())
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        ))
    }

    fn post_text(&self, body: &str) -> (u16, String) {
        self.raw(&post_request(self.address, body))
    }

    fn call(&self, body: &Value) -> Value {
        let (status, body) = self.post_text(&body.to_string());
        assert_eq!(status, 200);
        serde_json::from_str(&body).unwrap()
    }

    fn until_cancelled(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.fake.was_cancelled.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "the command was not stopped");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn stop(&mut self, within: Duration) -> io::Result<()> {
        self.shutdown
            .trigger(ShutdownRequest::within(ShutdownReason::Requested, within));
        self.thread
            .take()
            .map_or(Ok(()), |thread| thread.join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed has said so already.
        let _ = self.stop(Duration::from_secs(1));
    }
}

fn post_request(address: SocketAddr, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /api/jsonrpc HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn request(method: &str, id: u32) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": {"a": 1}, "id": id})
}

#[test]
fn a_command_answers_with_its_data() {
    let server = Running::start();
    let answer = server.call(&request("echo", 7));
    assert_eq!(
        answer,
        json!({"jsonrpc": "2.0", "result": {"success": true, "data": {"a": 1}}, "id": 7})
    );
}

#[test]
fn a_failing_command_is_a_result_and_a_call_that_cannot_be_made_an_error() {
    let server = Running::start();
    let missing = server.call(&request("missing", 1));
    let error =
        json!({"code": "PROJECT_NOT_FOUND", "message": "no project", "data": {"name": "x"}});
    assert_eq!(missing["result"], json!({"success": false, "error": error}));
    for (method, code, word) in [
        ("nothing", -32601, json!("UNKNOWN_COMMAND")),
        ("wrong", -32602, json!("INVALID_PARAMETERS")),
        ("panic", -32603, json!("INTERNAL_ERROR")),
    ] {
        let answer = server.call(&request(method, 1));
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(answer["error"]["data"]["code"], word, "{answer}");
        assert!(answer.get("result").is_none(), "{answer}");
    }
    let by_position = json!({"jsonrpc": "2.0", "method": "echo", "params": [1], "id": 1});
    assert_eq!(server.call(&by_position)["error"]["code"], -32602);
}

#[test]
fn a_batch_is_answered_in_order_without_its_notifications() {
    let server = Running::start();
    let notification = json!({"jsonrpc": "2.0", "method": "echo"});
    let answer = server.call(&json!([
        request("echo", 1),
        notification,
        7,
        request("nothing", 2)
    ]));
    let ids: Vec<&Value> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|each| &each["id"])
        .collect();
    assert_eq!(ids, [&json!(1), &Value::Null, &json!(2)]);
    assert_eq!(
        server.post_text(&json!([notification]).to_string()),
        (204, String::new())
    );
    assert_eq!(server.post_text(&notification.to_string()).0, 204);
}

#[test]
fn bodies_that_hold_no_request_are_answered_as_the_protocol_says() {
    let server = Running::start();
    let (status, body) = server.post_text("{oops");
    assert_eq!(status, 200);
    assert!(body.contains("-32700"), "{body}");
    // What is nested too deeply is refused before it takes the stack.
    let (status, body) = server.post_text(&"[".repeat(MAX_BODY_BYTES / 2));
    assert_eq!(status, 200);
    assert!(body.contains("-32700"), "{body}");
    let deep = format!(
        r#"{{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {{"a": {}1{}}}}}"#,
        "[".repeat(1000),
        "]".repeat(1000)
    );
    assert!(server.post_text(&deep).1.contains("-32700"));
    let (status, _) = server.post_text(&"x".repeat(MAX_BODY_BYTES + 1));
    assert_eq!(status, 413);
    assert_eq!(server.get("/api/jsonrpc").0, 405);
    let (status, body) = server.get("/none");
    assert_eq!(status, 404);
    assert!(body.contains("/openapi.json"), "{body}");
}

#[test]
fn health_is_always_answered_and_tells_a_database_that_is_away() {
    let server = Running::start();
    let health = || -> Value {
        let (status, body) = server.get("/health");
        assert_eq!(status, 200);
        serde_json::from_str(&body).unwrap()
    };
    let fine = health();
    assert_eq!(
        (&fine["status"], &fine["instance_id"]),
        (&json!("ok"), &json!("this one"))
    );
    let database = &fine["database"];
    assert_eq!(
        (&database["driver"], &database["status"]),
        (&json!("fake"), &json!("ok"))
    );
    assert!(database["latency_ms"].is_f64(), "{database}");
    server.fake.database_is_away.store(true, Ordering::SeqCst);
    let degraded = health();
    assert_eq!(degraded["status"], "degraded");
    assert_eq!(degraded["database"]["problem"], "away");
    assert!(degraded["database"].get("latency_ms").is_none());
}

#[test]
fn requests_of_strangers_pages_are_refused() {
    let server = Running::start();
    let port = server.address.port();
    for (host, origin, expected) in [
        (format!("127.0.0.1:{port}"), String::new(), 200),
        (
            format!("localhost:{port}"),
            format!("Origin: http://localhost:{port}\r\n"),
            200,
        ),
        (format!("evil.example:{port}"), String::new(), 403),
        (
            format!("127.0.0.1:{port}"),
            "Origin: http://evil.example\r\n".to_owned(),
            403,
        ),
        (
            format!("127.0.0.1:{port}"),
            "Origin: null\r\n".to_owned(),
            403,
        ),
    ] {
        let request =
            format!("GET /health HTTP/1.1\r\nHost: {host}\r\n{origin}Connection: close\r\n\r\n");
        assert_eq!(server.raw(&request).0, expected, "{host} {origin}");
    }
}

#[test]
fn the_end_waits_for_what_was_begun_and_stops_what_is_long() {
    let mut server = Running::start();
    let asked: Vec<_> = ["slow", "wait"]
        .map(|method| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream
                .write_all(post_request(server.address, &request(method, 1).to_string()).as_bytes())
                .unwrap();
            stream
        })
        .into();
    std::thread::sleep(Duration::from_millis(100));
    server.stop(Duration::from_secs(20)).unwrap();
    let answers: Vec<String> = asked
        .into_iter()
        .map(|mut stream| {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        })
        .collect();
    assert!(answers[0].contains("slow but done"), "{}", answers[0]);
    assert!(answers[1].contains("cancelled"), "{}", answers[1]);
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn a_client_that_stalls_does_not_keep_the_server_from_ending() {
    let mut server = Running::start();
    let mut stalled = TcpStream::connect(server.address).unwrap();
    let address = server.address;
    let half =
        format!("POST /api/jsonrpc HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100\r\n\r\n{{");
    stalled.write_all(half.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let started = Instant::now();
    server.stop(Duration::from_millis(200)).unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_command_is_stopped_when_its_caller_hangs_up() {
    for command in ["wait", "linger"] {
        let server = Running::start();
        let mut stream = TcpStream::connect(server.address).unwrap();
        let body = request(command, 1).to_string();
        stream
            .write_all(post_request(server.address, &body).as_bytes())
            .unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert!(!server.fake.was_cancelled.load(Ordering::SeqCst));
        drop(stream);
        server.until_cancelled();
    }
}
