//! `stop_repair_worker`: stops the worker that repairs; what it had in hand is in order.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::stop_worker::default_timeout;
use super::worker_control;
use crate::supervisor::worker_spec::WorkerKind;
use crate::supervisor::worker_status::WorkerStatus;

/// The command.
pub(super) struct StopRepairWorker;

/// How.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Seconds that it has to finish before it is ended by signals; default 10.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 0, max = 3_600))]
    timeout: u64,
    /// Gives it no time; default false.
    #[serde(default)]
    force: bool,
}

/// What became of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Processes that ran and have ended; none where none ran.
    killed: Vec<u32>,
    /// Processes that resist, each with the reason.
    failed: Vec<Failed>,
}

/// A process that resists.
#[derive(Serialize, JsonSchema)]
struct Failed {
    pid: Option<u32>,
    error: String,
}

impl Operation for StopRepairWorker {
    const NAME: &'static str = "stop_repair_worker";
    const SUMMARY: &'static str =
        "Stops the worker that repairs until it or the server is started again";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = false;
    const IDEMPOTENT: bool = true;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"timeout": 10})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let seconds = if parameters.force {
            0
        } else {
            parameters.timeout
        };
        let grace = Duration::from_secs(seconds);
        let stopped = worker_control::stop(context, WorkerKind::Repair, grace)?;
        let failed = |(worker, error): (WorkerStatus, String)| Failed {
            pid: worker.pid,
            error,
        };
        Ok(Answer {
            killed: stopped
                .ended
                .iter()
                .filter_map(|worker| worker.pid)
                .collect(),
            failed: stopped.resisting.into_iter().map(failed).collect(),
        })
    }
}
