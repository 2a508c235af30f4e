//! What can go wrong with a worker, for those who need it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::foundation::control::Refusal;
use crate::foundation::paths::PathError;

use super::worker_spec::WorkerKind;
use super::worker_status::WorkerState;

/// Why a worker cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The worker itself says that starting it is pointless.
    #[error("worker {name} refuses to start ({}): {}", .refusal.code, .refusal.message)]
    Refused {
        /// The worker.
        name: String,
        /// Its reason.
        refusal: Box<Refusal>,
    },
    /// The worker ended too often and is left alone.
    #[error("worker {name} failed: {reason}; see `workers list` and its log")]
    Failed {
        /// The worker.
        name: String,
        /// Why it was given up.
        reason: String,
    },
    /// The worker is not ready yet.
    #[error("worker {name} is not ready after {} s (it is {state:?}){}", .waited.as_secs_f64(), last_end(.last_exit))]
    NotReady {
        /// The worker.
        name: String,
        /// Where it is.
        state: WorkerState,
        /// How long the caller waited.
        waited: Duration,
        /// How it last ended, if it did.
        last_exit: Option<String>,
    },
    /// The worker was stopped on request.
    #[error("worker {name} was stopped; start it again, or restart the host")]
    Stopped {
        /// The worker.
        name: String,
    },
    /// The worker runs already.
    #[error("worker {name} runs already; stop it first")]
    AlreadyRunning {
        /// The worker.
        name: String,
    },
    /// Workers of this kind are not started on their own.
    #[error("a worker {kind} is not started by itself; these are: {}", words(.startable))]
    NotStartable {
        /// The kind.
        kind: WorkerKind,
        /// The kinds that are.
        startable: Vec<WorkerKind>,
    },
    /// The settings of a start do not fit the worker.
    #[error("worker {name} cannot be started with these settings: {problem}")]
    BadSettings {
        /// The worker.
        name: String,
        /// What is wrong with them.
        problem: String,
    },
    /// The host stops: nothing is started any more.
    #[error("worker {name} is not started because this host is shutting down")]
    ShuttingDown {
        /// The worker.
        name: String,
    },
    /// No such worker.
    #[error("there is no worker {name}; known are: {}", .known.join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names of all workers.
        known: Vec<String>,
    },
    /// The worker executable is nowhere.
    #[error(
        "the executable code-analysis-host is not found; tried {}; name it in database.worker.executable",
        list(.tried)
    )]
    NoExecutable {
        /// Every path that was tried.
        tried: Vec<PathBuf>,
    },
    /// Another process owns the database but does not answer.
    #[error(
        "{database} is owned by another process that was not reachable for {} s: {reason}; \
         find it through {owner_file}, or wait until it ends",
        .waited.as_secs_f64()
    )]
    OwnerUnreachable {
        /// The database.
        database: PathBuf,
        /// The file that names the owner.
        owner_file: PathBuf,
        /// What was wrong the last time.
        reason: String,
        /// How long was tried.
        waited: Duration,
    },
    /// Another host's worker owns the database, and this needs it alone.
    #[error(
        "{database} is in use by process {pid} of another host; stop that host, or let it do this (`call` reaches a \
         running server)"
    )]
    InUse {
        /// The database.
        database: PathBuf,
        /// The owner.
        pid: u32,
    },
    /// The lock file of the database cannot be used.
    #[error("the lock file {path} cannot be used: {source}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The ready payload is not what a worker of this kind says.
    #[error(
        "worker {name} said ready, but not where it listens: {problem}; is the executable of another version?"
    )]
    BadReady {
        /// The worker.
        name: String,
        /// What is wrong with the payload.
        problem: String,
    },
    /// No place for the worker's socket.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The host itself is at a limit.
    #[error("a thread for worker {name} cannot be started: {source}")]
    Thread {
        /// The worker.
        name: String,
        /// The system's error.
        source: io::Error,
    },
}

fn last_end(last_exit: &Option<String>) -> String {
    last_exit
        .as_ref()
        .map(|reason| format!("; its last end: {reason}"))
        .unwrap_or_default()
}

fn list(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

fn words(kinds: &[WorkerKind]) -> String {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    words.join(", ")
}
