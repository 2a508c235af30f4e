//! `queue_add_job`: runs any command in the background, whatever becomes of the caller.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::error::{CommandError, ErrorCode};
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
    #[serde(default)]
    #[schemars(length(min = 1))]
    command: Option<String>,
    /// Its parameters; default none. Without `command`, as clients of the older program have it, they are
    /// `{"command", "params"}`.
    #[serde(default)]
    params: Map<String, Value>,
    /// As in the older program; jobs of other types it had for trying its queue only.
    #[serde(default)]
    #[expect(dead_code, reason = "callers of the older program give it")]
    job_type: Option<JobType>,
    /// Id for the job, unlike that of any other; default a random one.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    job_id: Option<String>,
}

/// What a job does.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum JobType {
    /// It runs a command.
    CommandExecution,
}

/// The command and its parameters, in whichever form they were given.
fn named(
    command: Option<String>,
    mut params: Map<String, Value>,
) -> Result<(String, Value), CommandError> {
    if let Some(command) = command {
        return Ok((command, params.into()));
    }
    match (
        params.shift_remove("command"),
        params.shift_remove("params"),
    ) {
        (Some(Value::String(command)), inner) if params.is_empty() => {
            Ok((command, inner.unwrap_or_else(|| json!({}))))
        }
        _ => Err(CommandError::new(
            ErrorCode::InvalidParameters,
            "/command: found nothing, expected the command to run",
        )),
    }
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
            ..
        } = parameters;
        let queue = queue_of(context)?;
        let (command, params) = named(command, params)?;
        let prepared = Registry::all().prepare(&command, context, params)?;
        let watched = queue.submit(prepared, job_id.as_deref(), None)?;
        Ok(JobSummary::of(&watched.borrow()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: Option<&str>, params: Value) -> Result<(String, Value), String> {
        let Value::Object(params) = params else {
            panic!("an object")
        };
        named(command.map(str::to_owned), params).map_err(|error| error.to_string())
    }

    #[test]
    fn both_forms_name_a_command() {
        let wanted = ("list_projects".to_owned(), json!({"limit": 1}));
        assert_eq!(
            of(Some("list_projects"), json!({"limit": 1})),
            Ok(wanted.clone())
        );
        let older = json!({"command": "list_projects", "params": {"limit": 1}});
        assert_eq!(of(None, older), Ok(wanted));
        assert_eq!(
            of(None, json!({"command": "list_projects"})),
            Ok(("list_projects".to_owned(), json!({})))
        );
        let nothing = of(None, json!({"limit": 1})).unwrap_err();
        assert!(nothing.starts_with("/command: "), "{nothing}");
    }
}
