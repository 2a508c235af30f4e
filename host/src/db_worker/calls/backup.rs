//! Backups: on a connection of their own, so that neither the writer nor one of the readers is held.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use driver_api::wire::frame::FrameReader;
use driver_api::wire::message::{Reply, Request};
use driver_api::{BackupPhase, BackupProgress, Flow, Result};

use super::{Answer, Calls, done, state_error};
use crate::db_worker::session::send;
use crate::db_worker::sessions::Sessions;

/// How often a client hears how far its backup is.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Longest wait for a client's word to go on. Meanwhile the log cannot be cut back.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

impl Calls {
    /// Copies the database into the file `target`, and tells the client meanwhile. The outer error means that the
    /// client is gone.
    pub(super) fn backup(
        &mut self,
        target: &[u8],
        stream: &Arc<UnixStream>,
        out: &mut Vec<u8>,
    ) -> io::Result<Result<Answer>> {
        if self.in_transaction() {
            return Ok(Err(state_error(
                "a backup cannot be made inside a transaction",
            )));
        }
        stream.set_read_timeout(Some(LONGEST_SILENCE))?;
        let mut telling = Telling {
            stream,
            answers: FrameReader::new(stream),
            out,
            sessions: &self.service.sessions,
            last: None,
            failure: None,
        };
        let target = Path::new(OsStr::from_bytes(target));
        let result = self.make_backup(target, &mut telling);
        if let Some(error) = telling.failure {
            return Err(error);
        }
        stream.set_read_timeout(None)?;
        Ok(result.map(|()| done()))
    }

    fn make_backup(&self, target: &Path, telling: &mut Telling<'_>) -> Result<()> {
        let mut opened = self.service.readers.open_apart()?;
        let begun = Instant::now();
        tracing::info!(target = %target.display(), "a backup begins");
        let cancel = opened.cancel.clone();
        let result = self.running.during(cancel, || {
            opened.connection.backup(target, &mut |at| telling.tell(at))
        });
        opened.close();
        match &result {
            Ok(()) => tracing::info!(took = ?begun.elapsed(), "the backup is complete"),
            Err(error) => tracing::warn!(%error, "there is no backup"),
        }
        result
    }
}

/// Tells a client how far its backup is, and hears from it whether to go on.
struct Telling<'s> {
    stream: &'s UnixStream,
    /// The client's answers: one to each that it was told.
    answers: FrameReader<&'s UnixStream>,
    out: &'s mut Vec<u8>,
    sessions: &'s Sessions,
    /// What was told last, and when.
    last: Option<(BackupPhase, Instant)>,
    /// Why the client cannot be told.
    failure: Option<io::Error>,
}

impl Telling<'_> {
    fn tell(&mut self, at: BackupProgress) -> Flow {
        let recently = |(phase, when): (BackupPhase, Instant)| {
            phase == at.phase && when.elapsed() < TELL_EVERY
        };
        if self.last.is_some_and(recently) {
            return Flow::Continue;
        }
        let told = send(self.stream, self.out, &Reply::Progress(at)).and_then(|()| self.hear());
        self.last = Some((at.phase, Instant::now()));
        told.unwrap_or_else(|error| {
            self.failure = Some(error);
            Flow::Stop
        })
    }

    fn hear(&mut self) -> io::Result<Flow> {
        let Some(frame) = self.answers.next_frame().map_err(io::Error::other)? else {
            // The end of the stream is the worker's own doing when it drains, and the client's otherwise.
            return match self.sessions.is_draining() {
                true => Ok(Flow::Continue),
                false => Err(ErrorKind::BrokenPipe.into()),
            };
        };
        match Request::read(frame).map_err(io::Error::other)? {
            Request::GoOn => Ok(Flow::Continue),
            Request::Stop => Ok(Flow::Stop),
            other => Err(io::Error::other(format!(
                "{other:?} instead of a word to go on"
            ))),
        }
    }
}
