//! What a client sends: taken as far as it is there, or waited for while the client has a transaction open.

use std::cell::Cell;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use driver_api::wire::attention::AttentiveStream;
use rustix::net::{RecvFlags, recv};

/// A session's socket for reading.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: AttentiveStream,
    waits: Cell<bool>,
}

impl Incoming {
    /// Reads from this socket, and waits for nothing.
    pub(super) fn new(stream: UnixStream) -> Self {
        Self {
            stream: AttentiveStream::new(stream),
            waits: Cell::new(false),
        }
    }

    /// How long a read waits; without a limit it does not wait, and fails at once where nothing is there.
    pub(super) fn wait_at_most(&self, limit: Option<Duration>) {
        self.waits.set(limit.is_some());
        self.stream.wait_at_most(limit);
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.waits.get() {
            return self.stream.read(buffer);
        }
        let (count, _) = recv(self.stream.socket(), buffer, RecvFlags::DONTWAIT)?;
        Ok(count)
    }
}
