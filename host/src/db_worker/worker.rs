//! The life of a DB worker after its start: it serves until it is told to stop, looks after itself, and drains.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::database_file::{DatabaseFile, LogStamp};
use super::listener::Listener;
use super::service::Service;
use super::start::start;
use super::storage_failure;
use super::switchboard::Switchboard;
use crate::foundation::control::Refusal;
use crate::foundation::control_channel::ControlChannel;
use crate::foundation::db_worker_hello::DbWorkerHello;
use crate::foundation::owner_lock::OwnerLock;
use crate::foundation::quarantine::Quarantine;
use crate::plugins::loader::Loader;

/// How often the host hears from the worker.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often calls are looked for whose client is gone.
const LOOK_FOR_VANISHED: Duration = Duration::from_millis(500);

/// How often the records of clients that are gone are removed. The first time is long after the
/// start, when whoever was cut off by the end of an earlier worker has asked again.
const FORGET_EVERY: Duration = Duration::from_secs(15 * 60);

/// How often the log is looked at, and from which size on, in bytes, it is an alarm: four times what is kept after a
/// checkpoint.
const LOOK_AT_LOG: Duration = Duration::from_secs(2);
const LARGE_LOG: u64 = 256 << 20;

/// Alarms about the log are not repeated before this time has passed.
const ALARM_EVERY: Duration = Duration::from_secs(60);

/// Runs a DB worker under the host at the other end of `control`.
pub fn run(control: &ControlChannel, hello: &DbWorkerHello, loader: &Loader) -> ExitCode {
    match start(control, hello, loader) {
        Ok(worker) => worker.serve(control),
        Err(problem) => {
            tracing::error!(%problem, "the DB worker does not start");
            // Without a host there is nobody to tell.
            let _ = control.refused(Refusal::new(problem.code(), problem.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// A DB worker that has started.
pub(super) struct Worker {
    pub(super) service: Arc<Service>,
    pub(super) listener: Listener,
    pub(super) socket: PathBuf,
    pub(super) lock: OwnerLock,
    /// `None` for databases that are no files.
    pub(super) file: Option<DatabaseFile>,
    pub(super) quarantine: Quarantine,
    /// Size of the log in bytes from which on the longest read is ended.
    pub(super) largest_log: u64,
}

impl Worker {
    /// Serves until the host says stop, is gone, or the storage fails; then drains.
    fn serve(mut self, control: &ControlChannel) -> ExitCode {
        let heartbeats = {
            let service = Arc::clone(&self.service);
            control.spawn_heartbeats(HEARTBEAT, move || service.heartbeat())
        };
        if let Err(error) = heartbeats {
            tracing::error!(%error, "no heartbeats can be sent; the host would take the worker for dead");
            return ExitCode::FAILURE;
        }
        let board = match Switchboard::start() {
            Ok(board) => board,
            Err(error) => {
                tracing::error!(%error, "clients cannot be waited for");
                return ExitCode::FAILURE;
            }
        };
        tracing::info!(socket = %self.socket.display(), "the DB worker is ready");
        let shutdown = control.shutdown_signal();
        let accepted = thread::scope(|scope| {
            let accepting = thread::Builder::new()
                .name("listener".into())
                .spawn_scoped(scope, || self.listener.accept_all(&self.service, &board));
            let mut rounds = Rounds::new();
            let request = loop {
                if let Some(request) = shutdown.wait_timeout(LOOK_FOR_VANISHED) {
                    break request;
                }
                self.look_after(&mut rounds);
            };
            tracing::info!(reason = ?request.reason, "the DB worker is asked to stop");
            self.service.sessions.drain(request.deadline);
            if let Err(error) = self.listener.stop() {
                tracing::error!(%error, "the listener cannot be ended");
            }
            accepting.is_ok()
        });
        // Before the log goes: an announcement without a log means that somebody else removed it.
        if let Err(error) = self.lock.clear() {
            tracing::warn!(%error, "the announcement could not be taken back");
        }
        // A call that outlived the deadline still has its connection; the process ends under it.
        if self.service.sessions.count() == 0 {
            self.service.readers.close();
            if self.service.writer.has_gone() {
                self.service.writer.forget_gone();
            }
            self.service.writer.close();
        }
        drop(self.listener);
        tracing::info!("the DB worker ends");
        if accepted {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// What was done when, and what was seen then.
struct Rounds {
    forgot: Instant,
    looked: Instant,
    alarmed: Option<Instant>,
    log: Option<LogStamp>,
}

impl Rounds {
    fn new() -> Self {
        Self {
            forgot: Instant::now(),
            looked: Instant::now(),
            alarmed: None,
            log: None,
        }
    }
}

impl Worker {
    /// What is done again and again beside the sessions.
    fn look_after(&self, rounds: &mut Rounds) {
        self.service.sessions.cancel_vanished();
        self.service.sessions.cut_off_late();
        self.service.page_check.limit();
        self.require_file();
        self.note_writes(rounds);
        if rounds.looked.elapsed() >= LOOK_AT_LOG {
            self.bound_log(rounds);
            rounds.looked = Instant::now();
        }
        if rounds.forgot.elapsed() >= FORGET_EVERY {
            self.service.writer.forget_gone();
            rounds.forgot = Instant::now();
        }
    }

    /// Lets the next worker know until when this one wrote; see `log_evidence`.
    fn note_writes(&self, rounds: &mut Rounds) {
        let stamp = self.file.as_ref().and_then(DatabaseFile::log_stamp);
        if stamp == rounds.log {
            return;
        }
        rounds.log = stamp;
        if let Err(error) = self.lock.note_write() {
            tracing::warn!(%error, "the time of the last write cannot be noted");
        }
    }

    /// A reader that does not come to an end keeps the log from being cut back. It is told first, and ended when the
    /// log becomes too large.
    fn bound_log(&self, rounds: &mut Rounds) {
        let bytes = rounds.log.as_ref().map_or(0, |stamp| stamp.bytes);
        if bytes > self.largest_log
            && let Some(pid) = self
                .service
                .sessions
                .end_longest_read(self.service.idle_transaction)
        {
            tracing::warn!(
                bytes,
                pid,
                "the longest read is ended, so that the log can be cut back"
            );
            return;
        }
        let told = rounds.alarmed.is_some_and(|at| at.elapsed() < ALARM_EVERY);
        if bytes > LARGE_LOG && !told {
            rounds.alarmed = Some(Instant::now());
            let pids = self.service.sessions.reading();
            tracing::warn!(bytes, readers = ?pids, "the log grows: a process reads for long");
        }
    }

    /// Ends the process when the database file is not where it was: what is written to a file without
    /// its name, or beside its log, is lost.
    fn require_file(&self) {
        let Some(file) = &self.file else { return };
        if !file.is_in_place() {
            self.quarantine.impose(
                "the database file was moved, replaced or deleted while its DB worker ran: put it back, \
                 with its log, or go on with what is there now",
            );
            storage_failure::end_in_quarantine();
        }
    }
}
