//! `queue_start_job`: what the older program's clients say after `queue_add_job`. Jobs begin by themselves here.

use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::jobs::naming::{JobName, queue_of};
use super::jobs::report::JobSummary;
use super::operation::{Access, Needs, Operation};

/// The command.
pub(super) struct QueueStartJob;

impl Operation for QueueStartJob {
    const NAME: &'static str = "queue_start_job";
    const SUMMARY: &'static str =
        "Shows where a background job is: jobs begin by themselves when it is their turn";
    const ACCESS: Access = Access::Read;
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
        // It may have ended already, which is no fault of whoever wanted it to begin.
        let state = queue_of(context)?.state(&parameters.job_id)?;
        Ok(JobSummary::of(&state))
    }
}
