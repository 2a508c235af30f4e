//! The messages of the conversation, borrowed from and written into frames.

use serde::{Deserialize, Serialize};

use super::frame::{self, Frame, FrameError};
use super::payload::Payload;
use crate::backup::{BackupPhase, BackupProgress};
use crate::driver::{ExecuteResult, TransactionMode};
use crate::error::DriverError;

/// A message that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of kind {kind} cannot be understood: {reason}")]
pub struct MessageError {
    /// The frame's kind.
    pub kind: u8,
    /// What is wrong.
    pub reason: String,
}

/// How a client introduces itself. This message is the first for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version that the client speaks; see [`PROTOCOL`](super::PROTOCOL).
    pub protocol: u32,
    /// Names the client through reconnections, a UUID; writes are numbered per client.
    pub client: String,
    /// The client's process id, for logs.
    pub pid: u32,
    /// Whether the engine shall refuse writes on this connection.
    #[serde(default)]
    pub read_only: bool,
}

/// How the worker answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that the worker speaks.
    pub protocol: u32,
    /// The name of the driver that the worker loaded.
    pub driver: String,
    /// The worker's process id.
    pub pid: u32,
    /// Names this connection for [`CancelKey`].
    pub cancel: CancelKey,
    /// Whether a write that is asked again with its sequence gives the first result and is not done
    /// again.
    #[serde(default)]
    pub remembers_writes: bool,
}

/// What a second connection shows in order to cancel the first one's running call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelKey {
    /// The number of the session.
    pub session: u64,
    /// Not guessable, so that no session cancels another by mistake.
    pub key: u64,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Request<'a> {
    /// First of all.
    Hello(Hello),
    /// Runs a statement and sends its rows.
    Query {
        /// The client's number for this statement, should it be a write; the same when it is asked again.
        sequence: u64,
        /// One statement.
        sql: &'a str,
        /// A block of one row, or nothing.
        params: &'a [u8],
    },
    /// Runs a statement.
    Execute {
        /// The client's number for this write, the same when it is asked again.
        sequence: u64,
        /// One statement.
        sql: &'a str,
        /// A block of one row, or nothing.
        params: &'a [u8],
    },
    /// Runs a statement for each row of a batch.
    ExecuteMany {
        /// The client's number for this write, the same when it is asked again.
        sequence: u64,
        /// One statement.
        sql: &'a str,
        /// A block.
        batch: &'a [u8],
    },
    /// What a statement takes and gives.
    Describe {
        /// One statement.
        sql: &'a str,
    },
    /// Starts a transaction.
    Begin(TransactionMode),
    /// Ends it.
    Commit {
        /// The client's number for this write, the same when it is asked again.
        sequence: u64,
    },
    /// Takes it back.
    Rollback,
    /// The tables of the database.
    Tables,
    /// The columns of a table.
    Columns {
        /// The table.
        table: &'a str,
    },
    /// Whether the database answers.
    Ping,
    /// Copies the database into a new file, and sends `Progress` meanwhile.
    Backup {
        /// The bytes of the file's path.
        target: &'a [u8],
    },
    /// In the place of any other request after `Hello`: cancels another connection's running call.
    Cancel(CancelKey),
    /// While rows arrive: no more of them, please. Nothing answers this but the query's end. In the place of `GoOn` it
    /// ends a backup in the same way.
    Stop,
    /// After each `Progress`, which the worker waits for: go on.
    GoOn,
    /// The client ends and asks for nothing again. Nothing answers this.
    Bye,
}

