//! Why the program does not do what it was asked: a code, a line for people, and an exit code.

use std::io;

use driver_api::{DriverError, ErrorClass};
use serde_json::{Map, Value, json};

use super::exit_code::Exit;
use crate::app::AppError;
use crate::app::calling::CallError;
use crate::app::copying::{CopyFailure, CopyFailureKind};
use crate::app::driver_files::DriverFileError;
use crate::app::driver_tests::DriverTestError;
use crate::app::maintaining::MaintenanceFailure;
use crate::app::serving::ServeError;
use crate::config::load::ConfigError;

/// Why a subcommand ends early.
#[derive(Debug)]
pub(super) enum CliError {
    /// The user is to be told.
    Failed(Failure),
    /// Standard output takes no more.
    Output(io::Error),
}

/// What the user is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    /// How the program ends.
    pub(super) exit: Exit,
    /// A stable word.
    pub(super) code: String,
    /// What is wrong and what to do.
    pub(super) message: String,
    /// Facts, if there are any; boxed, so that results stay small.
    pub(super) data: Option<Box<Value>>,
}

impl Failure {
    /// A failure without facts.
    pub(super) fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self {
            exit,
            code: code.to_owned(),
            message: message.into(),
            data: None,
        }
    }

    /// Wrong arguments.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "USAGE", message)
    }

    /// A failure whose exit follows from its code.
    pub(super) fn coded(code: &str, message: impl Into<String>, data: Option<Value>) -> Self {
        Self {
            data: data.map(Box::new),
            ..Self::new(Exit::of_error_code(code), code, message)
        }
    }

    /// A path that the system refuses.
    pub(super) fn path(path: &std::path::Path, error: &io::Error) -> Self {
        let shown = path.display();
        let (code, message) = match error.kind() {
            io::ErrorKind::NotFound => (
                "PATH_NOT_FOUND",
                format!("{shown} does not exist; check how it is spelled"),
            ),
            io::ErrorKind::NotADirectory => (
                "NOT_A_DIRECTORY",
                format!("{shown} leads through a file; check how it is spelled"),
            ),
            io::ErrorKind::PermissionDenied => (
                "PATH_UNUSABLE",
                format!("{shown} cannot be read: permission denied; check its mode and owner"),
            ),
            _ => ("PATH_UNUSABLE", format!("{shown} cannot be used: {error}")),
        };
        Self::coded(code, message, None)
    }

    /// The form that `--json` prints.
    pub(super) fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), self.code.as_str().into());
        error.insert("message".to_owned(), self.message.as_str().into());
        if let Some(data) = &self.data {
            error.insert("data".to_owned(), Value::clone(data));
        }
        json!({ "error": error })
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Configuration, "CONFIGURATION", error.to_string())
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        if error.is_configuration() {
            return Self::new(Exit::Configuration, "CONFIGURATION", error.to_string());
        }
        Self::new(Exit::Unavailable, "DATABASE_UNAVAILABLE", error.to_string())
    }
}

impl From<MaintenanceFailure> for Failure {
    fn from(error: MaintenanceFailure) -> Self {
        let (exit, code) = if error.is_configuration() {
            (Exit::Configuration, "CONFIGURATION")
        } else if error.is_cancelled() {
            (Exit::Interrupted, "CANCELLED")
        } else if error.is_missing() {
            (Exit::NotFound, "BACKUP_NOT_FOUND")
        } else if error.is_unavailable() {
            (Exit::Unavailable, "DATABASE_UNAVAILABLE")
        } else {
            (Exit::Failed, "MAINTENANCE_FAILED")
        };
        Self::new(exit, code, error.to_string())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::App(error) => error.into(),
            CallError::Command(error) => {
                Self::coded(error.code().as_str(), error.message(), error.data())
            }
        }
    }
}

