//! The parameter of commands about one job.

use schemars::JsonSchema;
use serde::Deserialize;

use super::queue::JobQueue;
use crate::commands::context::Context;
use crate::commands::error::{CommandError, ErrorCode};

/// Which job.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::commands) struct JobName {
    /// Id of the job, as `queue_list_jobs` shows it.
    #[schemars(length(min = 1))]
    pub(in crate::commands) job_id: String,
}

/// The jobs of this process.
///
/// # Errors
/// [`ErrorCode::Unsupported`] where the process is no server.
pub(in crate::commands) fn queue_of(context: &Context) -> Result<&JobQueue, CommandError> {
    context.jobs.as_ref().ok_or_else(|| {
        let message = "jobs run in a server, and none runs for this database; start one with `code-analysis-host serve`";
        CommandError::new(ErrorCode::Unsupported, message)
    })
}
