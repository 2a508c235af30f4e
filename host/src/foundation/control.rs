//! The conversation between a host and a supervised child: JSON lines over one inherited Unix socket.
//!
//! The child finds its end as standard input, so that nothing secret appears in its arguments or
//! environment and so that either side notices the other's death, however it comes, as the end of
//! the stream.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest line of the conversation, in bytes, its newline included: room for what indexing tells of a tree of
/// thousands of projects.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// What the host says: first `hello`, once, and later perhaps `shutdown`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostMessage {
    /// Everything that the worker needs to know; the shape belongs to the kind of worker.
    Hello(Value),
    /// Finish and exit.
    Shutdown {
        /// Milliseconds after which the host loses patience and sends signals.
        deadline_ms: u64,
    },
}

/// What the child says: `ready` or `refused`, once, and heartbeats while it lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerMessage {
    /// The worker does its job from now on; the payload says how to reach it.
    Ready(Value),
    /// The worker will not start and starting it again would not help.
    Refused(Refusal),
    /// The worker lives; the payload is its status, shown to people as it is.
    Heartbeat(Value),
}

/// Why a worker refuses to start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// A stable word that hosts act on, such as `owned`.
    pub code: String,
    /// One line for people: what is wrong and what to do.
    pub message: String,
    /// Further facts, by name.
    #[serde(flatten)]
    pub details: Map<String, Value>,
}

impl Refusal {
    /// A refusal without further facts.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Refusal {
        Refusal {
            code: code.into(),
            message: message.into(),
            details: Map::new(),
        }
    }
}

/// What goes wrong in the conversation.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Standard input is not a socket: somebody started a worker by hand.
    #[error(
        "standard input is not a control socket: workers are started by the host, not by hand ({0})"
    )]
    NotAControlSocket(#[source] io::Error),
    /// The other side ended.
    #[error("the other side of the control socket is gone")]
    Gone,
    /// A line is longer than [`MAX_LINE_BYTES`].
    #[error("a line of more than {limit} bytes on the control socket; expected at most that")]
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A line that is not the JSON that was expected. The text is not repeated: it may hold
    /// secrets.
    #[error("{expected} was expected on the control socket: {problem}")]
    Malformed {
        /// What was expected.
        expected: &'static str,
        /// The position and kind of the problem.
        problem: String,
    },
    /// A payload that cannot be written as JSON.
    #[error("a message of the control socket cannot be written as JSON: {0}")]
    Unwritable(#[source] serde_json::Error),
    /// The system refused.
    #[error("the control socket failed: {0}")]
    Io(#[from] io::Error),
}

/// Reads one JSON line at a time, and never holds more than the limit of one.
pub struct LineReader<R> {
    stream: BufReader<R>,
    line: Vec<u8>,
}

impl<R: Read> LineReader<R> {
    /// Reads from `stream`.
    pub fn new(stream: R) -> LineReader<R> {
        LineReader {
            stream: BufReader::new(stream),
            line: Vec::new(),
        }
    }

    /// The next message; blocks until there is one. `expected` names it in errors.
    ///
    /// # Errors
    /// [`ControlError::Gone`] at the end of the stream, also in the middle of a line.
    pub fn read<T: DeserializeOwned>(&mut self, expected: &'static str) -> Result<T, ControlError> {
        self.line.clear();
        let limit = MAX_LINE_BYTES as u64;
        (&mut self.stream)
            .take(limit)
            .read_until(b'\n', &mut self.line)?;
        if self.line.last() != Some(&b'\n') {
            let full = self.line.len() >= MAX_LINE_BYTES;
            return Err(if full {
                ControlError::LineTooLong {
                    limit: MAX_LINE_BYTES,
                }
            } else {
                ControlError::Gone
            });
        }
        serde_json::from_slice(&self.line).map_err(|error| malformed(expected, &error))
    }
}

/// Writes one message as one line.
///
/// # Errors
/// [`ControlError::LineTooLong`] before anything is written; [`ControlError::Gone`] when nobody
/// reads any more.
pub fn write_line(mut stream: impl Write, message: &impl Serialize) -> Result<(), ControlError> {
    let mut line = serde_json::to_vec(message).map_err(ControlError::Unwritable)?;
    line.push(b'\n');
    if line.len() > MAX_LINE_BYTES {
        return Err(ControlError::LineTooLong {
            limit: MAX_LINE_BYTES,
        });
    }
    stream.write_all(&line).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ControlError::Gone,
        _ => ControlError::Io(error),
    })
}

