//! The connection to the server: the client library's, a second hold on its socket, and whether it still works.

use std::net::{IpAddr, Shutdown};
use std::time::Duration;

use driver_api::{DriverError, Result};
use filedescriptor::FileDescriptor;
use mysql::prelude::Queryable;
use mysql::{Conn, Params, Row};
use rustix::net::{RecvFlags, recv};

use crate::error::{as_lost, from_client, lost};

/// Statements that take up a late request to stop; the server holds at most one.
const ABSORBERS: u32 = 2;

/// What tells a server from others that answer to the same name: host, port and number.
pub(crate) type Identity = (String, u64, u64);

/// What the server said of itself when the session began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// MariaDB, or else MySQL.
    pub(crate) mariadb: bool,
    /// The largest statement with its parameters, in bytes.
    pub(crate) largest_packet: usize,
    /// Whether a lock time-out ends the whole transaction.
    pub(crate) rolls_back_on_timeout: bool,
    /// Whether it takes no writes, as a replica.
    pub(crate) read_only: bool,
}

/// One connection to the server.
pub(crate) struct Server {
    pub(crate) client: Conn,
    /// The same socket as the client's, which does not let others at it.
    pub(crate) socket: FileDescriptor,
    pub(crate) facts: Facts,
    /// Which of the servers it is.
    pub(crate) identity: Identity,
    /// Whether TLS is spoken.
    encrypted: bool,
    /// Why it cannot be used any more.
    broken: Option<DriverError>,
}

impl Server {
    pub(crate) fn new(
        client: Conn,
        facts: Facts,
        identity: Identity,
        encrypted: bool,
    ) -> Result<Self> {
        let socket = FileDescriptor::dup(&client).map_err(|error| lost(&error.to_string()))?;
        Ok(Self {
            client,
            socket,
            facts,
            identity,
            encrypted,
            broken: None,
        })
    }

    /// Limits how long the server may be silent, and how long it may take nothing.
    pub(crate) fn limit_silence(&self, limit: Duration) -> Result<()> {
        let socket = socket2::SockRef::from(&self.socket);
        let set = socket.set_read_timeout(Some(limit));
        set.and_then(|()| socket.set_write_timeout(Some(limit)))
            .map_err(|error| lost(&error.to_string()))
    }

    /// The server's address, where it is reached over TCP.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        let peer = socket2::SockRef::from(&self.socket).peer_addr().ok()?;
        peer.as_socket().map(|address| address.ip())
    }

    /// Fails where the connection is known to be broken.
    pub(crate) fn require_unbroken(&self) -> Result<()> {
        match &self.broken {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Fails where the connection is known to be broken, or the server closed it while it was idle.
    ///
    /// That is known before a statement is sent, so that nobody need wonder whether it was carried out.
    pub(crate) fn require_usable(&mut self, in_transaction: bool) -> Result<()> {
        self.require_unbroken()?;
        let gone = match heard(&self.socket) {
            Heard::Nothing => return Ok(()),
            // It may be about new keys, though no known server changes them on its own. In a transaction nobody
            // need wonder what was carried out when the next statement fails.
            Heard::Bytes if self.encrypted && in_transaction => return Ok(()),
            Heard::Bytes | Heard::End => "the server closed it",
            Heard::Failure => "the server or the network ended it",
        };
        Err(self.note(lost(gone)).retryable())
    }

    /// Ends a connection that cannot be brought back into a known state; the server rolls its transaction back.
    pub(crate) fn give_up(&mut self, error: DriverError) -> DriverError {
        if self.broken.is_none() {
            break_off(&self.socket);
            self.broken = Some(lost("its transaction could not be rolled back"));
        }
        error
    }

    /// Remembers an error that leaves the connection unusable: what is not sent any more may be sent on another.
    pub(crate) fn note(&mut self, error: DriverError) -> DriverError {
        if error.breaks_connection() && self.broken.is_none() {
            self.broken = Some(as_lost(error.clone()).retryable());
        }
        error
    }

    /// Runs one of the driver's own statements.
    pub(crate) fn run(&mut self, sql: &str) -> Result<()> {
        let done = self.client.query_drop(sql).map_err(from_client);
        done.map_err(|error| self.note(error))
    }

    /// The rows of one of the driver's own queries.
    pub(crate) fn rows(&mut self, sql: &str, params: impl Into<Params>) -> Result<Vec<Row>> {
        let statement = self.client.prep(sql).map_err(from_client);
        let statement = statement.map_err(|error| self.note(error))?;
        let rows = self.client.exec(&statement, params).map_err(from_client);
        let closed = self.client.close(statement).map_err(from_client);
        rows.and_then(|rows| closed.map(|()| rows))
            .map_err(|error| self.note(error))
    }

    /// Makes sure that the server answers.
    pub(crate) fn ping(&mut self) -> Result<()> {
        let answer = self.client.ping().map_err(from_client);
        answer.map_err(|error| self.note(error))
    }

    /// Takes up a request to stop that came too late for the statement that it was for: MariaDB 10.11 forgets such a
    /// request, other servers may keep it for the next statement.
    pub(crate) fn absorb_kill(&mut self) {
        for _ in 0..ABSORBERS {
            if self.run("DO 0").is_ok() {
                return;
            }
        }
    }
}

/// What came from a server that was asked nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    /// It speaks unasked only when it ends the connection. What TLS says after its start came before the answer to
    /// the login.
    Bytes,
    End,
    Failure,
}

fn heard(socket: &FileDescriptor) -> Heard {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    match recv(socket, &mut [0], flags) {
        Ok((0, _)) => Heard::End,
        Ok(_) => Heard::Bytes,
        Err(rustix::io::Errno::AGAIN) => Heard::Nothing,
        Err(_) => Heard::Failure,
    }
}

/// Ends a connection at once, so that the client library reads nothing more from it.
pub(crate) fn break_off(socket: &FileDescriptor) {
    // An error says that it is over already.
    let _ = socket2::SockRef::from(socket).shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use driver_api::{ErrorClass, Outcome};
    use test_needs::needs;

    use super::*;
    use crate::session;
    use crate::testing::{TestDatabase, read};

    #[needs(mariadb)]
    #[test]
    fn a_server_that_speaks_unasked_has_ended_the_connection() {
        let database = TestDatabase::new();
        let mut server = session::open(&read(&database.values).unwrap()).unwrap();
        assert_eq!(server.require_usable(false), Ok(()));
        // A ping of which the client does not know: its answer comes unasked.
        server.socket.write_all(b"\x01\0\0\0\x0e").unwrap();
        while heard(&server.socket) == Heard::Nothing {
            std::thread::yield_now();
        }
        let error = server.require_usable(true).unwrap_err();
        assert_eq!(
            (error.class(), error.outcome(), error.is_retryable()),
            (ErrorClass::ConnectionLost, Outcome::NotApplied, true)
        );
    }

    #[test]
    fn last_words_are_heard_before_the_end() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let socket = FileDescriptor::dup(&ours).unwrap();
        assert_eq!(heard(&socket), Heard::Nothing);
        theirs.write_all(b"4031").unwrap();
        // Looking takes nothing away.
        assert_eq!(heard(&socket), Heard::Bytes);
        assert_eq!(heard(&socket), Heard::Bytes);
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert_eq!(heard(&FileDescriptor::dup(&ours).unwrap()), Heard::End);
    }
}
