//! Why indexing did not take place, as opposed to a problem with one file of many.

use std::path::PathBuf;

use crate::code_db::error::CodeDbError;

/// The result of indexing.
pub type Result<T> = std::result::Result<T, IndexError>;

/// Why indexing did not take place, or ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The directory or file to index is not there or cannot be read.
    #[error("{} cannot be indexed: {source}", .path.display())]
    Root {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path to index cannot be stored.
    #[error("{} cannot be indexed: its path is not UTF-8; rename it", .0.display())]
    PathNotUtf8(PathBuf),
    /// Two directories claim one project id.
    #[error(
        "{} and {} both have the project id {id}; give one of them another id in its projectid file",
        .root.display(), .other.display()
    )]
    ProjectIdTaken {
        /// The id.
        id: String,
        /// The directory to be indexed.
        root: PathBuf,
        /// The directory that is known by that id, and still has it.
        other: PathBuf,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] CodeDbError),
}