/// Says why JSON is wrong, without serde's text where that quotes a value, which may be a secret.
pub(super) fn malformed(expected: &'static str, error: &serde_json::Error) -> ControlError {
    let text = error.to_string();
    let names_a_field = text.starts_with("missing field") || text.starts_with("unknown field");
    let problem = if names_a_field {
        text
    } else {
        format!("{:?} error at column {}", error.classify(), error.column())
    };
    ControlError::Malformed { expected, problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_have_their_documented_shapes() {
        let shapes = [
            (
                serde_json::to_value(HostMessage::Hello(json!({"a": 1}))).unwrap(),
                json!({"hello": {"a": 1}}),
            ),
            (
                serde_json::to_value(HostMessage::Shutdown { deadline_ms: 250 }).unwrap(),
                json!({"shutdown": {"deadline_ms": 250}}),
            ),
            (
                serde_json::to_value(WorkerMessage::Ready(json!({}))).unwrap(),
                json!({"ready": {}}),
            ),
            (
                serde_json::to_value(WorkerMessage::Refused(Refusal::new("owned", "taken")))
                    .unwrap(),
                json!({"refused": {"code": "owned", "message": "taken"}}),
            ),
            (
                serde_json::to_value(WorkerMessage::Heartbeat(json!({"n": 2}))).unwrap(),
                json!({"heartbeat": {"n": 2}}),
            ),
        ];
        for (found, expected) in shapes {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_refusal_keeps_further_facts() {
        let line = br#"{"refused": {"code": "owned", "message": "taken", "pid": 7}}"#.to_vec();
        let message: WorkerMessage = LineReader::new(&[line, b"\n".to_vec()].concat()[..])
            .read("a message")
            .unwrap();
        let WorkerMessage::Refused(refusal) = message else {
            panic!("a refusal, not {message:?}")
        };
        assert_eq!(refusal.details["pid"], 7);
    }

    #[test]
    fn lines_come_one_by_one_and_then_the_end() {
        let mut reader = LineReader::new(&b"{\"ready\":1}\n{\"heartbeat\":2}\n{\"hear"[..]);
        assert_eq!(
            reader.read::<WorkerMessage>("x").unwrap(),
            WorkerMessage::Ready(json!(1))
        );
        assert_eq!(
            reader.read::<WorkerMessage>("x").unwrap(),
            WorkerMessage::Heartbeat(json!(2))
        );
        assert!(matches!(
            reader.read::<WorkerMessage>("x"),
            Err(ControlError::Gone)
        ));
    }

    #[test]
    fn an_endless_line_is_refused_on_both_sides() {
        let endless = io::repeat(b'x');
        let read = LineReader::new(endless).read::<Value>("x");
        assert!(matches!(
            read,
            Err(ControlError::LineTooLong {
                limit: MAX_LINE_BYTES
            })
        ));
        let one_too_many = format!("\"{}\"\n", "x".repeat(MAX_LINE_BYTES - 2));
        let read = LineReader::new(one_too_many.as_bytes()).read::<Value>("x");
        assert!(matches!(read, Err(ControlError::LineTooLong { .. })));
        let mut sink = Vec::new();
        let written = write_line(&mut sink, &"x".repeat(MAX_LINE_BYTES));
        assert!(matches!(written, Err(ControlError::LineTooLong { .. })));
        assert!(sink.is_empty());
    }

    #[test]
    fn a_wrong_line_is_named_without_its_text() {
        let error = LineReader::new(&b"{\"canary\": 1}\n"[..])
            .read::<HostMessage>("a host's message")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "a host's message was expected on the control socket: Data error at column 9"
        );
    }
}
