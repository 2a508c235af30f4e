//! What people and commands see of a worker.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::exit_reason::ExitReason;
use super::worker_spec::WorkerKind;

/// Where a worker is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// Launched, not ready yet.
    Starting,
    /// Does its job.
    Ready,
    /// Ended; waits to be launched again.
    BackingOff,
    /// Ended and left: it refused, cannot be started, or ended too often.
    Failed,
    /// Asked to stop.
    Stopping,
    /// Stopped on request.
    Stopped,
    /// Another host's worker, which this one uses but does not supervise.
    Adopted,
}

impl WorkerState {
    /// Whether no process of this host is or will be there.
    pub fn is_final(self) -> bool {
        matches!(self, WorkerState::Failed | WorkerState::Stopped)
    }
}

/// One worker as it is now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WorkerStatus {
    /// Its unique name.
    pub name: String,
    /// Its kind.
    pub kind: WorkerKind,
    /// Where it is in its life.
    pub state: WorkerState,
    /// Its process id while it runs.
    pub pid: Option<u32>,
    /// Times that it was started again since the host started it.
    pub restarts: u64,
    /// Whole seconds since the running process was launched.
    pub uptime_seconds: Option<u64>,
    /// How it last ended, also after it came back.
    pub last_exit: Option<ExitReason>,
    /// The payload of its last heartbeat.
    pub heartbeat: Option<Value>,
    /// Its log file, if the host knows one.
    pub log_path: Option<PathBuf>,
}
