//! Why a backup cannot be made or restored.

use std::io;

use crate::code_db::copy::error::CopyError;

/// The result of a part of a backup.
pub(super) type Result<T> = std::result::Result<T, BackupError>;

/// Why a backup cannot be made or restored. After an error of a restoration the database is as it was before, unless
/// a driver's error says that its outcome is unknown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The database.
    #[error(transparent)]
    Database(#[from] CopyError),
    /// The file.
    #[error("the backup cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// The file is something else.
    #[error("the file is no backup of a code database: it does not begin as one")]
    NotABackup,
    /// A later release made it.
    #[error(
        "the backup has the form {found}, and this program knows forms up to {known}; use a later release"
    )]
    NewerForm {
        /// The form of the file.
        found: u32,
        /// The greatest form that is known.
        known: u32,
    },
    /// A later release made it, of tables that are not known.
    #[error(
        "the backup has version {found} of the schema, and this program knows versions up to {known}; use a later \
         release"
    )]
    NewerSchema {
        /// The version of the backup.
        found: i64,
        /// The version of this program.
        known: i64,
    },
    /// The file is not as it was written.
    #[error("the backup is damaged: {0}; nothing was changed, use another backup")]
    Damaged(String),
}

impl BackupError {
    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Database(CopyError::Cancelled))
    }
}
