//! `stop_worker`: stops the workers of one kind; they stay so until they are started again, or the server is.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::worker_control;
use crate::supervisor::worker_spec::WorkerKind;

/// The command.
pub(super) struct StopWorker;

/// Which worker.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Its kind.
    worker_type: WorkerKind,
    /// Seconds that it has to finish before it is ended by signals; default 10.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 0, max = 3_600))]
    timeout: u64,
}

pub(super) fn default_timeout() -> u64 {
    10
}

/// What became of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Whether no worker of this kind runs any more.
    success: bool,
    /// Names of workers that ran and have ended; none where none ran.
    stopped: Vec<String>,
    /// Names of workers that resist.
    failed: Vec<String>,
    /// Why they do.
    errors: Vec<String>,
}

impl Operation for StopWorker {
    const NAME: &'static str = "stop_worker";
    const SUMMARY: &'static str =
        "Stops a worker of the running server until it or the server is started again";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = false;
    const IDEMPOTENT: bool = true;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"worker_type": "file_watcher", "timeout": 10})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let grace = Duration::from_secs(parameters.timeout);
        let stopped = worker_control::stop(context, parameters.worker_type, grace)?;
        let (failed, errors): (Vec<_>, Vec<_>) = stopped
            .resisting
            .into_iter()
            .map(|(worker, error)| (worker.name, error))
            .unzip();
        Ok(Answer {
            success: failed.is_empty(),
            stopped: stopped
                .ended
                .into_iter()
                .map(|worker| worker.name)
                .collect(),
            failed,
            errors,
        })
    }
}
