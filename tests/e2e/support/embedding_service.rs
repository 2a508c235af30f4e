//! A service with the interface of `/v1/embeddings` that answers, waits or fails as a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

/// What the service does with passages; questions are always answered, but by a service that fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Answers,
    Waits,
    Fails,
}

#[derive(Default)]
struct Seen {
    /// Texts that were answered.
    answered: Vec<String>,
    /// Requests that wait.
    waiting: usize,
}

/// The service. Its vectors have three dimensions and depend on the text alone.
pub struct EmbeddingService {
    pub url: String,
    state: Arc<(Mutex<(Mood, Seen)>, Condvar)>,
}

impl EmbeddingService {
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let state = Arc::new((Mutex::new((mood, Seen::default())), Condvar::new()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || drop(serve(&stream.unwrap(), &shared)));
            }
        });
        Self { url, state }
    }

    pub fn set(&self, mood: Mood) {
        self.state.0.lock().unwrap().0 = mood;
        self.state.1.notify_all();
    }

    /// Texts that were answered, in their order.
    pub fn answered(&self) -> Vec<String> {
        self.state.0.lock().unwrap().1.answered.clone()
    }

    /// Requests that wait at the moment.
    pub fn waiting(&self) -> usize {
        self.state.0.lock().unwrap().1.waiting
    }

    /// The section `embedding` that names it.
    pub fn section(&self) -> Value {
        json!({ "provider": "service", "url": self.url, "model": "of-the-test" })
    }

    /// The name of its model in the database.
    pub fn model(&self) -> String {
        format!("of-the-test at {}", self.url)
    }
}

fn serve(stream: &TcpStream, state: &(Mutex<(Mood, Seen)>, Condvar)) -> std::io::Result<()> {
    let texts = read_texts(stream)?;
    // A passage has its title on a line of its own.
    let is_question = texts.iter().all(|text| !text.contains('\n'));
    let mut guard = state.0.lock().unwrap();
    while guard.0 == Mood::Waits && !is_question {
        guard.1.waiting += 1;
        guard = state.1.wait(guard).unwrap();
        guard.1.waiting -= 1;
    }
    let (status, body) = if guard.0 == Mood::Fails {
        ("503 Unavailable", "{}".to_owned())
    } else {
        guard.1.answered.extend(texts.iter().cloned());
        let embedded =
            |(index, text): (usize, &String)| json!({ "index": index, "embedding": vector(text) });
        let data: Vec<Value> = texts.iter().enumerate().map(embedded).collect();
        ("200 OK", json!({ "data": data }).to_string())
    };
    drop(guard);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn read_texts(stream: &TcpStream) -> std::io::Result<Vec<String>> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request: Value = serde_json::from_slice(&body).unwrap();
    Ok(serde_json::from_value(request["input"].clone()).unwrap())
}

fn vector(text: &str) -> [f64; 3] {
    let sum: u32 = text.bytes().map(u32::from).sum();
    let part = |of: u32| f64::from(sum % of + 1);
    [part(7), part(11), part(13)]
}
