//! A running `serve`, asked over JSON-RPC; it is stopped in good order when the test lets go of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::sandbox::Sandbox;

/// How long anything may take on a loaded machine before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`, or `https://`.
    pub url: String,
}

impl Sandbox {
    /// Starts `serve` on a free port with these further arguments, and waits until it is ready.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        let mut command = self.command(&["serve", "--port", "0"]);
        command.args(arguments);
        Server::start(&mut command)
    }
}

impl Server {
    /// Starts a command that is `serve`, and waits for the line with its address.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://") || word.starts_with("https://"))
            .unwrap_or_else(|| panic!("no address in {line:?}"))
            .trim_end_matches('/')
            .to_owned();
        Self { child, url }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Calls a method; the answer is the whole JSON-RPC response.
    pub fn respond(&self, method: &str, params: &Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        ureq::post(format!("{}/api/jsonrpc", self.url))
            .send_json(&request)
            .unwrap()
            .body_mut()
            .read_json()
            .unwrap()
    }

    /// Calls a command that must succeed; the answer is its `data`.
    pub fn rpc(&self, method: &str, params: &Value) -> Value {
        let response = self.respond(method, params);
        assert_eq!(response["result"]["success"], true, "{method}: {response}");
        response["result"]["data"].clone()
    }

    /// Calls a command without parameters as somebody who shows this token: the status, and its `data`.
    pub fn respond_to(&self, token: &str, command: &str) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": command, "params": {} });
        let mut answer = agent
            .post(format!("{}/api/jsonrpc", self.url))
            .header("authorization", format!("Bearer {token}"))
            .send_json(&body)
            .unwrap();
        let status = answer.status().as_u16();
        let answer: Value = answer.body_mut().read_json().unwrap();
        (status, answer["result"]["data"].clone())
    }

    /// What `/health` says.
    pub fn health(&self) -> Value {
        ureq::get(format!("{}/health", self.url))
            .call()
            .unwrap()
            .body_mut()
            .read_json()
            .unwrap()
    }

    /// Sends a signal to the server itself.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end and answers the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server did not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Waits until `check` gives something.
pub fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < deadline, "it did not happen: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
