//! A query's rows on their way to the client: blocks become frames, and a client that has enough is heard.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use driver_api::wire::frame::FrameError;
use driver_api::wire::message::Reply;
use driver_api::{BlockReceiver, DriverError, ErrorClass, Flow};

use rustix::io::Errno;
use rustix::net::{SendFlags, sendmsg};

use super::hearing::{Heard, hear};
use super::readers::Readers;
use super::rows_sender::RowsSender;
use super::sessions::Sessions;
use super::turn;
use super::write_records::MOST_ROW_BYTES;

/// Rows leave together once they have this many bytes.
const SEND_AT: usize = 64 * 1024;

/// After so many bytes an answer is long: what follows is sent by another thread.
const LONG: usize = 4 * SEND_AT;

/// So many bytes of rows are not copied before this thread sends them.
const SENT_APART: usize = 32 * 1024;

/// Writes the header and blocks of one query to the client.
pub(super) struct RowsOut<'s> {
    stream: &'s Arc<UnixStream>,
    out: &'s mut Vec<u8>,
    /// Where the rows come from one of these connections: it rests while the client takes none.
    readers: Option<&'s Readers>,
    /// Knows whether the worker itself has closed the reading half of the stream.
    sessions: &'s Sessions,
    /// Frames leave once they have this many bytes.
    send_at: usize,
    /// Bytes that have left.
    sent: usize,
    /// Sends the rest of a long answer.
    sender: Option<RowsSender>,
    /// Why no more rows are wanted, where that is a failure.
    pub(super) failure: Option<Failure>,
}

/// Why sending stopped.
pub(super) enum Failure {
    /// The client is gone, or does not read for too long.
    Client(io::Error),
    /// A row does not fit into a frame.
    TooLarge(DriverError),
}

impl<'s> RowsOut<'s> {
    pub(super) fn new(
        stream: &'s Arc<UnixStream>,
        out: &'s mut Vec<u8>,
        readers: Option<&'s Readers>,
        sessions: &'s Sessions,
    ) -> Self {
        Self {
            stream,
            out,
            readers,
            sessions,
            send_at: SEND_AT,
            sent: 0,
            sender: None,
            failure: None,
        }
    }

    /// From now on rows come from the writer, and wait for the commit of the write that gives them, up to a limit.
    pub(super) fn hold_back(&mut self) {
        self.send_at = MOST_ROW_BYTES;
        self.readers = None;
    }

    /// What has not left, when that is everything.
    pub(super) fn held(&self) -> Option<&[u8]> {
        (self.sent == 0).then_some(self.out.as_slice())
    }

    /// The write failed: what has not left is not to be seen.
    pub(super) fn drop_held(&mut self) {
        self.out.clear();
    }

    /// Gives the frames of an earlier run.
    pub(super) fn give(&mut self, frames: &[u8]) {
        self.out.extend_from_slice(frames);
    }

    fn append(&mut self, reply: &Reply<'_>) -> Flow {
        if let Err(error) = reply.append_to(self.out) {
            return self.too_large(&error);
        }
        if self.out.len() < self.send_at {
            Flow::Continue
        } else {
            self.send(&[])
        }
    }

    fn too_large(&mut self, error: &FrameError) -> Flow {
        let refusal = DriverError::new(
            ErrorClass::LimitExceeded,
            "a row is too large for one answer",
        );
        self.failure = Some(Failure::TooLarge(refusal.with_detail(error.to_string())));
        Flow::Stop
    }

    /// Sends what has been written, and `rest` behind it.
    fn send(&mut self, rest: &[u8]) -> Flow {
        self.sent += self.out.len() + rest.len();
        if let Some(sender) = &self.sender {
            self.out.extend_from_slice(rest);
            let (stream, readers) = (self.stream, self.readers);
            let before_waiting = || {
                turn::pass_on();
                readers.map(|readers| readers.rest(stream))
            };
            if !sender.send(self.out, before_waiting) {
                return Flow::Stop;
            }
        } else {
            if let Err(error) = self.send_all(rest) {
                self.failure = Some(Failure::Client(error));
                return Flow::Stop;
            }
            self.out.clear();
            // What is held back for a commit does not get that long.
            if self.sent >= LONG && self.readers.is_some() {
                self.sender = RowsSender::start(self.stream);
            }
        }
        self.listen()
    }

    /// Waits until what another thread sends has left.
    pub(super) fn finish(&mut self) {
        let Some(sender) = self.sender.take() else {
            return;
        };
        turn::pass_on();
        if let Err(error) = sender.finish() {
            self.failure = Some(Failure::Client(error));
        }
    }

    fn send_all(&self, rest: &[u8]) -> io::Result<()> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let both = [IoSlice::new(self.out), IoSlice::new(rest)];
        let sent = match sendmsg(&**self.stream, &both, &mut Default::default(), flags) {
            Ok(sent) => sent,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        if sent == self.out.len() + rest.len() {
            return Ok(());
        }
        turn::pass_on();
        let _rest = self.readers.map(|readers| readers.rest(self.stream));
        let mut stream = &**self.stream;
        if let Some(left) = self.out.get(sent..) {
            stream.write_all(left)?;
        }
        stream.write_all(&rest[sent.saturating_sub(self.out.len())..])
    }

    /// While a query runs the client says nothing but that it has enough, so anything that can be read
    /// means stop. The end of the stream means that the client is gone, unless the worker drains: then
    /// it is the worker's own doing, and the query goes on to its end.
    fn listen(&mut self) -> Flow {
        match hear(self.stream) {
            Heard::Nothing => Flow::Continue,
            Heard::Something => Flow::Stop,
            Heard::End if self.sessions.is_draining() => Flow::Continue,
            Heard::End => {
                self.failure = Some(Failure::Client(ErrorKind::BrokenPipe.into()));
                Flow::Stop
            }
        }
    }
}

impl BlockReceiver for RowsOut<'_> {
    fn columns(&mut self, header: &[u8], count: usize) -> Flow {
        self.append(&Reply::Header {
            count: count as u32,
            header,
        })
    }

    fn block(&mut self, block: &[u8]) -> Flow {
        if block.len() < SENT_APART || self.out.len() + block.len() < self.send_at {
            return self.append(&Reply::Block(block));
        }
        match Reply::append_block_head(self.out, block.len()) {
            Ok(()) => self.send(block),
            Err(error) => self.too_large(&error),
        }
    }
}
