//! The commands as a door uses them, so that a door can be tried without a database.

use serde::Serialize;
use serde_json::Value;

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::registry::Registry;
use crate::supervisor::worker_status::{WorkerState, WorkerStatus};

/// What a door needs of the program behind it. Calls block.
pub trait CommandService: Send + Sync + 'static {
    /// Whether a command may run for more than a few seconds; false for unknown ones.
    fn is_long(&self, command: &str) -> bool;

    /// Runs a command.
    ///
    /// # Errors
    /// The command's.
    fn run(&self, command: &str, parameters: Value, job: &Job<'_>) -> Result<Value, CommandError>;

    /// The name of the database's driver.
    fn driver_name(&self) -> String;

    /// Makes sure that the database answers.
    ///
    /// # Errors
    /// Why it does not.
    fn ping_database(&self) -> Result<(), CommandError>;

    /// The workers of this process.
    fn workers(&self) -> Vec<WorkerHealth>;
}

/// How a worker does, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkerHealth {
    /// Its unique name.
    pub name: String,
    /// Where it is in its life.
    pub state: WorkerState,
    /// Its process id while it runs.
    pub pid: Option<u32>,
    /// Times that it was started again.
    pub restarts: u64,
}

impl WorkerHealth {
    /// Whether it does its job, or is about to.
    pub fn is_fine(&self) -> bool {
        !matches!(self.state, WorkerState::Failed | WorkerState::BackingOff)
    }
}

impl From<WorkerStatus> for WorkerHealth {
    fn from(status: WorkerStatus) -> Self {
        let WorkerStatus {
            name,
            state,
            pid,
            restarts,
            ..
        } = status;
        Self {
            name,
            state,
            pid,
            restarts,
        }
    }
}

/// The commands of the registry on one database.
pub struct Commands {
    registry: Registry,
    context: Context,
}

impl Commands {
    /// All commands, to be run with `context`.
    pub fn new(context: Context) -> Self {
        Self {
            registry: Registry::new(),
            context,
        }
    }
}

impl CommandService for Commands {
    fn is_long(&self, command: &str) -> bool {
        self.registry
            .find(command)
            .is_ok_and(|command| command.is_long())
    }

    fn run(&self, command: &str, parameters: Value, job: &Job<'_>) -> Result<Value, CommandError> {
        self.registry.run(command, &self.context, parameters, job)
    }

    fn driver_name(&self) -> String {
        self.context.database.driver_name().to_owned()
    }

    fn ping_database(&self) -> Result<(), CommandError> {
        Ok(self
            .context
            .database
            .raw_database()
            .read(|session| session.ping())?)
    }

    fn workers(&self) -> Vec<WorkerHealth> {
        self.context
            .workers
            .status()
            .into_iter()
            .map(Into::into)
            .collect()
    }
}
