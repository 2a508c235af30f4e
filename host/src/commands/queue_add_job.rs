//! `queue_add_job`: runs any command in the background, whatever becomes of the caller.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::jobs::naming::queue_of;
use super::jobs::report::JobSummary;
use super::operation::{Access, Needs, Operation};
use super::registry::Registry;

/// The command.
pub(super) struct QueueAddJob;

/// What is to run.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// The command to run.
    #[schemars(length(min = 1))]
    command: String,
    /// Its parameters; default none.
    #[serde(default)]
    params: Map<String, Value>,
    /// Id for the job, unlike that of any other; default a random one.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    job_id: Option<String>,
}

impl Operation for QueueAddJob {
    const NAME: &'static str = "queue_add_job";
    const SUMMARY: &'static str = "Starts a command as a background job and answers its id at once";
    const ACCESS: Access = Access::Write;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = Parameters;
    type Answer = JobSummary;

    fn example() -> Value {
        json!({"command": "update_indexes", "params": {"root_dir": "/home/me/shop"}})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<JobSummary, CommandError> {
        let Parameters {
            command,
            params,
            job_id,
        } = parameters;
        let queue = queue_of(context)?;
        let prepared = Registry::all().prepare(&command, context, Value::Object(params))?;
        let watched = queue.submit(prepared, job_id.as_deref(), None)?;
        Ok(JobSummary::of(&watched.borrow()))
    }
}