/// What a worker answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply<'a> {
    /// To `Hello`.
    Welcome(Welcome),
    /// The columns of a query.
    Header {
        /// How many they are.
        count: u32,
        /// As [`encode_columns`](crate::encode_columns) writes them.
        header: &'a [u8],
    },
    /// Rows of a query.
    Block(&'a [u8]),
    /// How far a backup is; the client answers `GoOn` or `Stop`.
    Progress(BackupProgress),
    /// The call succeeded.
    Done(ExecuteResult),
    /// The call failed.
    Error(DriverError),
    /// The answer to `Describe`, `Tables` and `Columns`.
    Json(&'a [u8]),
    /// The worker is about to end and has not begun to work on the request.
    GoAway,
}

mod kind {
    pub(super) const HELLO: u8 = 1;
    pub(super) const QUERY: u8 = 2;
    pub(super) const EXECUTE: u8 = 3;
    pub(super) const EXECUTE_MANY: u8 = 4;
    pub(super) const DESCRIBE: u8 = 5;
    pub(super) const BEGIN: u8 = 6;
    pub(super) const COMMIT: u8 = 7;
    pub(super) const ROLLBACK: u8 = 8;
    pub(super) const TABLES: u8 = 9;
    pub(super) const COLUMNS: u8 = 10;
    pub(super) const PING: u8 = 11;
    pub(super) const CANCEL: u8 = 12;
    pub(super) const STOP: u8 = 13;
    pub(super) const BYE: u8 = 14;
    pub(super) const BACKUP: u8 = 15;
    pub(super) const GO_ON: u8 = 16;

    pub(super) const WELCOME: u8 = 0x81;
    pub(super) const HEADER: u8 = 0x82;
    pub(super) const BLOCK: u8 = 0x83;
    pub(super) const DONE: u8 = 0x84;
    pub(super) const ERROR: u8 = 0x85;
    pub(super) const JSON: u8 = 0x86;
    pub(super) const GO_AWAY: u8 = 0x87;
    pub(super) const PROGRESS: u8 = 0x88;
}

impl<'a> Request<'a> {
    /// Appends the request's frame to `out`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`]; `out` is then as it was before.
    pub fn append_to(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let rest = self.append_head(out)?;
        out.extend_from_slice(rest);
        Ok(())
    }

    /// Appends the request's frame without its last bytes, which may be many: they are returned, and to be sent behind
    /// `out`.
    ///
    /// # Errors
    /// As [`append_to`](Self::append_to).
    pub fn append_head(&self, out: &mut Vec<u8>) -> Result<&'a [u8], FrameError> {
        let (kind, sequence, sql, rest) = match *self {
            Self::Query {
                sequence,
                sql,
                params,
            } => (kind::QUERY, sequence, sql, params),
            Self::Execute {
                sequence,
                sql,
                params,
            } => (kind::EXECUTE, sequence, sql, params),
            Self::ExecuteMany {
                sequence,
                sql,
                batch,
            } => (kind::EXECUTE_MANY, sequence, sql, batch),
            _ => return self.append_small(out).map(|()| &[][..]),
        };
        frame::append_head(out, kind, rest.len(), |out| {
            out.extend_from_slice(&sequence.to_le_bytes());
            out.extend_from_slice(&(sql.len() as u32).to_le_bytes());
            out.extend_from_slice(sql.as_bytes());
        })?;
        Ok(rest)
    }

    fn append_small(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        match self {
            Self::Hello(hello) => append_json(out, kind::HELLO, hello),
            // Written by `append_head`.
            Self::Query { .. } | Self::Execute { .. } | Self::ExecuteMany { .. } => Ok(()),
            Self::Describe { sql } => append_bytes(out, kind::DESCRIBE, sql.as_bytes()),
            Self::Begin(mode) => {
                let read_only = u8::from(*mode == TransactionMode::ReadOnly);
                append_bytes(out, kind::BEGIN, &[read_only])
            }
            Self::Commit { sequence } => append_bytes(out, kind::COMMIT, &sequence.to_le_bytes()),
            Self::Rollback => append_bytes(out, kind::ROLLBACK, &[]),
            Self::Tables => append_bytes(out, kind::TABLES, &[]),
            Self::Columns { table } => append_bytes(out, kind::COLUMNS, table.as_bytes()),
            Self::Ping => append_bytes(out, kind::PING, &[]),
            Self::Backup { target } => append_bytes(out, kind::BACKUP, target),
            Self::Cancel(key) => append_json(out, kind::CANCEL, key),
            Self::Stop => append_bytes(out, kind::STOP, &[]),
            Self::GoOn => append_bytes(out, kind::GO_ON, &[]),
            Self::Bye => append_bytes(out, kind::BYE, &[]),
        }
    }

    /// Reads a request from a frame.
    ///
    /// # Errors
    /// An unknown kind, a payload that is cut off or too long, text that is not UTF-8.
    pub fn read(frame: Frame<'a>) -> Result<Self, MessageError> {
        let mut payload = Payload::new(frame);
        let request = match frame.kind {
            kind::HELLO => Self::Hello(payload.json()?),
            kind::QUERY => Self::Query {
                sequence: payload.u64()?,
                sql: payload.sized_text()?,
                params: payload.rest(),
            },
            kind::EXECUTE => Self::Execute {
                sequence: payload.u64()?,
                sql: payload.sized_text()?,
                params: payload.rest(),
            },
            kind::EXECUTE_MANY => Self::ExecuteMany {
                sequence: payload.u64()?,
                sql: payload.sized_text()?,
                batch: payload.rest(),
            },
            kind::DESCRIBE => Self::Describe {
                sql: payload.text()?,
            },
            kind::BEGIN => Self::Begin(match payload.u8()? {
                0 => TransactionMode::ReadWrite,
                1 => TransactionMode::ReadOnly,
                other => return Err(payload.wrong(format!("transaction mode {other}"))),
            }),
            kind::COMMIT => Self::Commit {
                sequence: payload.u64()?,
            },
            kind::ROLLBACK => Self::Rollback,
            kind::TABLES => Self::Tables,
            kind::COLUMNS => Self::Columns {
                table: payload.text()?,
            },
            kind::PING => Self::Ping,
            kind::BACKUP => Self::Backup {
                target: payload.rest(),
            },
            kind::CANCEL => Self::Cancel(payload.json()?),
            kind::STOP => Self::Stop,
            kind::GO_ON => Self::GoOn,
            kind::BYE => Self::Bye,
            _ => return Err(payload.wrong("no request has this kind")),
        };
        payload.end()?;
        Ok(request)
    }
}

