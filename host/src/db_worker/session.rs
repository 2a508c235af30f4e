//! One client's conversation: requests come in, answers go out, an idle transaction ends.

use std::io::{self, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use driver_api::wire::PROTOCOL;
use driver_api::wire::frame::{FrameError, FramePlace, FrameReader};
use driver_api::wire::message::{Hello, MessageError, Reply, Request, Welcome};
use driver_api::{DriverError, ErrorClass, ExecuteResult, Result};
use uuid::Uuid;

use super::calls::{Answer, Calls};
use super::incoming::Incoming;
use super::metrics::Metrics;
use super::page_check::Occasion;
use super::service::Service;
use super::sessions::SessionSlot;
use super::turn;
use super::write_records::WriteId;
use super::writer::Write;

/// Longest wait for a client to take bytes that it asked for.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for a new client's first message.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// What a request in a transaction may take longer than its limit before its client is cut off. A client that says
/// nothing at all is noticed by the time-out of the read before that.
const LATE: Duration = Duration::from_secs(1);

/// An answer buffer that had to grow beyond this is given back.
const KEEP: usize = 1024 * 1024;

/// Why a conversation ends before the client says so.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the client did not keep to the protocol: {0}")]
    Frame(#[from] FrameError),
    #[error("the client did not keep to the protocol: {0}")]
    Message(#[from] MessageError),
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the client did not introduce itself")]
    NoHello,
    #[error("the client's name {0:?} is no UUID")]
    Name(String),
    #[error("the client speaks protocol {0}, this worker {PROTOCOL}")]
    Protocol(u32),
}

type Ended<T> = std::result::Result<T, End>;

/// Whether there will be another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nobody has to wait for it.
    Whenever,
    /// The conversation has ended.
    Never,
}

/// What was heard of a client.
pub(super) enum Heard {
    /// A request as a whole, which [`Session::answer`] takes.
    Request(FramePlace),
    /// Nothing, or a part of a request.
    Nothing,
    /// The end of the conversation.
    End,
}

/// A conversation.
pub(super) struct Session {
    service: Arc<Service>,
    slot: SessionSlot,
    reader: FrameReader<Incoming>,
    out: Vec<u8>,
    /// `None` until the client has introduced itself.
    calls: Option<Calls>,
}

/// Tells a client that cannot have a session why.
pub(super) fn refuse(mut stream: &UnixStream, error: DriverError) -> io::Result<()> {
    let mut out = Vec::new();
    Reply::Error(error)
        .append_to(&mut out)
        .map_err(io::Error::other)?;
    stream.set_write_timeout(Some(SEND_TIMEOUT))?;
    stream.write_all(&out)
}

impl Session {
    /// With the client at the other end of this stream, who has said nothing so far.
    pub(super) fn new(
        service: Arc<Service>,
        stream: UnixStream,
        slot: SessionSlot,
    ) -> io::Result<Self> {
        stream.set_write_timeout(Some(SEND_TIMEOUT))?;
        slot.running.expect_within(Some(HELLO_TIMEOUT));
        Ok(Self {
            service,
            slot,
            reader: FrameReader::new(Incoming::new(stream)),
            out: Vec::new(),
            calls: None,
        })
    }

    /// Its number.
    pub(super) fn number(&self) -> u64 {
        self.slot.cancel.session
    }

    /// The socket, another handle of it than the one that requests are read from.
    pub(super) fn stream(&self) -> &Arc<UnixStream> {
        &self.slot.stream
    }

    pub(super) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Takes what is there of the next request. In a transaction it waits for the whole of it.
    pub(super) fn hear(&mut self) -> Heard {
        let heard = self.receive();
        self.judge(heard).unwrap_or(Heard::End)
    }

    /// Answers a request and those that follow it, until the client may take its time.
    pub(super) fn answer(&mut self, request: FramePlace) -> Next {
        let next = self.converse(request);
        self.judge(next).unwrap_or(Next::Never)
    }

    /// Whether this request is a single write that may be combined with those of others.
    pub(super) fn may_combine(&mut self, request: FramePlace) -> Option<WriteId> {
        if self.service.sessions.is_draining() {
            return None;
        }
        match Request::read(self.reader.frame(request)).ok()? {
            Request::Execute { sequence, sql, .. } | Request::ExecuteMany { sequence, sql, .. } => {
                self.calls.as_mut()?.begin_single_write(sequence, sql)
            }
            _ => None,
        }
    }

    /// The write in a request that may be combined.
    pub(super) fn write(&self, id: WriteId, request: FramePlace) -> Option<Write<'_>> {
        let (sql, params, many) = match Request::read(self.reader.frame(request)).ok()? {
            Request::Execute { sql, params, .. } => (sql, params, false),
            Request::ExecuteMany { sql, batch, .. } => (sql, batch, true),
            _ => return None,
        };
        Some(Write {
            id,
            sql,
            params,
            many,
            running: &self.slot.running,
        })
    }

    /// Carries out a write that could have been combined, and answers.
    pub(super) fn write_alone(&mut self, id: WriteId, request: FramePlace) -> Next {
        let result = match self.write(id, request) {
            Some(write) => self.service.writer.write(write),
            None => return Next::Never,
        };
        self.finish_write(result)
    }

    /// Sends the result of a write that was combined, and answers what has come behind it.
    pub(super) fn finish_write(&mut self, result: Result<ExecuteResult>) -> Next {
        self.slot.running.end_request();
        let next = self
            .reply(result.map(Answer::Done))
            .and_then(|()| self.go_on());
        self.judge(next).unwrap_or(Next::Never)
    }

    /// Says why a conversation ends where that is of interest.
    fn judge<T>(&self, result: Ended<T>) -> Option<T> {
        match result {
            Ok(value) => return Some(value),
            // A client that goes away, in whatever state, is nothing to report.
            Err(End::Io(error)) if is_gone(&error) => {}
            Err(End::Frame(FrameError::CutOff)) => {}
            Err(end) => tracing::warn!(session = self.number(), %end, "a session ended"),
        }
        None
    }

    fn receive(&mut self) -> Ended<Heard> {
        let in_transaction = self.calls.as_ref().is_some_and(Calls::in_transaction);
        if in_transaction {
            return self.wait_in_transaction();
        }
        match self.reader.next_place() {
            Ok(Some(place)) => Ok(Heard::Request(place)),
            Ok(None) if self.calls.is_none() => Err(End::NoHello),
            Ok(None) => Ok(Heard::End),
            Err(FrameError::Io(error)) if is_timeout(&error) => Ok(Heard::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// The next request of an open transaction, which ends when its owner says nothing for too long.
    fn wait_in_transaction(&mut self) -> Ended<Heard> {
        let limit = self.service.idle_transaction;
        self.reader.stream().wait_at_most(Some(limit));
        self.slot.running.expect_within(Some(limit + LATE));
        let place = {
            let _rest = self
                .calls
                .as_ref()
                .and_then(|calls| calls.rest(&self.slot.stream));
            self.reader.next_place()
        };
        self.reader.stream().wait_at_most(None);
        // From now on the client may take its time.
        self.slot.running.expect_within(None);
        match place {
            Ok(Some(place)) => Ok(Heard::Request(place)),
            Ok(None) => Ok(Heard::End),
            Err(FrameError::Io(error)) if is_timeout(&error) => {
                if let Some(calls) = &mut self.calls {
                    calls.expire();
                }
                Ok(Heard::Nothing)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn converse(&mut self, request: FramePlace) -> Ended<Next> {
        match self.answer_one(request)? {
            Next::Whenever => self.go_on(),
            Next::Never => Ok(Next::Never),
        }
    }

    /// Answers what has come already, and everything within a transaction.
    fn go_on(&mut self) -> Ended<Next> {
        loop {
            let in_transaction = self.calls.as_ref().is_some_and(Calls::in_transaction);
            if !in_transaction && !self.reader.has_buffered() {
                return Ok(Next::Whenever);
            }
            let request = match self.receive()? {
                Heard::Request(place) => place,
                Heard::Nothing => return Ok(Next::Whenever),
                Heard::End => return Ok(Next::Never),
            };
            if self.answer_one(request)? == Next::Never {
                return Ok(Next::Never);
            }
        }
    }

    fn answer_one(&mut self, place: FramePlace) -> Ended<Next> {
        let request = Request::read(self.reader.frame(place))?;
        let Some(calls) = &mut self.calls else {
            let Request::Hello(hello) = request else {
                return Err(End::NoHello);
            };
            self.calls = Some(self.greet(hello)?);
            return Ok(Next::Whenever);
        };
        if self.service.sessions.is_draining() {
            send(&self.slot.stream, &mut self.out, &Reply::GoAway)?;
            return Ok(Next::Never);
        }
        let may_begin = match request {
            // Its query had ended when it came.
            Request::Stop => return Ok(Next::Whenever),
            Request::Bye => {
                calls.say_good_bye();
                return Ok(Next::Never);
            }
            // This thread then waits for one client.
            Request::Begin(_) | Request::Backup { .. } => turn::pass_on(),
            _ => true,
        };
        let answer = match may_begin {
            true => calls.answer(&request, &self.slot.stream, &mut self.out)?,
            false => Err(no_thread()),
        };
        self.reply(answer)?;
        Ok(Next::Whenever)
    }

    fn reply(&mut self, answer: Result<Answer>) -> Ended<()> {
        Metrics::count(&self.service.metrics.requests);
        if let Err(error) = &answer
            && error.class() == ErrorClass::Corrupt
        {
            self.service.page_check.start(Occasion::MetDamage);
        }
        let reply = match &answer {
            Ok(Answer::Done(result)) => Reply::Done(*result),
            Ok(Answer::Json(json)) => Reply::Json(json),
            Err(error) => Reply::Error(error.clone()),
        };
        Ok(send(&self.slot.stream, &mut self.out, &reply)?)
    }

    /// The first message says who the client is, and in which version it speaks.
    fn greet(&mut self, hello: Hello) -> Ended<Calls> {
        let welcome = Welcome {
            protocol: PROTOCOL,
            driver: self.service.driver.clone(),
            pid: std::process::id(),
            cancel: self.slot.cancel,
            remembers_writes: self.service.writer.remembers_writes(),
        };
        send(&self.slot.stream, &mut self.out, &Reply::Welcome(welcome))?;
        if hello.protocol != PROTOCOL {
            return Err(End::Protocol(hello.protocol));
        }
        self.slot.running.introduce(hello.pid);
        self.slot.running.expect_within(None);
        tracing::debug!(session = self.number(), pid = hello.pid, "a client came");
        let client = Uuid::try_parse(&hello.client).map_err(|_| End::Name(hello.client))?;
        Ok(Calls::new(
            Arc::clone(&self.service),
            Arc::clone(&self.slot.running),
            client,
            hello.read_only,
        ))
    }
}

/// Sends what lies in `out` and the reply behind it.
pub(super) fn send(
    mut stream: &UnixStream,
    out: &mut Vec<u8>,
    reply: &Reply<'_>,
) -> io::Result<()> {
    if let Err(error) = reply.append_to(out) {
        let error = DriverError::new(ErrorClass::LimitExceeded, "the answer is too large")
            .with_detail(error.to_string());
        Reply::Error(error)
            .append_to(out)
            .map_err(io::Error::other)?;
    }
    stream.write_all(out)?;
    out.clear();
    if out.capacity() > KEEP {
        *out = Vec::new();
    }
    Ok(())
}

fn no_thread() -> DriverError {
    DriverError::new(ErrorClass::Unavailable, "the DB worker has no free thread").retryable()
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    )
}
