//! The commands as a door uses them, so that a door can be tried without a database.

use serde::Serialize;
use serde_json::Value;

use super::context::Context;
use super::error::CommandError;
use super::jobs::queue::JobQueue;
use super::prepared::Prepared;
use super::registry::Registry;
use crate::supervisor::worker_spec::WorkerKind;
use crate::supervisor::worker_status::{WorkerState, WorkerStatus};

/// What a door needs of the program behind it. Calls block.
pub trait CommandService: Send + Sync + 'static {
    /// A command, ready to run.
    ///
    /// # Errors
    /// Those of calls that cannot be made: an unknown command, wrong parameters.
    fn prepare(&self, command: &str, parameters: Value) -> Result<Prepared, CommandError>;

    /// The jobs of the server.
    fn jobs(&self) -> &JobQueue;

    /// The name of the database's driver.
    fn driver_name(&self) -> String;

    /// Makes sure that the database answers.
    ///
    /// # Errors
    /// Why it does not.
    fn ping_database(&self) -> Result<(), CommandError>;

    /// The workers of this process, but for those that index for a command.
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
    context: Context,
    jobs: JobQueue,
}

impl Commands {
    /// All commands, to be run with `context` and as `jobs`.
    pub fn new(context: Context, jobs: JobQueue) -> Self {
        let context = Context {
            jobs: Some(jobs.clone()),
            ..context
        };
        Self { context, jobs }
    }
}

impl CommandService for Commands {
    fn prepare(&self, command: &str, parameters: Value) -> Result<Prepared, CommandError> {
        Registry::all().prepare(command, &self.context, parameters)
    }

    fn jobs(&self) -> &JobQueue {
        &self.jobs
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
            // One that works for a single command, and may be ended by what it reads, says nothing about the server.
            .filter(|worker| worker.kind != WorkerKind::Indexing)
            .map(Into::into)
            .collect()
    }
}