impl<'a> Reply<'a> {
    /// Appends the reply's frame to `out`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`]; `out` is then as it was before.
    pub fn append_to(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        match self {
            Self::Welcome(welcome) => append_json(out, kind::WELCOME, welcome),
            Self::Header { count, header } => frame::append(out, kind::HEADER, |out| {
                out.extend_from_slice(&count.to_le_bytes());
                out.extend_from_slice(header);
            }),
            Self::Block(block) => append_bytes(out, kind::BLOCK, block),
            Self::Progress(at) => frame::append(out, kind::PROGRESS, |out| {
                out.push(at.phase.tag());
                out.extend_from_slice(&at.done.to_le_bytes());
                out.extend_from_slice(&at.total.to_le_bytes());
            }),
            Self::Done(result) => frame::append(out, kind::DONE, |out| {
                out.extend_from_slice(&result.rows_affected.to_le_bytes());
                if let Some(id) = result.last_insert_id {
                    out.extend_from_slice(&id.to_le_bytes());
                }
            }),
            Self::Error(error) => append_bytes(out, kind::ERROR, &error.to_bytes()),
            Self::Json(json) => append_bytes(out, kind::JSON, json),
            Self::GoAway => append_bytes(out, kind::GO_AWAY, &[]),
        }
    }

    /// Appends the frame of a block of so many bytes, which are to be sent behind `out`.
    ///
    /// # Errors
    /// As [`append_to`](Self::append_to).
    pub fn append_block_head(out: &mut Vec<u8>, length: usize) -> Result<(), FrameError> {
        frame::append_head(out, kind::BLOCK, length, |_| {})
    }

    /// Reads a reply from a frame.
    ///
    /// # Errors
    /// An unknown kind, or a payload that is cut off or too long.
    pub fn read(frame: Frame<'a>) -> Result<Self, MessageError> {
        let mut payload = Payload::new(frame);
        let reply = match frame.kind {
            kind::WELCOME => Self::Welcome(payload.json()?),
            kind::HEADER => Self::Header {
                count: payload.u32()?,
                header: payload.rest(),
            },
            kind::BLOCK => Self::Block(payload.rest()),
            kind::PROGRESS => Self::Progress(BackupProgress {
                phase: BackupPhase::from_tag(payload.u8()?),
                done: payload.u64()?,
                total: payload.u64()?,
            }),
            kind::DONE => Self::Done(ExecuteResult {
                rows_affected: payload.u64()?,
                last_insert_id: if payload.is_empty() {
                    None
                } else {
                    Some(payload.u64()? as i64)
                },
            }),
            kind::ERROR => Self::Error(DriverError::from_bytes(payload.rest())),
            kind::JSON => Self::Json(payload.rest()),
            kind::GO_AWAY => Self::GoAway,
            _ => return Err(payload.wrong("no reply has this kind")),
        };
        payload.end()?;
        Ok(reply)
    }
}

fn append_bytes(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) -> Result<(), FrameError> {
    frame::append(out, kind, |out| out.extend_from_slice(bytes))
}

/// These types hold only text and numbers, so that serialization cannot fail.
fn append_json<T: Serialize>(out: &mut Vec<u8>, kind: u8, value: &T) -> Result<(), FrameError> {
    let json = serde_json::to_vec(value).map_err(std::io::Error::from)?;
    append_bytes(out, kind, &json)
}

#[cfg(test)]
mod tests;
