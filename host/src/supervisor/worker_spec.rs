//! Everything that starting and watching one worker takes; the same for every kind.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exit_reason::ExitReason;
use super::restart_policy::RestartPolicy;

/// The kinds of worker processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkerKind {
    /// Owns one database.
    Database,
    /// Keeps the index in step with the files.
    FileWatcher,
    /// Looks for drift between files, rows and full text, and repairs it.
    Repair,
    /// Gives code vectors.
    Vectorization,
    /// Indexes a directory once, for a command.
    Indexing,
}

impl WorkerKind {
    /// The name in configuration, arguments, logs and status.
    pub fn as_str(self) -> &'static str {
        match self {
            WorkerKind::Database => "database",
            WorkerKind::FileWatcher => "file_watcher",
            WorkerKind::Repair => "repair",
            WorkerKind::Vectorization => "vectorization",
            WorkerKind::Indexing => "indexing",
        }
    }
}

impl fmt::Display for WorkerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Looks into how a worker ended that nobody asked to end: it may say what the worker was doing, and answers why it is
/// not to be started again.
pub type OnEnd = Arc<dyn Fn(&mut ExitReason) -> Option<String> + Send + Sync>;

/// One worker to start and keep running. It has no `Debug`: `hello` may hold secrets.
#[derive(Clone)]
pub struct WorkerSpec {
    /// What it does.
    pub kind: WorkerKind,
    /// Unique in a host, such as `file_watcher` or `database:/data/x.db`.
    pub name: String,
    /// The program to start.
    pub executable: PathBuf,
    /// Its arguments; default `worker KIND`.
    pub args: Vec<String>,
    /// Variables to set besides the inherited ones.
    pub env: Vec<(String, String)>,
    /// The payload of the first message, which alone may hold secrets.
    pub hello: Value,
    /// Time from start to `ready`; default 30 s. A worker that takes longer is killed and
    /// restarted.
    pub ready_timeout: Duration,
    /// Silence after which a ready worker counts as hung and is killed; default 15 s.
    pub heartbeat_timeout: Duration,
    /// Time to finish after a shutdown message before SIGTERM; default 5 s.
    pub stop_timeout: Duration,
    /// When to start it again.
    pub policy: RestartPolicy,
    /// Who looks into its ends.
    pub on_end: Option<OnEnd>,
    /// Where the worker logs, for status; the worker itself learns it from `hello`.
    pub log_path: Option<PathBuf>,
}

impl WorkerSpec {
    /// A worker of this executable with the default arguments, timeouts and restart policy.
    pub fn new(
        kind: WorkerKind,
        name: impl Into<String>,
        executable: PathBuf,
        hello: Value,
    ) -> WorkerSpec {
        WorkerSpec {
            kind,
            name: name.into(),
            executable,
            args: vec!["worker".to_owned(), kind.as_str().to_owned()],
            env: Vec::new(),
            hello,
            ready_timeout: Duration::from_secs(30),
            heartbeat_timeout: Duration::from_secs(15),
            stop_timeout: Duration::from_secs(5),
            policy: RestartPolicy::default(),
            on_end: None,
            log_path: None,
        }
    }
}
