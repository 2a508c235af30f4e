//! `queue_get_job_status`: where a job is in its life, and what its command answered.

use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::jobs::naming::{JobName, queue_of};
use super::jobs::report::JobReport;
use super::operation::{Access, Needs, Operation};

/// The command.
pub(super) struct QueueGetJobStatus;

impl Operation for QueueGetJobStatus {
    const NAME: &'static str = "queue_get_job_status";
    const SUMMARY: &'static str =
        "Shows a background job: status, progress, and its result at the end";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = JobName;
    type Answer = JobReport;

    fn example() -> Value {
        json!({"job_id": "5f0c2a6e-2d0b-4f3c-9c56-0f6a3f5d1b7e"})
    }

    fn run(
        context: &Context,
        parameters: JobName,
        _job: &Job<'_>,
    ) -> Result<JobReport, CommandError> {
        let state = queue_of(context)?.state(&parameters.job_id)?;
        Ok(JobReport::of(&state))
    }
}
