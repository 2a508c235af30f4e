//! One socket to the worker: the greeting, then one request and its answers at a time.

use std::io::Write;
use std::os::unix::net::UnixStream;

use driver_api::wire::PROTOCOL;
use driver_api::wire::frame::FrameReader;
use driver_api::wire::message::{CancelKey, Hello, Reply, Request};
use driver_api::{DriverError, ErrorClass, Result};
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

use crate::error;
use crate::options::ProxyOptions;

/// An open conversation. After an error of class `ConnectionLost` or `Protocol` it is of no use.
pub(crate) struct Conversation {
    reader: FrameReader<UnixStream>,
    /// The request being written; kept, so that a call allocates nothing.
    out: Vec<u8>,
    /// What the worker gave for cancelling this conversation's calls.
    pub(crate) cancel: CancelKey,
}

impl Conversation {
    /// Connects and exchanges greetings.
    pub(crate) fn open(options: &ProxyOptions, client: &str) -> Result<Self> {
        let unreachable = |error| error::unreachable(&options.socket, &error);
        let stream = UnixStream::connect(&options.socket).map_err(unreachable)?;
        check_peer(&stream, options)?;
        stream
            .set_read_timeout(Some(options.connect_timeout))
            .map_err(unreachable)?;
        let mut conversation = Self {
            reader: FrameReader::new(stream),
            out: Vec::new(),
            cancel: CancelKey { session: 0, key: 0 },
        };
        conversation.greet(options, client)?;
        // A statement may take as long as it takes; a worker that hangs is killed by its host.
        conversation
            .reader
            .stream()
            .set_read_timeout(None)
            .map_err(unreachable)?;
        Ok(conversation)
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, request: &Request<'_>) -> Result<()> {
        self.out.clear();
        request
            .append_to(&mut self.out)
            .map_err(|error| error::too_large(&error))?;
        self.reader
            .stream()
            .write_all(&self.out)
            .map_err(|error| error::not_sent(&error))?;
        if self.out.capacity() > KEEP {
            self.out = Vec::new();
        }
        Ok(())
    }

    /// The next reply. An error that the worker reports is an `Err` here.
    pub(crate) fn receive(&mut self) -> Result<Reply<'_>> {
        let frame = self
            .reader
            .next_frame()
            .map_err(error::broken)?
            .ok_or_else(|| error::lost("the worker closed it"))?;
        match Reply::read(frame).map_err(error::not_understood)? {
            Reply::Error(error) => Err(error),
            Reply::GoAway => Err(error::going_away()),
            reply => Ok(reply),
        }
    }

    fn greet(&mut self, options: &ProxyOptions, client: &str) -> Result<()> {
        self.send(&Request::Hello(Hello {
            protocol: PROTOCOL,
            client: client.to_owned(),
            pid: std::process::id(),
            read_only: options.read_only,
        }))?;
        let welcome = match self.receive()? {
            Reply::Welcome(welcome) => welcome,
            _ => return Err(error::out_of_turn("the greeting")),
        };
        if welcome.protocol != PROTOCOL {
            return Err(DriverError::new(
                ErrorClass::Protocol,
                format!(
                    "the DB worker speaks protocol {}, this driver {PROTOCOL}: host and plugins must be \
                     of one release",
                    welcome.protocol
                ),
            ));
        }
        self.cancel = welcome.cancel;
        Ok(())
    }
}

/// A request buffer that had to grow beyond this is given back.
const KEEP: usize = 1024 * 1024;

/// The worker must run as this user or as root: another's socket could feed us anything. Root itself
/// goes where its host sends it, which has looked at who owns the database.
fn check_peer(stream: &UnixStream, options: &ProxyOptions) -> Result<()> {
    let peer = socket_peercred(stream)
        .map_err(|error| error::unreachable(&options.socket, &error.into()))?;
    let own = geteuid();
    if peer.uid == own || peer.uid.is_root() || own.is_root() {
        return Ok(());
    }
    Err(DriverError::new(
        ErrorClass::Access,
        format!(
            "the socket {} belongs to user {}, not to this one",
            options.socket.display(),
            peer.uid.as_raw()
        ),
    ))
}
