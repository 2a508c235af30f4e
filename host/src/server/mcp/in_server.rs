//! Runs the commands of agents beside those of the server's other doors, under the same limits.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::backend::{Backend, Failure, Running, Step};
use crate::commands::jobs::state::JobState;
use crate::server::calls::{CallError, Calls};

/// The calls of a server.
pub(super) struct InServer(pub(super) Arc<Calls>);

impl Backend for InServer {
    fn call(&self, command: &str, parameters: Value, told: watch::Sender<Step>) -> Running {
        let calls = Arc::clone(&self.0);
        let command = command.to_owned();
        Box::pin(async move {
            let tell = |state: &JobState| {
                let step = Step::from(state);
                told.send_if_modified(|last| {
                    let is_new = *last != step;
                    *last = step;
                    is_new
                });
            };
            let outcome = calls.call_with_progress(&command, parameters, tell).await;
            outcome.map_err(|error| match error {
                CallError::NotRun(error) | CallError::Failed(error) => Failure::from(&error),
            })
        })
    }
}

impl From<&JobState> for Step {
    fn from(state: &JobState) -> Self {
        Self {
            done: state.progress.done,
            total: state.progress.total,
            at: state.progress.at.clone(),
        }
    }
}