impl From<DriverTestError> for Failure {
    fn from(error: DriverTestError) -> Self {
        if error.is_usage() {
            return Self::usage(error.to_string());
        }
        Self::new(Exit::Unavailable, "DRIVER_UNAVAILABLE", error.to_string())
    }
}

impl From<DriverFileError> for Failure {
    fn from(error: DriverFileError) -> Self {
        let (exit, code) = match error.is_unknown() {
            true => (Exit::NotFound, "DRIVER_NOT_FOUND"),
            false => (Exit::Failed, "DRIVER_FILE"),
        };
        Self::new(exit, code, error.to_string())
    }
}

impl From<CopyFailure> for Failure {
    fn from(error: CopyFailure) -> Self {
        let (exit, code) = match error.kind() {
            CopyFailureKind::Configuration => (Exit::Configuration, "CONFIGURATION"),
            CopyFailureKind::Unavailable => (Exit::Unavailable, "DATABASE_UNAVAILABLE"),
            CopyFailureKind::NoSource => (Exit::NotFound, "SOURCE_NOT_FOUND"),
            CopyFailureKind::SameDatabase => (Exit::Usage, "SAME_DATABASE"),
            CopyFailureKind::NotEmpty => (Exit::Failed, "TARGET_NOT_EMPTY"),
            CopyFailureKind::Stopped => (Exit::Interrupted, "INTERRUPTED"),
            CopyFailureKind::Failed => (Exit::Failed, "COPY_FAILED"),
        };
        Self::new(exit, code, error.to_string())
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::App(error) => error.into(),
            ServeError::Address(error) => {
                Self::new(Exit::Configuration, "ADDRESS", error.to_string())
            }
            error @ (ServeError::Guard(_) | ServeError::Unguarded) => {
                Self::new(Exit::Configuration, "CONFIGURATION", error.to_string())
            }
            ServeError::System(error) => Self::new(Exit::Failed, "SYSTEM", error.to_string()),
        }
    }
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        use ErrorClass::{Busy, ConnectionLost, ReadOnly, Timeout, Unavailable};
        let (code, message) = match error.class() {
            ReadOnly => (
                "READ_ONLY",
                format!("this only reads, and the statement would write: {error}"),
            ),
            Unavailable | ConnectionLost | Timeout | Busy => {
                ("DATABASE_UNAVAILABLE", error.to_string())
            }
            _ => ("DATABASE_ERROR", error.to_string()),
        };
        let data = json!({
            "class": error.class().to_string(),
            "sqlstate": error.sqlstate(),
            "vendor_code": error.vendor_code(),
        });
        Self::coded(code, message, Some(data))
    }
}

/// Everything that becomes a [`Failure`] becomes a [`CliError`], so that `?` is enough.
macro_rules! cli_error_from {
    ($($error:ty),+) => {$(
        impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                Self::Failed(error.into())
            }
        }
    )+};
}

cli_error_from!(
    ConfigError,
    AppError,
    CallError,
    DriverTestError,
    DriverFileError,
    CopyFailure,
    MaintenanceFailure,
    ServeError,
    DriverError
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_through_sql_is_told_for_what_it_is() {
        let failure = Failure::from(DriverError::new(ErrorClass::ReadOnly, "attempt to write"));
        assert_eq!(failure.exit, Exit::Failed);
        assert_eq!(failure.code, "READ_ONLY");
        assert_eq!(
            failure.message,
            "this only reads, and the statement would write: attempt to write"
        );
    }

    #[test]
    fn the_json_form_has_data_only_where_there_is_some() {
        let failure = Failure::usage("no");
        assert_eq!(
            failure.to_json(),
            json!({"error": {"code": "USAGE", "message": "no"}})
        );
        let failure = Failure::coded("FILE_NOT_FOUND", "no", Some(json!({"name": "x"})));
        assert_eq!(failure.exit, Exit::NotFound);
        assert_eq!(failure.to_json()["error"]["data"], json!({"name": "x"}));
    }
}
