//! `queue_health`: how many jobs wait and run.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::jobs::naming::queue_of;
use super::jobs::queue::JobTotals;
use super::operation::{Access, Needs, Operation};

/// The command.
pub(super) struct QueueHealth;

/// Nothing can be chosen.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {}

impl Operation for QueueHealth {
    const NAME: &'static str = "queue_health";
    const SUMMARY: &'static str = "Counts the background jobs that wait, run and have ended";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = Parameters;
    type Answer = JobTotals;

    fn example() -> Value {
        json!({})
    }

    fn run(context: &Context, _: Parameters, _job: &Job<'_>) -> Result<JobTotals, CommandError> {
        Ok(queue_of(context)?.totals())
    }
}
