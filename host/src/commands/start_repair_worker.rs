//! `start_repair_worker`: starts the worker that looks for drift and repairs it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use super::worker_control;
use crate::supervisor::worker_spec::WorkerKind;
use crate::supervisor::worker_status::WorkerState;

/// The command.
pub(super) struct StartRepairWorker;

/// The settings of this start. What is not given is as configured in `workers.repair`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// A project that has to exist. The worker looks after all projects, this one included.
    #[serde(flatten)]
    project: ProjectChoice,
    /// As in the older program, which moved deleted files there. This one moves no files.
    #[serde(default, rename = "version_dir")]
    _version_dir: Option<String>,
    /// Number of files that are repaired at once.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    batch_size: Option<u64>,
    /// Seconds between looks at a project.
    #[serde(default)]
    #[schemars(range(min = 1, max = 31_536_000))]
    poll_interval: Option<u64>,
}

/// The worker that was started.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Always true: a worker that cannot be started is an error.
    success: bool,
    /// Its process.
    pid: Option<u32>,
    message: String,
}

impl Operation for StartRepairWorker {
    const NAME: &'static str = "start_repair_worker";
    const SUMMARY: &'static str =
        "Starts the worker that looks for drift between files, rows and full text, and repairs it";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = false;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "poll_interval": 30})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        parameters.project.find(context)?;
        let settings = worker_control::given([
            ("batch_size", parameters.batch_size),
            ("poll_interval", parameters.poll_interval),
        ]);
        let worker = worker_control::start(context, WorkerKind::Repair, &settings)?;
        Ok(Answer {
            success: true,
            pid: worker.pid,
            message: match worker.state {
                WorkerState::Ready => "the repair worker runs; see get_drift_report".to_owned(),
                _ => "the repair worker was started and is not ready yet; see repair_worker_status"
                    .to_owned(),
            },
        })
    }
}
