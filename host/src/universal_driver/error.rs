//! Why a database cannot be used.

use driver_api::DriverError;

use super::maintenance::error::MaintenanceError;
use crate::code_db::error::CodeDbError;
use crate::plugins::registry::RegistryError;
use crate::plugins::resolve::ResolveError;
use crate::supervisor::error::WorkerError;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UniversalDriverError {
    /// The configuration names no usable driver, or its options are wrong.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The proxy driver, through which DB workers are reached, is not available.
    #[error(
        "the database is served by a DB worker, which cannot be reached without its proxy driver: {0}"
    )]
    Proxy(#[from] RegistryError),
    /// The database's directory cannot be used.
    #[error("the directory of the database cannot be used: {0}")]
    Directory(#[from] std::io::Error),
    /// Writes must be refused by the engine, and the driver's cannot.
    #[error("the driver `{0}` has no read-only connections, which this needs")]
    NotReadOnly(String),
    /// The DB worker does not run.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The driver failed.
    #[error("the database cannot be opened: {0}")]
    Driver(#[from] DriverError),
    /// The schema has to change, and what is there cannot be saved before.
    #[error(
        "the schema has to change, and no backup can be made before, so nothing was changed: {0}"
    )]
    Backup(Box<MaintenanceError>),
    /// The schema cannot be read or created.
    #[error(transparent)]
    Database(#[from] CodeDbError),
}
