//! How a process without a server runs commands, and learns who serves its database.

use std::path::PathBuf;

use serde_json::Value;

use super::{App, AppError};
use crate::commands::error::CommandError;
use crate::commands::job::Job;
use crate::commands::registry::Registry as CommandRegistry;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::progress::WorkProgress;
use crate::plugins::resolve::{Reach, resolve};
use crate::supervisor::db_worker_manager::names::owner_file;
use crate::supervisor::owner_file::{Owner, reach_owner};
use crate::universal_driver::error::UniversalDriverError;
use crate::universal_driver::identity::identity;

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The command did not come to run.
    #[error(transparent)]
    App(#[from] AppError),
    /// The command failed, or does not exist, or was given wrong parameters.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// The process that owns the configured database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseOwner {
    /// The database's file, or what stands for a database that is no file.
    pub database: PathBuf,
    /// The owner's process id.
    pub pid: u32,
    /// Where it listens.
    pub socket: PathBuf,
}

/// All commands; nothing is opened or started for knowing them.
pub fn commands() -> &'static CommandRegistry {
    CommandRegistry::all()
}

impl App {
    /// Runs a command in this process. Its name and parameters are checked before the database is opened.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn call(
        &self,
        command: &str,
        parameters: Value,
        progress: &dyn WorkProgress,
        cancellation: &Cancellation,
    ) -> Result<Value, CallError> {
        let registry = commands();
        let command = registry.find(command)?;
        command.check(&parameters)?;
        let job = Job {
            progress,
            cancellation: cancellation.clone(),
        };
        Ok(command.run(&self.context()?, parameters, &job)?)
    }

    /// The process that owns the configured database, if there is one; none is started.
    ///
    /// # Errors
    /// [`AppError::Database`] when the configuration names no usable driver, [`AppError::Executable`] when there
    /// is no directory for sockets.
    pub fn database_owner(&self) -> Result<Option<DatabaseOwner>, AppError> {
        let resolved =
            resolve(&self.plugins, &self.config().database).map_err(UniversalDriverError::from)?;
        if resolved.reach == Reach::Direct {
            return Ok(None);
        }
        let database = identity(&resolved).map_err(UniversalDriverError::from)?;
        let owner = reach_owner(&owner_file(&database)?).ok();
        Ok(owner.map(|Owner { socket, pid }| DatabaseOwner {
            database,
            pid,
            socket,
        }))
    }
}

impl AppError {
    /// Each thing that is wrong, in a line of its own.
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::Database(UniversalDriverError::Resolve(error)) => error.problems(),
            error => vec![error.to_string()],
        }
    }

    /// Whether the configuration or the environment has to be changed, as opposed to something that may pass.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Paths(_) | Self::Plugins(_) | Self::Database(UniversalDriverError::Resolve(_))
        )
    }
}
