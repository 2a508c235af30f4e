//! How others see one supervised worker: its status, its readiness, and a way to ask it to stop.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use serde_json::Value;

use crate::foundation::control::Refusal;

use super::error::WorkerError;
use super::exit_reason::ExitReason;
use super::supervision::Event;
use super::worker_spec::{WorkerKind, WorkerSpec};
use super::worker_status::{WorkerState, WorkerStatus};

/// A cloneable reference to a supervised worker; it outlives restarts, and holding it keeps nothing
/// running.
#[derive(Clone)]
pub struct WorkerHandle {
    pub(super) cell: Arc<WorkerCell>,
    /// To the supervising thread, which may have ended.
    events: Sender<Event>,
}

/// What the supervising thread publishes about its worker.
pub(super) struct WorkerCell {
    name: String,
    kind: WorkerKind,
    log_path: Option<PathBuf>,
    observed: Mutex<Observed>,
    /// Wakes those who wait for another state.
    changed: Condvar,
}

pub(super) struct Observed {
    pub(super) state: WorkerState,
    pub(super) pid: Option<u32>,
    pub(super) launched: Option<Instant>,
    pub(super) restarts: u64,
    pub(super) ready: Option<Value>,
    pub(super) last_exit: Option<ExitReason>,
    pub(super) heartbeat: Option<Value>,
    pub(super) failure: Option<Failure>,
    /// Counts what was published.
    news: u64,
}

/// Why and since when a worker is left alone.
#[derive(Clone)]
pub(super) struct Failure {
    pub(super) since: Instant,
    pub(super) reason: FailureReason,
}

#[derive(Clone)]
pub(super) enum FailureReason {
    /// It said so itself.
    Refused(Refusal),
    /// It ended too often, or cannot be started at all.
    GaveUp(String),
}

impl WorkerCell {
    pub(super) fn new(spec: &WorkerSpec) -> WorkerCell {
        let observed = Observed {
            state: WorkerState::Starting,
            pid: None,
            launched: None,
            restarts: 0,
            ready: None,
            last_exit: None,
            heartbeat: None,
            failure: None,
            news: 0,
        };
        WorkerCell {
            name: spec.name.clone(),
            kind: spec.kind,
            log_path: spec.log_path.clone(),
            observed: Mutex::new(observed),
            changed: Condvar::new(),
        }
    }

    /// Changes what others see, and wakes those who wait.
    pub(super) fn publish(&self, change: impl FnOnce(&mut Observed)) {
        let mut observed = self.lock();
        change(&mut observed);
        observed.news += 1;
        drop(observed);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `seen` finds an answer, at most until `until`.
    fn wait<T>(&self, until: Instant, seen: impl Fn(&Observed) -> Option<T>) -> Option<T> {
        let mut observed = self.lock();
        loop {
            if let Some(answer) = seen(&observed) {
                return Some(answer);
            }
            let left = until.checked_duration_since(Instant::now())?;
            (observed, _) = self
                .changed
                .wait_timeout(observed, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl WorkerHandle {
    pub(super) fn new(cell: Arc<WorkerCell>, events: Sender<Event>) -> WorkerHandle {
        WorkerHandle { cell, events }
    }

    /// The worker's unique name.
    pub fn name(&self) -> &str {
        &self.cell.name
    }

    /// The worker's kind.
    pub fn kind(&self) -> WorkerKind {
        self.cell.kind
    }

    /// Waits until the worker is ready, through any restart in progress, and returns the payload of
    /// its `ready`.
    ///
    /// # Errors
    /// [`WorkerError::Refused`], [`WorkerError::Failed`] and [`WorkerError::Stopped`] at once;
    /// [`WorkerError::NotReady`] after `timeout`.
    pub fn wait_ready(&self, timeout: Duration) -> Result<Value, WorkerError> {
        let answer = self
            .cell
            .wait(Instant::now() + timeout, |seen| self.readiness(seen));
        answer.unwrap_or_else(|| {
            let seen = self.cell.lock();
            Err(WorkerError::NotReady {
                name: self.cell.name.clone(),
                state: seen.state,
                waited: timeout,
                last_exit: seen.last_exit.as_ref().map(ToString::to_string),
            })
        })
    }

    fn readiness(&self, seen: &Observed) -> Option<Result<Value, WorkerError>> {
        let name = || self.cell.name.clone();
        match (seen.state, &seen.ready, &seen.failure) {
            (WorkerState::Ready, Some(payload), _) => Some(Ok(payload.clone())),
            (WorkerState::Failed, _, Some(failure)) => Some(Err(match failure.reason.clone() {
                FailureReason::Refused(refusal) => WorkerError::Refused {
                    name: name(),
                    refusal: Box::new(refusal),
                },
                FailureReason::GaveUp(reason) => WorkerError::Failed {
                    name: name(),
                    reason,
                },
            })),
            (WorkerState::Stopping | WorkerState::Stopped, _, _) => {
                Some(Err(WorkerError::Stopped { name: name() }))
            }
            _ => None,
        }
    }

    /// Waits until there is news of the worker, at most for `timeout`: a heartbeat or another state. `known` is the number
    /// of the last news that the caller has seen, 0 before the first; answers that of the latest, and the worker as it is
    /// now.
    pub fn wait_news(&self, known: u64, timeout: Duration) -> (u64, WorkerStatus) {
        let newer = |seen: &Observed| (seen.news > known).then_some(seen.news);
        let news = self.cell.wait(Instant::now() + timeout, newer);
        (news.unwrap_or(known), self.status())
    }

    /// The worker as it is now.
    pub fn status(&self) -> WorkerStatus {
        let seen = self.cell.lock();
        WorkerStatus {
            name: self.cell.name.clone(),
            kind: self.cell.kind,
            state: seen.state,
            pid: seen.pid,
            restarts: seen.restarts,
            uptime_seconds: seen.launched.map(|then| then.elapsed().as_secs()),
            last_exit: seen.last_exit.clone(),
            heartbeat: seen.heartbeat.clone(),
            log_path: self.cell.log_path.clone(),
        }
    }

    /// Since when and why the worker is left alone; `None` when it is not.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.cell.lock().failure.clone()
    }

    /// Asks for a stop: a shutdown message, SIGTERM after `grace` (default the spec's), SIGKILL a
    /// second later.
    pub(super) fn request_stop(&self, grace: Option<Duration>) {
        // The thread is gone when the worker is in a final state, and then there is nothing to
        // stop.
        let _ = self.events.send(Event::Stop { grace });
    }

    /// Waits until nothing of the worker is left; false after `timeout`.
    pub(super) fn wait_over(&self, timeout: Duration) -> bool {
        self.cell
            .wait(Instant::now() + timeout, |seen| {
                seen.state.is_final().then_some(())
            })
            .is_some()
    }
}
