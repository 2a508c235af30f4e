//! `repair_worker_status`: whether the worker that repairs runs, and what it has done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use crate::supervisor::worker_spec::WorkerKind;
use crate::supervisor::worker_status::{WorkerState, WorkerStatus};

/// The command.
pub(super) struct RepairWorkerStatus;

/// Nothing is to be chosen: one worker looks after all projects.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// As in the older program, which had a worker for each project.
    #[serde(default, rename = "root_dir")]
    _root_dir: Option<String>,
}

/// The worker of this server.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Whether it is there and ready.
    is_running: bool,
    /// It, or nothing where it was never started.
    processes: Vec<WorkerStatus>,
    /// One sentence for people.
    summary: String,
}

impl Operation for RepairWorkerStatus {
    const NAME: &'static str = "repair_worker_status";
    const SUMMARY: &'static str =
        "Tells whether the worker that repairs runs, and what it has done";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({})
    }

    fn run(
        context: &Context,
        _parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let mut processes = context.workers.status();
        processes.retain(|worker| worker.kind == WorkerKind::Repair);
        Ok(Answer {
            is_running: processes
                .iter()
                .any(|worker| worker.state == WorkerState::Ready),
            summary: summary(processes.first()),
            processes,
        })
    }
}

fn summary(worker: Option<&WorkerStatus>) -> String {
    let Some(worker) = worker else {
        return "the repair worker was not started; see start_repair_worker, or workers.repair.enabled"
            .to_owned();
    };
    let beat = worker.heartbeat.as_ref();
    let number = |key: &str| beat.and_then(|beat| beat[key].as_u64()).unwrap_or(0);
    format!(
        "{:?}; {} looks, {} files and {} rows repaired; get_drift_report tells what was found",
        worker.state,
        number("looks"),
        number("files_repaired"),
        number("rows_repaired")
    )
}
