//! `queue_stop_job`: asks a job to stop.

use std::time::Duration;

use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::jobs::naming::{JobName, queue_of};
use super::jobs::report::JobSummary;
use super::jobs::state::StopReason;
use super::operation::{Access, Needs, Operation};

/// How long the answer waits for the end, so that it usually can say `stopped`.
const PATIENCE: Duration = Duration::from_secs(2);

/// The command.
pub(super) struct QueueStopJob;

impl Operation for QueueStopJob {
    const NAME: &'static str = "queue_stop_job";
    const SUMMARY: &'static str = "Stops a background job; what it has stored by then stays";
    const ACCESS: Access = Access::Write;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = JobName;
    type Answer = JobSummary;

    fn example() -> Value {
        json!({"job_id": "5f0c2a6e-2d0b-4f3c-9c56-0f6a3f5d1b7e"})
    }

    fn run(
        context: &Context,
        parameters: JobName,
        _job: &Job<'_>,
    ) -> Result<JobSummary, CommandError> {
        let queue = queue_of(context)?;
        queue.stop(&parameters.job_id, StopReason::Cancelled)?;
        let state = queue.wait(&parameters.job_id, PATIENCE)?;
        Ok(JobSummary::of(&state))
    }
}
