//! What went wrong with one path while the rest went on.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// What went wrong with one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The file or directory; told with U+FFFD for what is not UTF-8.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// One line for a person.
    pub message: String,
}

impl Problem {
    pub(super) fn new(path: &Path, kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            message: message.into(),
        }
    }
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// What kind of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file or directory cannot be read; what is stored of it stays as it was.
    Unreadable,
    /// The file is larger than the limit, and was passed over.
    TooLarge,
    /// The file has the name of source text but holds bytes, and was passed over.
    Binary,
    /// The file holds bytes that are not UTF-8; they were replaced, the rest is indexed.
    NotUtf8,
    /// The name is not UTF-8, so that it cannot be stored; the file was passed over.
    NameNotUtf8,
    /// The file went on changing while it was read; its next run reads it again.
    Changing,
    /// Parts of the file do not parse; the rest is indexed.
    SyntaxErrors,
    /// A process ended twice while it analysed the file, which is passed over until it changes.
    Crashed,
    /// The database refused the file.
    NotStored,
    /// A `projectid` file cannot be used; an id made from the path is used instead.
    ProjectId,
}
