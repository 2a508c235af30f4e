//! `queue_delete_job`: forgets a job that has ended.

use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::jobs::naming::{JobName, queue_of};
use super::jobs::report::JobSummary;
use super::operation::{Access, Needs, Operation};

/// The command.
pub(super) struct QueueDeleteJob;

impl Operation for QueueDeleteJob {
    const NAME: &'static str = "queue_delete_job";
    const SUMMARY: &'static str = "Forgets a background job that has ended, and its result";
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
        let state = queue_of(context)?.forget(&parameters.job_id)?;
        Ok(JobSummary::of(&state))
    }
}
