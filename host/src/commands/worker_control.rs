//! Starts and stops workers by their kind, for every command that does so.

use std::time::Duration;

use serde_json::json;

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use crate::supervisor::error::WorkerError;
use crate::supervisor::worker_recipes::WorkerSettings;
use crate::supervisor::worker_spec::WorkerKind;
use crate::supervisor::worker_status::WorkerStatus;

/// How long a start waits for the worker to be ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// What became of the workers that were to be stopped.
#[derive(Debug, Default)]
pub(super) struct Stopped {
    /// Those that ran and have ended.
    pub(super) ended: Vec<WorkerStatus>,
    /// Those that resist, each with the reason.
    pub(super) resisting: Vec<(WorkerStatus, String)>,
}

/// The settings of a start, by their keys in the configuration, of which those without a number are as configured.
pub(super) fn given<const N: usize>(numbers: [(&str, Option<u64>); N]) -> WorkerSettings {
    numbers
        .into_iter()
        .filter_map(|(key, number)| Some((key.to_owned(), json!(number?))))
        .collect()
}

/// Starts the worker of this kind, and waits until it is ready.
///
/// # Errors
/// [`ErrorCode::Unsupported`] where no server would keep it, [`ErrorCode::WorkerRunning`],
/// [`ErrorCode::InvalidParameters`] for settings that it does not know, and [`ErrorCode::WorkerFailed`].
pub(super) fn start(
    context: &Context,
    kind: WorkerKind,
    settings: &WorkerSettings,
) -> Result<WorkerStatus, CommandError> {
    if context.jobs.is_none() {
        let text = format!(
            "no server is running, and a worker {kind} would end with this call; start `code-analysis-host serve`"
        );
        return Err(CommandError::new(ErrorCode::Unsupported, text));
    }
    let handle = context.workers.start_kind(kind, settings)?;
    match handle.wait_ready(READY_WITHIN) {
        // It goes on trying; its state says so.
        Ok(_) | Err(WorkerError::NotReady { .. }) => Ok(handle.status()),
        Err(error) => Err(error.into()),
    }
}

/// Stops the workers of this kind. Each has `grace` to finish before it is told by signals.
///
/// # Errors
/// [`ErrorCode::InvalidParameters`] for the DB worker, without which the server could do nothing.
pub(super) fn stop(
    context: &Context,
    kind: WorkerKind,
    grace: Duration,
) -> Result<Stopped, CommandError> {
    if kind == WorkerKind::Database {
        return Err(CommandError::new(
            ErrorCode::InvalidParameters,
            "/worker_type: the DB worker is stopped with the server",
        ));
    }
    let running = |worker: &WorkerStatus| worker.kind == kind && !worker.state.is_final();
    let mut stopped = Stopped::default();
    for worker in context.workers.status().into_iter().filter(running) {
        match context.workers.stop_within(&worker.name, Some(grace)) {
            Ok(()) => stopped.ended.push(worker),
            Err(error) => stopped.resisting.push((worker, error.to_string())),
        }
    }
    Ok(stopped)
}

impl From<WorkerError> for CommandError {
    fn from(error: WorkerError) -> Self {
        let code = match &error {
            WorkerError::AlreadyRunning { .. } => ErrorCode::WorkerRunning,
            WorkerError::BadSettings { .. } | WorkerError::NotStartable { .. } => {
                ErrorCode::InvalidParameters
            }
            WorkerError::ShuttingDown { .. } => ErrorCode::Busy,
            _ => ErrorCode::WorkerFailed,
        };
        Self::new(code, error.to_string())
    }
}
