//! One client's conversation: requests come in, answers go out, an idle transaction ends.

use std::io::{self, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use driver_api::wire::PROTOCOL;
use driver_api::wire::attention::AttentiveStream;
use driver_api::wire::frame::{FrameError, FrameReader};
use driver_api::wire::message::{Hello, MessageError, Reply, Request, Welcome};
use driver_api::{DriverError, ErrorClass};
use uuid::Uuid;

use super::calls::{Answer, Calls};
use super::metrics::Metrics;
use super::page_check::Occasion;
use super::service::Service;
use super::sessions::SessionSlot;

/// Longest wait for a client to take bytes that it asked for.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for a new client's first message.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// What a request may take longer than its limit before its client is cut off. A client that says
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

type Ended<T> = Result<T, End>;

/// Serves one client until it leaves, breaks the rules, or the worker ends.
pub(super) fn serve(service: &Service, stream: UnixStream, slot: &SessionSlot) {
    match converse(service, stream, slot) {
        // A client that goes away, in whatever state, is nothing to report.
        Ok(()) => {}
        Err(End::Io(error)) if is_gone(&error) => {}
        Err(End::Frame(FrameError::CutOff)) => {}
        Err(end) => tracing::warn!(session = slot.cancel.session, %end, "a session ended"),
    }
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

fn converse(service: &Service, stream: UnixStream, slot: &SessionSlot) -> Ended<()> {
    stream.set_write_timeout(Some(SEND_TIMEOUT))?;
    slot.running.expect_within(Some(HELLO_TIMEOUT + LATE));
    let mut reader = FrameReader::new(AttentiveStream::new(stream));
    reader.stream().wait_at_most(Some(HELLO_TIMEOUT));
    let stream = &slot.stream;
    let mut out = Vec::new();
    let hello = greet(service, &mut reader, slot, &mut out)?;
    slot.running.expect_within(None);
    let client = Uuid::try_parse(&hello.client).map_err(|_| End::Name(hello.client))?;
    let mut calls = Calls::new(service, &slot.running, client, hello.read_only);
    let mut patience = Some(HELLO_TIMEOUT);
    loop {
        let wanted = calls.in_transaction().then_some(service.idle_transaction);
        if wanted != patience {
            reader.stream().wait_at_most(wanted);
            patience = wanted;
        }
        if wanted.is_some() {
            slot.running.expect_within(wanted.map(|limit| limit + LATE));
        }
        let rest = calls.rest(stream);
        let frame = reader.next_frame();
        drop(rest);
        let frame = match frame {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(()),
            Err(FrameError::Io(error)) if is_timeout(&error) => {
                calls.expire();
                // From now on the client may take its time.
                slot.running.expect_within(None);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if wanted.is_some() {
            slot.running.expect_within(None);
        }
        let request = Request::read(frame)?;
        if service.sessions.is_draining() {
            return Ok(send(stream, &mut out, &Reply::GoAway)?);
        }
        match request {
            // Its query had ended when it came.
            Request::Stop => continue,
            Request::Bye => {
                calls.say_good_bye();
                return Ok(());
            }
            _ => {}
        }
        let answer = calls.answer(&request, stream, &mut out)?;
        Metrics::count(&service.metrics.requests);
        if let Err(error) = &answer
            && error.class() == ErrorClass::Corrupt
        {
            service.page_check.start(Occasion::MetDamage);
        }
        let reply = match &answer {
            Ok(Answer::Done(result)) => Reply::Done(*result),
            Ok(Answer::Json(json)) => Reply::Json(json),
            Err(error) => Reply::Error(error.clone()),
        };
        send(stream, &mut out, &reply)?;
    }
}

/// The first message says who the client is, and in which version it speaks.
fn greet(
    service: &Service,
    reader: &mut FrameReader<AttentiveStream>,
    slot: &SessionSlot,
    out: &mut Vec<u8>,
) -> Ended<Hello> {
    let frame = reader.next_frame()?.ok_or(End::NoHello)?;
    let Request::Hello(hello) = Request::read(frame)? else {
        return Err(End::NoHello);
    };
    let welcome = Welcome {
        protocol: PROTOCOL,
        driver: service.driver.clone(),
        pid: std::process::id(),
        cancel: slot.cancel,
        remembers_writes: service.writer.remembers_writes(),
    };
    send(&slot.stream, out, &Reply::Welcome(welcome))?;
    if hello.protocol != PROTOCOL {
        return Err(End::Protocol(hello.protocol));
    }
    slot.running.introduce(hello.pid);
    tracing::debug!(
        session = slot.cancel.session,
        pid = hello.pid,
        "a client came"
    );
    Ok(hello)
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

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    )
}
