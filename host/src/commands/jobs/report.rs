//! A job as the commands about jobs show it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::state::{JobState, JobStatus, Outcome, StopReason, envelope, unix_seconds};
use crate::commands::error::ErrorCode;

/// What is known of a job, but for its result.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::commands) struct JobSummary {
    job_id: String,
    command: String,
    /// The name that its caller gave to the request.
    request_id: Option<String>,
    status: JobStatus,
    /// Whole percent; 100 when it is completed.
    progress: u64,
    /// How far it is, for people.
    description: String,
    /// When it was asked for, in seconds since 1970.
    created_at: u64,
    /// When it began to run.
    started_at: Option<u64>,
    /// When it ended.
    completed_at: Option<u64>,
    /// Whether its command succeeded; none before its end.
    command_success: Option<bool>,
    /// Whether its command ran and failed.
    completed_with_error: bool,
    /// Why it was, or is going to be, stopped.
    stop_reason: Option<StopReason>,
}

/// All that is known of a job.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::commands) struct JobReport {
    #[serde(flatten)]
    summary: JobSummary,
    /// `{"job_id", "command", "status", "result"}`, where the inner `result` is what a call of the command would have
    /// given: `{"success": true, "data"}` or `{"success": false, "error"}`. None before its end.
    result: Option<Value>,
    /// Why the command could not run; none for others, even where the command failed.
    error: Option<Value>,
}

impl JobSummary {
    /// The summary of `state`.
    pub(in crate::commands) fn of(state: &JobState) -> Self {
        Self {
            job_id: state.id.to_string(),
            command: state.command.to_string(),
            request_id: state.request_id.as_deref().map(str::to_owned),
            status: state.status,
            progress: state.percent(),
            description: state.description(),
            created_at: unix_seconds(state.created),
            started_at: state.started.map(unix_seconds),
            completed_at: state.ended.map(unix_seconds),
            command_success: state.succeeded(),
            completed_with_error: state.status == JobStatus::Completed
                && state.succeeded() == Some(false),
            stop_reason: state.stop,
        }
    }
}

impl JobReport {
    /// All of `state`.
    pub(in crate::commands) fn of(state: &JobState) -> Self {
        let result = state.outcome.as_deref().map(|outcome| {
            json!({
                "job_id": *state.id,
                "command": *state.command,
                "status": state.status.as_str(),
                "result": inner(outcome),
            })
        });
        Self {
            summary: JobSummary::of(state),
            result,
            error: state.error().map(|error| error.to_json()),
        }
    }
}

/// What the command answered. Wrong parameters bear the number of JSON-RPC, by which clients of the older program know
/// them.
fn inner(outcome: &Outcome) -> Value {
    let mut answer = envelope(outcome);
    if let Err(error) = outcome
        && error.code() == ErrorCode::InvalidParameters
    {
        answer["error"]["code"] = error.code().json_rpc_number().into();
        answer["error"]["data"]["code"] = error.code().as_str().into();
    }
    answer
}
