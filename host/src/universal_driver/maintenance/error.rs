//! Why a database cannot be backed up, restored, checked or repaired.

use std::io;
use std::path::{Path, PathBuf};

use driver_api::{DriverError, ErrorClass};

use crate::code_db::backup::error::BackupError;
use crate::code_db::error::CodeDbError;
use crate::supervisor::error::WorkerError;
use crate::universal_driver::error::UniversalDriverError;

/// The result of a part of it.
pub type Result<T> = std::result::Result<T, MaintenanceError>;

/// Why a database cannot be backed up, restored, checked or repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// A file cannot be read or written.
    #[error("{path} cannot be used: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There is no such backup.
    #[error("there is no backup {name:?} in {directory}{}", hint(.known))]
    NoBackup {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        directory: PathBuf,
        /// The newest backups that are there.
        known: Vec<String>,
    },
    /// A backup cannot be used.
    #[error("the backup {path} cannot be restored: {reason}; nothing was changed")]
    Unusable {
        /// The backup.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A backup of another kind of database.
    #[error(
        "{path} is a file of SQLite, and this database is on a server; make a portable backup of it, or copy it with \
         `db copy`"
    )]
    OtherKind {
        /// The backup.
        path: PathBuf,
    },
    /// The portable form.
    #[error(transparent)]
    Portable(#[from] BackupError),
    /// The rows.
    #[error(transparent)]
    Code(#[from] CodeDbError),
    /// The driver.
    #[error("the database: {0}")]
    Driver(#[from] DriverError),
    /// The DB worker.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] Box<UniversalDriverError>),
    /// It was asked to stop.
    #[error("it was stopped; the database is as it was")]
    Cancelled,
}

impl MaintenanceError {
    /// Whether another backup of the same moment is in the way.
    pub(in crate::universal_driver) fn is_of_another_backup(&self) -> bool {
        let in_the_way = [ErrorClass::Busy, ErrorClass::AlreadyExists];
        matches!(self, Self::Driver(error) if in_the_way.contains(&error.class()))
    }

    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Cancelled => true,
            Self::Portable(error) => error.is_cancelled(),
            Self::Driver(error) => error.class() == ErrorClass::Cancelled,
            Self::Code(error) => error
                .driver_error()
                .is_some_and(|error| error.class() == ErrorClass::Cancelled),
            _ => false,
        }
    }

    /// Whether the file that was to be read is to blame, or its worker does not even start.
    pub(super) fn is_damage(&self) -> bool {
        let is_damage = |error: &DriverError| {
            matches!(error.class(), ErrorClass::Corrupt | ErrorClass::Unavailable)
        };
        match self {
            Self::Driver(error) => is_damage(error),
            Self::Code(error) => error.driver_error().is_some_and(is_damage),
            Self::Worker(_) => true,
            _ => false,
        }
    }

    /// Whether the database cannot be reached, which may pass.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Worker(_) | Self::Open(_))
    }
}

/// Adds to the system's error what it is about.
pub(super) fn of_file(path: &Path) -> impl FnOnce(io::Error) -> MaintenanceError {
    let path = path.to_owned();
    move |source| MaintenanceError::File { path, source }
}

fn hint(known: &[String]) -> String {
    match known {
        [] => "; there are none, see `db backup`".to_owned(),
        known => format!("; the newest are {}", known.join(", ")),
    }
}
