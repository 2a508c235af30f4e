//! `start_worker`: starts a worker of the running server, as configured or with settings of this start.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::database_errors::path_code;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::require_absolute;
use super::worker_control;
use crate::supervisor::worker_recipes::WorkerSettings;
use crate::supervisor::worker_spec::WorkerKind;
use crate::supervisor::worker_status::WorkerState;

/// The command.
pub(super) struct StartWorker;

/// Which worker, and the settings of this start. What is not given is as configured.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Its kind.
    worker_type: WorkerKind,
    /// Absolute path of the directory that a file watcher watches where neither `watch_dirs` nor the configuration
    /// names one.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    root_dir: Option<String>,
    /// Absolute paths of the directories to watch, for a file watcher.
    #[serde(default)]
    #[schemars(length(min = 1))]
    watch_dirs: Option<Vec<String>>,
    /// Seconds between complete scans of a file watcher.
    #[serde(default)]
    #[schemars(range(min = 1, max = 31_536_000))]
    scan_interval: Option<u64>,
    /// Seconds between looks for work, for workers that look.
    #[serde(default)]
    #[schemars(range(min = 1, max = 31_536_000))]
    poll_interval: Option<u64>,
    /// What is done at once, for workers that work in batches.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    batch_size: Option<u64>,
    /// As in the older program. Here the model says how long its vectors are.
    #[serde(default, rename = "vector_dim")]
    _vector_dim: Option<u32>,
    /// Absolute path of the worker's log file.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    worker_log_path: Option<String>,
}

/// The worker that was started.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Always true: a worker that cannot be started is an error.
    success: bool,
    worker_type: WorkerKind,
    /// Its state; `starting` or `backing_off` where it was not ready within 20 seconds.
    state: WorkerState,
    /// Its process.
    pid: Option<u32>,
    /// Where it logs.
    log_path: Option<PathBuf>,
    /// The same in a sentence.
    message: String,
}

impl Operation for StartWorker {
    const NAME: &'static str = "start_worker";
    const SUMMARY: &'static str =
        "Starts a worker of the running server, as configured or with settings of its own";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = false;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"worker_type": "file_watcher", "root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let kind = parameters.worker_type;
        let settings = settings(context, parameters)?;
        let worker = worker_control::start(context, kind, &settings)?;
        Ok(Answer {
            success: true,
            worker_type: kind,
            state: worker.state,
            pid: worker.pid,
            log_path: worker.log_path,
            message: match worker.state {
                WorkerState::Ready => format!("worker {kind} runs"),
                _ => {
                    format!("worker {kind} was started and is not ready yet; see get_worker_status")
                }
            },
        })
    }
}

/// The settings by their keys in the configuration.
fn settings(context: &Context, parameters: Parameters) -> Result<WorkerSettings, CommandError> {
    let mut settings = worker_control::given([
        ("scan_interval", parameters.scan_interval),
        ("poll_interval", parameters.poll_interval),
        ("batch_size", parameters.batch_size),
    ]);
    let mut watch_dirs = parameters.watch_dirs;
    let unconfigured = context
        .config
        .get()
        .workers
        .file_watcher
        .watch_dirs
        .is_empty();
    if parameters.worker_type == WorkerKind::FileWatcher && watch_dirs.is_none() && unconfigured {
        watch_dirs = parameters.root_dir.map(|root| vec![root]);
    }
    if let Some(directories) = watch_dirs {
        for directory in &directories {
            require_directory(directory)?;
        }
        settings.insert("watch_dirs".to_owned(), json!(directories));
    }
    if let Some(path) = parameters.worker_log_path {
        require_absolute("worker_log_path", &path)?;
        settings.insert("log_path".to_owned(), json!(path));
    }
    Ok(settings)
}

fn require_directory(path: &str) -> Result<(), CommandError> {
    require_absolute("watch_dirs", path)?;
    let read = std::fs::read_dir(Path::new(path));
    read.map(drop).map_err(|error| {
        let text = format!("{path} cannot be watched: {error}");
        CommandError::new(path_code(error.kind()), text).with("path", path)
    })
}
