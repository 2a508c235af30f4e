//! `queue_list_jobs`: the jobs of the server, the latest first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::jobs::naming::queue_of;
use super::jobs::report::JobSummary;
use super::jobs::state::JobStatus;
use super::operation::{Access, Needs, Operation};
use super::parameters::{Paging, Place};
use crate::code_db::page::Page;

/// The command.
pub(super) struct QueueListJobs;

/// Which jobs.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Only jobs of this status.
    #[serde(default)]
    status_filter: Option<JobStatus>,
    /// Accepted for older clients: every job is a `command_execution`.
    #[serde(default)]
    job_type: Option<JobType>,
    #[serde(flatten)]
    paging: Paging,
}

/// What a job does.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum JobType {
    /// It runs a command.
    CommandExecution,
}

/// The jobs.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    jobs: Vec<JobSummary>,
}

impl Operation for QueueListJobs {
    const NAME: &'static str = "queue_list_jobs";
    const SUMMARY: &'static str =
        "Lists background jobs with status and progress, the latest first";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"status_filter": "running", "limit": 20})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let Parameters {
            status_filter,
            job_type: Some(JobType::CommandExecution) | None,
            paging,
        } = parameters;
        let mut states = queue_of(context)?.states();
        states.retain(|state| status_filter.is_none_or(|status| status == state.status));
        let request = paging.request();
        let total = states.len() as u64;
        let skipped = usize::try_from(request.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let items: Vec<JobSummary> = states
            .iter()
            .skip(skipped)
            .take(limit)
            .map(JobSummary::of)
            .collect();
        let mut page = Page {
            items,
            total,
            offset: request.offset,
        };
        Ok(Answer {
            place: paging.place(&mut page),
            jobs: page.items,
        })
    }
}
