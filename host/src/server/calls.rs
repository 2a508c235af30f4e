//! Runs commands for all doors: short ones on a blocking thread when it is their turn, long ones as jobs; both stop
//! when nobody waits for them any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use super::metrics::{Ending, Metrics};
use super::turns::Turns;
use crate::commands::error::{CommandError, ErrorCode};
use crate::commands::job::Job;
use crate::commands::jobs::queue::JobQueue;
use crate::commands::jobs::state::{JobState, Outcome, StopReason};
use crate::commands::operation::Access;
use crate::commands::prepared::Prepared;
use crate::commands::service::CommandService;
use crate::foundation::cancellation::{CancelOnDrop, Cancellation};

/// What runs commands.
pub(super) struct Calls {
    service: Arc<dyn CommandService>,
    turns: Turns,
    metrics: Metrics,
    /// Longest time for a command that only reads and is no job.
    time_limit: Duration,
    /// Stops everything, at the end of the server.
    ending: Cancellation,
}

/// Why a call has no data.
#[derive(Debug)]
pub(super) enum CallError {
    /// It could not be made: there is no such command, its parameters are wrong, or too much is going on.
    NotRun(CommandError),
    /// The command ran and failed.
    Failed(CommandError),
}

impl Calls {
    /// Runs the commands of `service` until `ending`.
    pub(super) fn new(
        service: Arc<dyn CommandService>,
        time_limit: Duration,
        ending: Cancellation,
    ) -> Self {
        Self {
            service,
            turns: Turns::new(),
            metrics: Metrics::new(),
            time_limit,
            ending,
        }
    }

    /// What is behind the doors.
    pub(super) fn service(&self) -> &Arc<dyn CommandService> {
        &self.service
    }

    /// What is counted.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Runs a command and gives its data. It is asked to stop when the future is dropped.
    ///
    /// # Errors
    /// [`CallError`].
    pub(super) async fn call(&self, command: &str, parameters: Value) -> Result<Value, CallError> {
        self.call_with_progress(command, parameters, |_| ()).await
    }

    /// The same, and tells how far a long command is, as [`until_end`] does.
    ///
    /// # Errors
    /// [`CallError`].
    pub(super) async fn call_with_progress(
        &self,
        command: &str,
        parameters: Value,
        tell: impl FnMut(&JobState),
    ) -> Result<Value, CallError> {
        let mut counted = Counted::new(&self.metrics);
        let prepared = self.service.prepare(command, parameters);
        let prepared = prepared.map_err(CallError::NotRun).inspect_err(|_| {
            counted.ending = Ending::Refused;
        })?;
        counted.command = Arc::clone(&prepared.command);
        let answer = if prepared.is_long {
            self.run_as_job(prepared, tell).await
        } else {
            self.run_at_once(prepared).await
        };
        counted.ending = match &answer {
            Ok(_) => Ending::Success,
            Err(CallError::Failed(_)) => Ending::Failure,
            Err(CallError::NotRun(_)) => Ending::Refused,
        };
        answer
    }

    async fn run_at_once(&self, prepared: Prepared) -> Result<Value, CallError> {
        let turn = self.turns.take().await.ok_or_else(busy)?;
        let stop = CancelOnDrop::of(self.ending.part());
        let job = Job::cancelled_by(stop.cancellation());
        let limit = match prepared.access {
            Access::Read => self.time_limit,
            // Nobody would know whether it was done.
            Access::Write => Duration::MAX,
        };
        let running = tokio::task::spawn_blocking(move || {
            // Held by the thread: the caller may be gone long before the command is.
            let _turn = turn;
            (prepared.work)(&job)
        });
        match tokio::time::timeout(limit, running).await {
            Ok(Ok(outcome)) => data(outcome),
            // The panic itself is in the log.
            Ok(Err(_)) => Err(CallError::NotRun(unexpected_end())),
            Err(_) => Err(CallError::Failed(too_slow(limit))),
        }
    }

    async fn run_as_job(
        &self,
        prepared: Prepared,
        tell: impl FnMut(&JobState),
    ) -> Result<Value, CallError> {
        let jobs = self.service.jobs();
        let submitted = jobs.submit(prepared, None, None);
        let mut watched = submitted.map_err(CallError::NotRun)?;
        let id = Arc::clone(&watched.borrow().id);
        let _stop = StopJobWhenDropped { jobs, id: &id };
        let state = until_end(&mut watched, tell).await;
        match state.outcome {
            Some(outcome) => data(Outcome::clone(&outcome)),
            None => Err(CallError::NotRun(stopped_before_it_ran())),
        }
    }
}

/// Waits until a job has ended, and tells the states that it has meanwhile: not all, but the latest each time.
pub(super) async fn until_end(
    watched: &mut watch::Receiver<JobState>,
    mut tell: impl FnMut(&JobState),
) -> JobState {
    loop {
        let state = watched.borrow_and_update().clone();
        if state.status.is_final() {
            return state;
        }
        tell(&state);
        if watched.changed().await.is_err() {
            // The queue keeps a job until after its end, so this is the last that will ever be known.
            return watched.borrow().clone();
        }
    }
}

fn data(outcome: Outcome) -> Result<Value, CallError> {
    outcome.map_err(|error| match error.code() {
        // Some are only seen while the command runs; for callers it is the same.
        ErrorCode::InvalidParameters | ErrorCode::Internal => CallError::NotRun(error),
        _ => CallError::Failed(error),
    })
}

fn busy() -> CallError {
    let message = "too many calls wait already; try again in a moment";
    CallError::NotRun(CommandError::new(ErrorCode::Busy, message))
}

fn unexpected_end() -> CommandError {
    let message = "the command ended unexpectedly; see the server's log";
    CommandError::new(ErrorCode::Internal, message)
}

fn too_slow(limit: Duration) -> CommandError {
    let message = format!(
        "the command took longer than {} s and was stopped; ask for less, or run it with `queue_add_job`",
        limit.as_secs()
    );
    CommandError::new(ErrorCode::TimedOut, message)
}

fn stopped_before_it_ran() -> CommandError {
    let message = "the command was stopped before it was its turn";
    CommandError::new(ErrorCode::Cancelled, message)
}

/// Stops a command whose caller hung up: the future that waits for it is dropped then.
/// The same for a job.
struct StopJobWhenDropped<'a> {
    jobs: &'a JobQueue,
    id: &'a str,
}

impl Drop for StopJobWhenDropped<'_> {
    fn drop(&mut self) {
        // It has ended in most cases, and may be forgotten already.
        let _ = self.jobs.stop(self.id, StopReason::CallerLost);
    }
}

/// Counts a call when it is over, however that comes about.
struct Counted<'a> {
    metrics: &'a Metrics,
    command: Arc<str>,
    ending: Ending,
    since: Instant,
}

impl<'a> Counted<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        Self {
            metrics,
            // Until it is known to exist.
            command: "unknown".into(),
            // Stays so when the future is dropped.
            ending: Ending::Abandoned,
            since: Instant::now(),
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let time = self.since.elapsed();
        self.metrics.call(&self.command, self.ending, time);
    }
}
