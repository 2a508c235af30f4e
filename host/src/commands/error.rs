//! Why a command failed: a code that programs act on, a line for people, and facts.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What kind of failure it is. The words of [`as_str`](Self::as_str) are stable; what `serde` makes of it is for the
/// processes of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorCode {
    /// There is no command of that name.
    UnknownCommand,
    /// The parameters do not fit the command.
    InvalidParameters,
    /// No project has that id or holds that path.
    ProjectNotFound,
    /// The project has no such file.
    FileNotFound,
    /// There is no class, function or method of that name.
    EntityNotFound,
    /// The path does not exist on disk.
    PathNotFound,
    /// The path is not a directory.
    NotADirectory,
    /// The path exists but cannot be used; the message says why.
    PathUnusable,
    /// Two directories claim one project id.
    ProjectIdTaken,
    /// This kind of database does not offer what is needed.
    Unsupported,
    /// There is no job of that id, or it was forgotten.
    JobNotFound,
    /// Another job has that id.
    JobExists,
    /// What is asked of the job does not fit where it is in its life.
    JobStateInvalid,
    /// The job went with the server that ran it.
    JobLost,
    /// Somebody stopped it before it had an answer.
    Cancelled,
    /// It took longer than a command may that is no job.
    TimedOut,
    /// Too much is going on; it may work in a moment.
    Busy,
    /// A worker of that kind runs already.
    WorkerRunning,
    /// A worker cannot be started.
    WorkerFailed,
    /// The database is damaged; only what looks after it works.
    SafeMode,
    /// There is no such backup.
    BackupNotFound,
    /// The backup cannot be restored.
    BackupUnusable,
    /// The embedding model does not answer, or cannot be used as it is configured.
    EmbeddingUnavailable,
    /// The database cannot be reached at the moment.
    DatabaseUnavailable,
    /// The database refused or failed.
    DatabaseError,
    /// A fault of the program.
    Internal,
}

impl ErrorCode {
    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownCommand => "UNKNOWN_COMMAND",
            Self::InvalidParameters => "INVALID_PARAMETERS",
            Self::ProjectNotFound => "PROJECT_NOT_FOUND",
            Self::FileNotFound => "FILE_NOT_FOUND",
            Self::EntityNotFound => "ENTITY_NOT_FOUND",
            Self::PathNotFound => "PATH_NOT_FOUND",
            Self::NotADirectory => "NOT_A_DIRECTORY",
            Self::PathUnusable => "PATH_UNUSABLE",
            Self::ProjectIdTaken => "PROJECT_ID_TAKEN",
            Self::JobNotFound => "JOB_NOT_FOUND",
            Self::JobExists => "JOB_ALREADY_EXISTS",
            Self::JobStateInvalid => "JOB_STATE_INVALID",
            Self::JobLost => "JOB_LOST",
            Self::Cancelled => "CANCELLED",
            Self::TimedOut => "TIMED_OUT",
            Self::Busy => "BUSY",
            Self::WorkerRunning => "WORKER_ALREADY_RUNNING",
            Self::WorkerFailed => "WORKER_FAILED",
            Self::Unsupported => "UNSUPPORTED",
            Self::SafeMode => "SAFE_MODE",
            Self::BackupNotFound => "BACKUP_NOT_FOUND",
            Self::BackupUnusable => "BACKUP_UNUSABLE",
            Self::EmbeddingUnavailable => "EMBEDDING_UNAVAILABLE",
            Self::DatabaseUnavailable => "DATABASE_UNAVAILABLE",
            Self::DatabaseError => "DATABASE_ERROR",
            Self::Internal => "INTERNAL_ERROR",
        }
    }
}

impl ErrorCode {
    /// The number that JSON-RPC 2.0 gives to calls that fail so before they run. -32000 is from the range that it
    /// leaves to servers.
    pub fn json_rpc_number(self) -> i64 {
        match self {
            Self::UnknownCommand => -32601,
            Self::InvalidParameters => -32602,
            Self::Internal => -32603,
            _ => -32000,
        }
    }
}

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub struct CommandError(Box<Fields>);

/// Boxed, so that results stay small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Fields {
    code: ErrorCode,
    message: String,
    data: Map<String, Value>,
}

impl CommandError {
    /// An error; `message` is one line that says what is wrong and, where that is known, what to do.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            code,
            message: message.into(),
            data: Map::new(),
        }))
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.data.insert(name.to_owned(), value.into());
        self
    }

    /// What kind of failure it is.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// One line for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Facts by name; none where there are none.
    pub fn data(&self) -> Option<Value> {
        (!self.0.data.is_empty()).then(|| Value::Object(self.0.data.clone()))
    }

    /// The form in which every door gives it: `{"code", "message", "data"}`.
    pub fn to_json(&self) -> Value {
        let mut form = json!({"code": self.code().as_str(), "message": self.message()});
        if let (Some(data), Some(form)) = (self.data(), form.as_object_mut()) {
            form.insert("data".to_owned(), data);
        }
        form
    }

    /// Says whose parameters were wrong, and what right ones look like.
    pub(super) fn in_command(mut self, command: &str, example: &Value) -> Self {
        let problem = &self.0.message;
        self.0.message =
            format!("the parameters of `{command}` are wrong: {problem}; for example: {example}");
        self.with("example", example.clone())
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_an_error_has_data_only_where_there_is_some() {
        let error = CommandError::new(ErrorCode::ProjectNotFound, "there is no project \"x\"");
        assert_eq!(
            error.to_json(),
            json!({"code": "PROJECT_NOT_FOUND", "message": "there is no project \"x\""})
        );
        let error = error.with("did_you_mean", vec!["y"]);
        assert_eq!(error.to_json()["data"], json!({"did_you_mean": ["y"]}));
    }
}
