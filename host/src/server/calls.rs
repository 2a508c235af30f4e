//! Runs commands for all doors: short ones on a blocking thread when it is their turn, long ones as jobs; both stop
//! when nobody waits for them any more.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::turns::Turns;
use crate::commands::error::{CommandError, ErrorCode};
use crate::commands::job::Job;
use crate::commands::jobs::queue::JobQueue;
use crate::commands::jobs::state::{JobState, Outcome, StopReason};
use crate::commands::prepared::Prepared;
use crate::commands::service::CommandService;
use crate::foundation::cancellation::{CancelOnDrop, Cancellation};

/// What runs commands.
pub(super) struct Calls {
    service: Arc<dyn CommandService>,
    turns: Turns,
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
    pub(super) fn new(service: Arc<dyn CommandService>, ending: Cancellation) -> Self {
        Self {
            service,
            turns: Turns::new(),
            ending,
        }
    }

    /// Runs a command and gives its data. It is asked to stop when the future is dropped.
    ///
    /// # Errors
    /// [`CallError`].
    pub(super) async fn call(&self, command: &str, parameters: Value) -> Result<Value, CallError> {
        self.call_with_progress(command, parameters, |_| ()).await
    }

    /// The same, and tells how far a long command is: its latest state, whenever that has changed and the last
    /// telling is over.
    ///
    /// # Errors
    /// [`CallError`].
    pub(super) async fn call_with_progress(
        &self,
        command: &str,
        parameters: Value,
        tell: impl FnMut(&JobState),
    ) -> Result<Value, CallError> {
        let prepared = self.service.prepare(command, parameters);
        let prepared = prepared.map_err(CallError::NotRun)?;
        if prepared.is_long {
            self.run_as_job(prepared, tell).await
        } else {
            self.run_at_once(prepared).await
        }
    }

    async fn run_at_once(&self, prepared: Prepared) -> Result<Value, CallError> {
        let turn = self.turns.take().await.ok_or_else(busy)?;
        let stop = CancelOnDrop::of(self.ending.part());
        let job = Job::cancelled_by(stop.cancellation());
        let running = tokio::task::spawn_blocking(move || {
            // Held by the thread: the caller may be gone long before the command is.
            let _turn = turn;
            (prepared.work)(&job)
        });
        match running.await {
            Ok(outcome) => data(outcome),
            // The panic itself is in the log.
            Err(_) => Err(CallError::NotRun(unexpected_end())),
        }
    }

    async fn run_as_job(
        &self,
        prepared: Prepared,
        mut tell: impl FnMut(&JobState),
    ) -> Result<Value, CallError> {
        let jobs = self.service.jobs();
        let submitted = jobs.submit(prepared, None, None);
        let mut watched = submitted.map_err(CallError::NotRun)?;
        let id = Arc::clone(&watched.borrow().id);
        let _stop = StopJobWhenDropped { jobs, id: &id };
        let state = until_end(&mut watched, &mut tell).await;
        match state.outcome {
            Some(outcome) => data(Outcome::clone(&outcome)),
            None => Err(CallError::NotRun(stopped_before_it_ran())),
        }
    }
}

/// Waits until a job has ended, and tells each state that it had meanwhile and that was not too short to be seen.
pub(super) async fn until_end(
    watched: &mut watch::Receiver<JobState>,
    tell: &mut impl FnMut(&JobState),
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
