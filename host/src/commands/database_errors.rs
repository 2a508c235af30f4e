//! How failures of the layers below look as errors of commands.

use std::io::ErrorKind;

use driver_api::{DriverError, ErrorClass};
use serde_json::json;

use super::error::{CommandError, ErrorCode};
use crate::code_db::backup::error::BackupError;
use crate::code_db::error::CodeDbError;
use crate::embedding::error::EmbeddingError;
use crate::indexing::error::IndexError;
use crate::universal_driver::error::UniversalDriverError;
use crate::universal_driver::maintenance::error::MaintenanceError;
use crate::vectorization::vectorizer::VectorizeError;

impl From<CodeDbError> for CommandError {
    fn from(error: CodeDbError) -> Self {
        let text = error.to_string();
        match error {
            CodeDbError::NotFound {
                what,
                name,
                nearest,
            } => {
                let (code, hint) = not_found(what, nearest.is_empty());
                Self::new(code, text + hint)
                    .with("name", name)
                    .with("did_you_mean", nearest)
            }
            CodeDbError::Invalid {
                what,
                value,
                reason,
            } => Self::new(ErrorCode::InvalidParameters, text).with(
                "problems",
                json!([{"what": what, "found": value, "reason": reason}]),
            ),
            CodeDbError::NewerSchema { .. } | CodeDbError::Unsupported(_) => {
                Self::new(ErrorCode::Unsupported, text)
            }
            CodeDbError::SchemaMissing { source, .. } => {
                described(Self::new(ErrorCode::DatabaseError, text), &source)
            }
            CodeDbError::Driver { source, .. } => {
                described(Self::new(code_of(&source), text), &source)
            }
        }
    }
}

impl From<IndexError> for CommandError {
    fn from(error: IndexError) -> Self {
        let text = error.to_string();
        match error {
            IndexError::Root { path, source } => {
                Self::new(path_code(source.kind()), text).with("path", path.display().to_string())
            }
            IndexError::PathNotUtf8(path) => {
                Self::new(ErrorCode::PathUnusable, text).with("path", path.display().to_string())
            }
            IndexError::ProjectIdTaken { .. } => Self::new(ErrorCode::ProjectIdTaken, text),
            IndexError::Database(error) => error.into(),
        }
    }
}

impl From<EmbeddingError> for CommandError {
    fn from(error: EmbeddingError) -> Self {
        Self::new(ErrorCode::EmbeddingUnavailable, error.to_string())
    }
}

impl From<VectorizeError> for CommandError {
    fn from(error: VectorizeError) -> Self {
        match error {
            VectorizeError::Database(error) => error.into(),
            VectorizeError::Embedding(error) => error.into(),
            other @ VectorizeError::OtherModel { .. } => {
                Self::new(ErrorCode::Busy, other.to_string())
            }
        }
    }
}

impl From<UniversalDriverError> for CommandError {
    fn from(error: UniversalDriverError) -> Self {
        match error {
            UniversalDriverError::Driver(error) => error.into(),
            UniversalDriverError::Database(error) => error.into(),
            other => Self::new(ErrorCode::DatabaseUnavailable, other.to_string()),
        }
    }
}

impl From<MaintenanceError> for CommandError {
    fn from(error: MaintenanceError) -> Self {
        let text = error.to_string();
        if error.is_cancelled() {
            return Self::new(ErrorCode::Cancelled, text);
        }
        match error {
            MaintenanceError::Code(error) => error.into(),
            MaintenanceError::Driver(error) => error.into(),
            MaintenanceError::NoBackup { known, .. } => {
                Self::new(ErrorCode::BackupNotFound, text).with("did_you_mean", known)
            }
            MaintenanceError::Unusable { .. } | MaintenanceError::OtherKind { .. } => {
                Self::new(ErrorCode::BackupUnusable, text)
            }
            MaintenanceError::File { path, .. } => {
                Self::new(ErrorCode::PathUnusable, text).with("path", path.display().to_string())
            }
            MaintenanceError::Portable(error) => match error {
                BackupError::Database(_) | BackupError::Io(_) => {
                    Self::new(ErrorCode::DatabaseError, text)
                }
                _ => Self::new(ErrorCode::BackupUnusable, text),
            },
            _ => Self::new(ErrorCode::DatabaseUnavailable, text),
        }
    }
}

