//! One job: what the queue, its running command and all who watch it have in common.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use super::reporter::Reporter;
use super::state::{JobState, JobStatus, Outcome, StopReason};
use crate::commands::error::{CommandError, ErrorCode};
use crate::commands::job::Job;
use crate::commands::prepared::Work;
use crate::foundation::cancellation::Cancellation;

/// One job.
pub(super) struct Cell {
    pub(super) id: Arc<str>,
    pub(super) state: watch::Sender<JobState>,
    cancellation: Cancellation,
}

impl Cell {
    pub(super) fn new(state: JobState) -> Self {
        Self {
            id: Arc::clone(&state.id),
            state: watch::Sender::new(state),
            cancellation: Cancellation::default(),
        }
    }

    pub(super) fn ask_to_stop(&self, reason: StopReason) {
        self.cancellation.cancel();
        self.state.send_modify(|state| {
            state.stop.get_or_insert(reason);
        });
    }

    pub(super) fn run(&self, work: Work) -> Outcome {
        self.state.send_modify(|state| {
            state.status = JobStatus::Running;
            state.started = Some(SystemTime::now());
        });
        let reporter = Reporter::new(&self.state);
        let job = Job {
            progress: &reporter,
            cancellation: self.cancellation.clone(),
        };
        // What a command changes outside of itself is the database's, whose transactions end with it.
        catch_unwind(AssertUnwindSafe(|| work(&job))).unwrap_or_else(|_| {
            let message = "the command ended unexpectedly; see the server's log";
            Err(CommandError::new(ErrorCode::Internal, message))
        })
    }
}
