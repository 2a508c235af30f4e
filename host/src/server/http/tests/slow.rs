//! Clients that keep the server waiting.

use super::*;

fn brief() -> Patience {
    Patience {
        head: Duration::from_millis(100),
        body: Duration::from_millis(100),
        handshake: Duration::from_millis(100),
        write: Duration::from_millis(100),
        command: Duration::from_millis(100),
    }
}

/// What the server still says to a client that has said this and then nothing.
fn answer_to(server: &Running, begun: &str) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(begun.as_bytes()).unwrap();
    let mut answer = String::new();
    // It may also break the connection.
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a_request_that_does_not_arrive_is_given_up() {
    let server = Running::start_with(&ServerConfig::default(), brief());
    assert_eq!(answer_to(&server, ""), "");
    assert!(!answer_to(&server, "GET /heartbeat HTTP/1.1\r\nHost:").contains("200 OK"));
    let half = format!(
        "POST /api/jsonrpc HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\n{{",
        server.address
    );
    let answer = answer_to(&server, &half);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(server.get("/heartbeat").0, 200);
}

#[test]
fn a_reading_command_that_takes_too_long_is_stopped_and_told() {
    let server = Running::start_with(&ServerConfig::default(), brief());
    let answer = server.call(&request("linger", 1));
    assert_eq!(answer["result"]["error"]["code"], "TIMED_OUT", "{answer}");
    server.until_cancelled();
}

#[test]
fn a_client_that_does_not_read_is_hung_up_on() {
    let server = Running::start_with(&ServerConfig::default(), brief());
    let text = "x".repeat(3 * 1024 * 1024);
    let body = json!({"jsonrpc": "2.0", "method": "echo", "params": {"text": text}, "id": 1});
    let request = post_request(server.address, &body.to_string());
    let mut stream = TcpStream::connect(server.address).unwrap();
    for _ in 0..4 {
        // So much fits into no buffer of the system; the server stops reading as well.
        let pipelined = request.replace("Connection: close\r\n", "");
        if stream.write_all(pipelined.as_bytes()).is_err() {
            return;
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    let mut answers = Vec::new();
    let _ = stream.read_to_end(&mut answers);
    assert!(answers.len() < 4 * text.len(), "all was answered");
}

#[test]
fn only_so_many_connections_are_taken_and_others_wait() {
    let config = ServerConfig {
        connections: 2,
        ..ServerConfig::default()
    };
    let server = Running::start_with(&config, Patience::default());
    let held: Vec<TcpStream> = (0..2)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    std::thread::sleep(Duration::from_millis(50));
    let mut third = TcpStream::connect(server.address).unwrap();
    let get = format!(
        "GET /heartbeat HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        server.address
    );
    third.write_all(get.as_bytes()).unwrap();
    let wait = Duration::from_millis(200);
    third.set_read_timeout(Some(wait)).unwrap();
    let mut answer = String::new();
    assert!(third.read_to_string(&mut answer).is_err(), "{answer}");
    drop(held);
    third
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    third.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let server = Running::start();
    let long = format!(
        "GET /heartbeat HTTP/1.1\r\nHost: {}\r\nX: {}\r\n\r\n",
        server.address,
        "x".repeat(200_000)
    );
    let mut stream = TcpStream::connect(server.address).unwrap();
    // The server may hang up before it has all.
    let _ = stream.write_all(long.as_bytes());
    let mut answer = [0; 12];
    if stream.read_exact(&mut answer).is_ok() {
        assert_eq!(&answer, b"HTTP/1.1 431");
    }
}