impl From<DriverError> for CommandError {
    fn from(error: DriverError) -> Self {
        described(Self::new(code_of(&error), error.to_string()), &error)
    }
}

/// The code of a path that the system refused.
pub(super) fn path_code(kind: ErrorKind) -> ErrorCode {
    match kind {
        ErrorKind::NotFound => ErrorCode::PathNotFound,
        ErrorKind::NotADirectory => ErrorCode::NotADirectory,
        _ => ErrorCode::PathUnusable,
    }
}

/// The code, and what to do where the nearest names do not already say it.
fn not_found(what: &str, no_suggestion: bool) -> (ErrorCode, &'static str) {
    let (code, hint) = match what {
        "project" => (
            ErrorCode::ProjectNotFound,
            "; see `list_projects`, or index it first",
        ),
        "file" => (ErrorCode::FileNotFound, "; see `list_project_files`"),
        _ => (ErrorCode::EntityNotFound, "; try `fulltext_search`"),
    };
    (code, if no_suggestion { hint } else { "" })
}

fn code_of(error: &DriverError) -> ErrorCode {
    use ErrorClass::{Busy, Cancelled, ConnectionLost, Timeout, Unavailable};
    match error.class() {
        Cancelled => ErrorCode::Cancelled,
        Unavailable | ConnectionLost | Timeout | Busy => ErrorCode::DatabaseUnavailable,
        _ => ErrorCode::DatabaseError,
    }
}

fn described(error: CommandError, source: &DriverError) -> CommandError {
    let described = error
        .with("class", source.class().to_string())
        .with("retryable", source.is_retryable());
    let described = match source.sqlstate() {
        Some(sqlstate) => described.with("sqlstate", sqlstate),
        None => described,
    };
    match source.vendor_code() {
        Some(code) => described.with("vendor_code", code),
        None => described,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_found_has_a_code_of_its_kind_and_says_what_to_do() {
        let missing = |what, nearest: &[&str]| {
            let nearest = nearest.iter().map(|name| (*name).to_owned()).collect();
            CommandError::from(CodeDbError::NotFound {
                what,
                name: "Carl".into(),
                nearest,
            })
        };
        let class = missing("class", &["Cart"]);
        assert_eq!(class.code(), ErrorCode::EntityNotFound);
        assert_eq!(
            class.to_string(),
            "there is no class \"Carl\"; did you mean Cart?"
        );
        assert_eq!(
            class.data().unwrap(),
            json!({"name": "Carl", "did_you_mean": ["Cart"]})
        );
        let project = missing("project", &[]);
        assert_eq!(project.code(), ErrorCode::ProjectNotFound);
        assert!(
            project
                .to_string()
                .ends_with("see `list_projects`, or index it first"),
            "{project}"
        );
        assert_eq!(missing("file", &[]).code(), ErrorCode::FileNotFound);
    }

    #[test]
    fn a_database_that_is_away_is_told_from_one_that_fails() {
        let failed = |class| {
            let source = DriverError::new(class, "no")
                .with_sqlstate("08006")
                .with_vendor_code(5);
            CommandError::from(CodeDbError::Driver {
                doing: "listing files",
                source,
            })
        };
        assert_eq!(
            failed(ErrorClass::ConnectionLost).code(),
            ErrorCode::DatabaseUnavailable
        );
        let error = failed(ErrorClass::Corrupt);
        assert_eq!(error.code(), ErrorCode::DatabaseError);
        assert_eq!(
            error.data().unwrap(),
            json!({"class": "corrupt", "retryable": false, "sqlstate": "08006", "vendor_code": 5})
        );
    }

    #[test]
    fn a_path_that_is_missing_is_told_from_one_that_is_closed() {
        let root = |kind: ErrorKind| IndexError::Root {
            path: "/x".into(),
            source: kind.into(),
        };
        assert_eq!(
            CommandError::from(root(ErrorKind::NotFound)).code(),
            ErrorCode::PathNotFound
        );
        let closed = CommandError::from(root(ErrorKind::PermissionDenied));
        assert_eq!(closed.code(), ErrorCode::PathUnusable);
        assert_eq!(closed.data().unwrap(), json!({"path": "/x"}));
    }
}
