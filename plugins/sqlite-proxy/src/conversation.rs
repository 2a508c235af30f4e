//! One socket to the worker: the greeting, then one request and its answers at a time.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;

use driver_api::wire::PROTOCOL;
use driver_api::wire::attention::AttentiveStream;
use driver_api::wire::frame::FrameReader;
use driver_api::wire::message::{CancelKey, Hello, Reply, Request};
use driver_api::{DriverError, ErrorClass, Result};
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

use crate::error;
use crate::options::ProxyOptions;

/// Why a request has no answer, or not the one that was hoped for.
pub(crate) enum Failure {
    /// The worker's own answer; the conversation goes on.
    Answer(DriverError),
    /// The conversation broke. `taken` says whether the worker may have acted on the request.
    Lost { error: DriverError, taken: bool },
    /// The conversation is of no use, and another would fail in the same way.
    Hopeless(DriverError),
}

impl Failure {
    /// What a caller hears that cannot ask again.
    pub(crate) fn into_error(self) -> DriverError {
        match self {
            Self::Answer(error) | Self::Hopeless(error) | Self::Lost { error, .. } => error,
        }
    }
}

/// The result of a request.
pub(crate) type Asked<T> = std::result::Result<T, Failure>;

/// An open conversation. After a failure that is no answer it is of no use.
pub(crate) struct Conversation {
    reader: FrameReader<AttentiveStream>,
    /// The request being written; kept, so that a call allocates nothing.
    out: Vec<u8>,
    /// What the worker gave for cancelling this conversation's calls.
    pub(crate) cancel: CancelKey,
    /// Whether a write can be asked again without being done again.
    pub(crate) remembers_writes: bool,
}

impl Conversation {
    /// Connects to this socket and exchanges greetings.
    pub(crate) fn open(socket: &Path, options: &ProxyOptions, client: &str) -> Result<Self> {
        let unreachable = |error| error::unreachable(socket, &error);
        let stream = UnixStream::connect(socket).map_err(unreachable)?;
        check_peer(&stream, socket)?;
        let stream = AttentiveStream::new(stream);
        stream.wait_at_most(Some(options.connect_timeout));
        let mut conversation = Self {
            reader: FrameReader::new(stream),
            out: Vec::new(),
            cancel: CancelKey { session: 0, key: 0 },
            remembers_writes: false,
        };
        conversation
            .greet(options, client)
            .map_err(|failure| match failure {
                // Nothing was asked yet, so that another worker may be asked instead.
                Failure::Lost { error, .. } => error.retryable(),
                other => other.into_error(),
            })?;
        // A statement may take as long as it takes; a worker that hangs is killed by its host.
        conversation.reader.stream().wait_at_most(None);
        Ok(conversation)
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, request: &Request<'_>) -> Asked<()> {
        self.out.clear();
        let rest = request
            .append_head(&mut self.out)
            .map_err(|error| Failure::Answer(error::too_large(&error)))?;
        if rest.len() < SENT_APART {
            self.out.extend_from_slice(rest);
            return self.send_bytes(&self.out);
        }
        self.send_bytes(&self.out)?;
        self.send_bytes(rest)
    }

    fn send_bytes(&self, bytes: &[u8]) -> Asked<()> {
        let sent = self.reader.stream().socket().write_all(bytes);
        sent.map_err(|error| error::not_sent(&error))
    }

    /// The next reply. An error that the worker reports is a failure here.
    pub(crate) fn receive(&mut self) -> Asked<Reply<'_>> {
        let frame = self
            .reader
            .next_frame()
            .map_err(error::broken)?
            .ok_or_else(|| error::lost("the worker closed it"))?;
        match Reply::read(frame).map_err(error::not_understood)? {
            Reply::Error(error) => Err(Failure::Answer(error)),
            Reply::GoAway => Err(error::going_away()),
            reply => Ok(reply),
        }
    }

    fn greet(&mut self, options: &ProxyOptions, client: &str) -> Asked<()> {
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
            return Err(error::other_protocol(welcome.protocol));
        }
        self.cancel = welcome.cancel;
        self.remembers_writes = welcome.remembers_writes;
        Ok(())
    }
}

/// So many bytes of rows are not copied before they are sent.
const SENT_APART: usize = 64 * 1024;

/// The worker must run as this user or as root: another's socket could feed us anything. Root itself
/// goes where its host sends it, which has looked at who owns the database.
fn check_peer(stream: &UnixStream, socket: &Path) -> Result<()> {
    let peer =
        socket_peercred(stream).map_err(|error| error::unreachable(socket, &error.into()))?;
    let own = geteuid();
    if peer.uid == own || peer.uid.is_root() || own.is_root() {
        return Ok(());
    }
    Err(DriverError::new(
        ErrorClass::Access,
        format!(
            "the socket {} belongs to user {}, not to this one",
            socket.display(),
            peer.uid.as_raw()
        ),
    ))
}
