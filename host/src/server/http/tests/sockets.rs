//! Conversations over `/ws`.

use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use super::*;

struct Client(WebSocket<TcpStream>);

impl Client {
    fn connect(server: &Running) -> Self {
        let stream = TcpStream::connect(server.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let url = format!("ws://{}/ws", server.address);
        Self(tungstenite::client(url, stream).unwrap().0)
    }

    fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).unwrap();
    }

    fn hear(&mut self) -> Value {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other}"),
            }
        }
    }

    /// All that is heard until both have been: the answer to a cancellation, and the end of the job.
    fn hear_cancellation(&mut self) -> (Value, Value) {
        let (mut reply, mut event) = (None, None);
        while reply.is_none() || event.is_none() {
            let heard = self.hear();
            if heard["action"] == "cancel_command" {
                reply = Some(heard);
            } else if heard["event"] == "command_cancelled" {
                event = Some(heard);
            }
        }
        (reply.unwrap(), event.unwrap())
    }

    fn execute(&mut self, command: &str) -> Value {
        self.say(&json!({
            "action": "execute_command", "command": command, "params": {"a": 1},
            "request_id": "r1", "result_channel": "rpc",
        }));
        self.hear()
    }
}

#[test]
fn a_command_is_accepted_and_its_end_told() {
    let server = Running::start();
    let mut client = Client::connect(&server);
    let accepted = client.execute("echo");
    let job_id = accepted["job_id"].as_str().unwrap().to_owned();
    assert_eq!(
        accepted,
        json!({"event": "command_accepted", "job_id": job_id, "request_id": "r1", "command": "echo",
               "status": "pending", "result_channel": "rpc"})
    );
    let completed = client.hear();
    assert_eq!(completed["event"], "command_completed");
    assert_eq!(completed["request_id"], "r1");
    let fetch = json!({"method": "queue_get_job_status", "params": {"job_id": job_id}});
    assert_eq!(completed["result_rpc"], fetch);
    let state = server.fake.jobs.state(&job_id).unwrap();
    assert_eq!(*state.outcome.unwrap(), Ok(json!({"a": 1})));
    // Whoever comes late hears the end as well.
    for (action, event) in [
        (
            json!({"action": "resume_command_events", "job_id": job_id}),
            "command_completed",
        ),
        (
            json!({"action": "subscribe", "subscription_type": "queue_job", "job_id": job_id}),
            "job_completed",
        ),
    ] {
        client.say(&action);
        assert_eq!(client.hear()["event"], event);
    }
}

#[test]
fn what_cannot_be_run_is_told_with_its_number() {
    let server = Running::start();
    let mut client = Client::connect(&server);
    let unknown = client.execute("nothing");
    assert_eq!(unknown["event"], "command_error");
    assert_eq!(
        (&unknown["code"], &unknown["error"]["code"]),
        (&json!(-32601), &json!(-32601))
    );
    assert_eq!(
        (&unknown["request_id"], &unknown["command"]),
        (&json!("r1"), &json!("nothing"))
    );
    client.execute("wrong");
    let failed = client.hear();
    assert_eq!(
        (&failed["event"], &failed["error"]),
        (&json!("command_failed"), &json!("/limit: no"))
    );
    client.0.send(Message::text("{oops")).unwrap();
    assert_eq!(client.hear()["code"], -32602);
    client.say(&json!({"action": "dance", "request_id": "r2"}));
    let refused = client.hear();
    assert_eq!(refused["request_id"], "r2");
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("execute_command"),
        "{refused}"
    );
    client.say(&json!({"action": "cancel_command", "job_id": "none"}));
    assert_eq!(client.hear()["data"]["domain_code"], "JOB_NOT_FOUND");
    client.say(&json!({"action": "subscribe", "subscription_type": "queue_job", "job_id": "none"}));
    assert_eq!(client.hear()["action"], "subscribe_error");
}

#[test]
fn a_job_is_cancelled_by_its_id() {
    let server = Running::start();
    let mut client = Client::connect(&server);
    let job_id = client.execute("wait")["job_id"].clone();
    client.say(&json!({"action": "cancel_command", "job_id": job_id, "request_id": "r1", "reason": "cancelled"}));
    let (reply, event) = client.hear_cancellation();
    assert_eq!(
        (&reply["success"], &reply["job_id"]),
        (&json!(true), &job_id)
    );
    assert_eq!(reply["request_id"], "r1");
    let status = reply["status"].as_str().unwrap();
    assert!(["stopped", "stopping"].contains(&status), "{reply}");
    assert_eq!(event["data"]["reason"], "cancelled");
}

#[test]
fn a_job_goes_on_when_its_socket_closes_or_lets_go_of_it() {
    let server = Running::start();
    let mut client = Client::connect(&server);
    let job_id = client.execute("wait")["job_id"]
        .as_str()
        .unwrap()
        .to_owned();
    client.say(&json!({"action": "unsubscribe", "job_id": job_id, "caller_loss": "detach"}));
    client.0.close(None).unwrap();
    while client.0.read().is_ok() {}
    drop(client);
    std::thread::sleep(Duration::from_millis(50));
    assert!(!server.fake.was_cancelled.load(Ordering::SeqCst));
    let mut other = Client::connect(&server);
    other.say(
        &json!({"action": "subscribe", "subscription_type": "command_session", "job_id": job_id}),
    );
    other.say(&json!({"action": "cancel_command", "job_id": job_id}));
    other.hear_cancellation();
}

#[test]
fn the_end_of_the_server_closes_sockets() {
    let mut server = Running::start();
    let mut client = Client::connect(&server);
    client.execute("echo");
    client.hear();
    server.stop(Duration::from_secs(20)).unwrap();
    match client.0.read().unwrap() {
        Message::Close(Some(frame)) => assert_eq!(frame.code, CloseCode::Away),
        other => panic!("{other}"),
    }
}

#[test]
fn a_page_of_another_site_gets_no_socket() {
    let server = Running::start();
    let mut request = format!("ws://{}/ws", server.address)
        .into_client_request()
        .unwrap();
    let origin = "http://evil.example".parse().unwrap();
    request.headers_mut().insert("Origin", origin);
    let refused = tungstenite::client(request, TcpStream::connect(server.address).unwrap());
    assert!(refused.unwrap_err().to_string().contains("403"));
    assert_eq!(
        server.get("/ws").0,
        400,
        "without an upgrade there is nothing to say"
    );
}

#[test]
fn a_message_that_is_too_long_ends_the_conversation() {
    let server = Running::start();
    let mut client = Client::connect(&server);
    let long = "x".repeat(5 * 1024 * 1024);
    // The server hangs up while it is still sent.
    let _ = client.0.send(Message::text(long));
    let mut heard = client.0.read();
    while let Ok(message) = heard {
        assert!(message.is_close(), "{message}");
        heard = client.0.read();
    }
    assert_eq!(server.get("/heartbeat").0, 200);
}
