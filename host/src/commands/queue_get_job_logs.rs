//! `queue_get_job_logs`: what a job has said so far, in the form of the older program, whose jobs were processes.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::jobs::naming::{JobName, queue_of};
use super::jobs::state::JobState;
use super::operation::{Access, Needs, Operation};

/// The command.
pub(super) struct QueueGetJobLogs;

/// What a job has said. Its command's own messages are in the log of the server.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    job_id: String,
    /// Where it is, and how far.
    stdout: Vec<String>,
    /// Why it failed.
    stderr: Vec<String>,
    /// Number of lines in `stdout`.
    stdout_lines: usize,
    /// Number of lines in `stderr`.
    stderr_lines: usize,
}

impl Operation for QueueGetJobLogs {
    const NAME: &'static str = "queue_get_job_logs";
    const SUMMARY: &'static str = "Shows what a background job has said so far, as lines";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = JobName;
    type Answer = Answer;

    fn example() -> Value {
        json!({"job_id": "5f0c2a6e-2d0b-4f3c-9c56-0f6a3f5d1b7e"})
    }

    fn run(context: &Context, parameters: JobName, _job: &Job<'_>) -> Result<Answer, CommandError> {
        let state = queue_of(context)?.state(&parameters.job_id)?;
        let (stdout, stderr) = lines(&state);
        Ok(Answer {
            job_id: parameters.job_id,
            stdout_lines: stdout.len(),
            stderr_lines: stderr.len(),
            stdout,
            stderr,
        })
    }
}

fn lines(state: &JobState) -> (Vec<String>, Vec<String>) {
    let mut said = vec![format!("{} is {}", state.command, state.status.as_str())];
    let description = state.description();
    said.extend((!description.is_empty()).then_some(description));
    let failure = match state.outcome.as_deref() {
        Some(Err(error)) => vec![error.message().to_owned()],
        _ => Vec::new(),
    };
    (said, failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::error::ErrorCode;
    use crate::commands::jobs::state::JobStatus;

    #[test]
    fn a_job_says_where_it_is_and_why_it_failed() {
        let mut state = JobState::new("a".into(), "update_indexes".into(), None);
        state.status = JobStatus::Running;
        state.progress.done = 3;
        state.progress.total = 7;
        let (said, failed) = lines(&state);
        assert_eq!(said, ["update_indexes is running", "3 of 7"]);
        assert!(failed.is_empty());
        state.end(Some(Err(CommandError::new(
            ErrorCode::PathNotFound,
            "/x is not there",
        ))));
        assert_eq!(lines(&state).1, ["/x is not there"]);
    }
}
