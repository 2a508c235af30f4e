//! What a client says over a WebSocket.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::commands::jobs::state::StopReason;

/// A message of a client.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(super) enum Request {
    /// Run a command as a job and tell its events.
    ExecuteCommand {
        command: String,
        #[serde(default)]
        params: Option<Map<String, Value>>,
        #[serde(default)]
        request_id: Option<String>,
    },
    /// Stop a job.
    CancelCommand {
        job_id: String,
        #[serde(default)]
        request_id: Option<String>,
        #[serde(default)]
        reason: Option<StopReason>,
    },
    /// Tell the events of a job whose socket was lost, from its present state on.
    ResumeCommandEvents { job_id: String },
    /// Tell the events of a job.
    Subscribe {
        job_id: String,
        #[serde(default = "queue_job")]
        subscription_type: Events,
    },
    /// Tell no more events of a job. With `"caller_loss": "detach"` the client says that the job is to go on, which it
    /// does anyway.
    Unsubscribe {
        job_id: String,
        #[serde(default)]
        subscription_type: Option<Events>,
    },
}

/// Under which names the events of a job are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Events {
    /// `command_completed` and so on; results are fetched by JSON-RPC.
    CommandSession,
    /// `job_completed` and so on, with the result.
    QueueJob,
}

fn queue_job() -> Events {
    Events::QueueJob
}

/// The parts of a message that an answer repeats, even where the rest cannot be understood.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Repeated {
    pub(super) action: Value,
    pub(super) request_id: Value,
    pub(super) job_id: Value,
    pub(super) command: Value,
}
