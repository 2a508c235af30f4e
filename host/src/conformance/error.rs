//! Why the cases do not come to run.

use std::io;
use std::path::PathBuf;

use crate::plugins::registry::RegistryError;
use crate::supervisor::error::WorkerError;

/// Why the cases do not come to run.
#[derive(Debug, thiserror::Error)]
pub enum ConformanceError {
    /// There is no driver of this name.
    #[error(transparent)]
    Driver(#[from] RegistryError),
    /// The file is no usable plugin.
    #[error("{} is not used: {reason}", .file.display())]
    Refused {
        /// The file.
        file: PathBuf,
        /// The verdict.
        reason: String,
    },
    /// What was given as an option is none.
    #[error("`--option {0}` is not of the form key=value")]
    NoPair(String),
    /// A secret in the arguments, which others can see.
    #[error(
        "the option `{0}` is secret, and the arguments of a program can be seen by others: put it into a JSON file \
         and give that with --options-file"
    )]
    SecretArgument(String),
    /// The file with options is of no use.
    #[error("the file with options {} {problem}", .file.display())]
    OptionsFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it; nothing of its content.
        problem: String,
    },
    /// The options do not fit the driver.
    #[error("the options do not fit the driver `{driver}`: {}", .problems.join("; "))]
    Options {
        /// The driver.
        driver: String,
        /// Everything that is wrong.
        problems: Vec<String>,
    },
    /// No case has such a name.
    #[error("no case matches `{pattern}`; the groups are {groups}")]
    NoCase {
        /// The pattern.
        pattern: String,
        /// The names of the groups.
        groups: String,
    },
    /// Another process owns the database.
    #[error(
        "another process owns {}: stop it, or give no `path`, and a new file is used",
        .0.display()
    )]
    Owned(PathBuf),
    /// The directory for the database of the cases cannot be used.
    #[error("the database of the cases has no place: {0}")]
    Place(#[from] io::Error),
    /// The DB worker that the proxy driver is tested through does not run.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}
