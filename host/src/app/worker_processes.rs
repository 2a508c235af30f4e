//! What this program does when it is started as a worker, and how a host starts its file watcher.

use std::io::{self, Write};
use std::process::ExitCode;

use serde::de::DeserializeOwned;
use tracing::level_filters::LevelFilter;

use super::{App, AppError, plugin_loader};
use crate::db_worker;
use crate::foundation::control::{ControlError, Refusal};
use crate::foundation::control_channel::ControlChannel;
use crate::foundation::db_worker_hello::DbWorkerHello;
use crate::foundation::log_file::LogFileSettings;
use crate::foundation::telemetry::{self, Telemetry};
use crate::supervisor::executable::find_executable;
use crate::supervisor::restart_policy::RestartPolicy;
use crate::supervisor::worker_handle::WorkerHandle;
use crate::supervisor::worker_spec::{WorkerKind, WorkerSpec};
use crate::workers::file_watcher;
use crate::workers::file_watcher::hello::FileWatcherHello;

/// Why this process cannot be a worker.
#[derive(Debug, thiserror::Error)]
pub enum WorkerStartError {
    /// It was not started by a host, or the host is gone.
    #[error("workers are started by the host, not by hand ({0}); use `code-analysis-host serve`")]
    NoHost(#[from] ControlError),
    /// There is no such kind.
    #[error("there is no worker `{0}`; there are: database, file_watcher")]
    UnknownKind(String),
}

/// Is the worker of this kind until the host at the other end of standard input says stop, or is gone.
///
/// # Errors
/// [`WorkerStartError`]; everything later is reported to the host and in the worker's log.
pub fn run_worker(kind: &str) -> Result<ExitCode, WorkerStartError> {
    match kind {
        "database" => run_database(),
        "file_watcher" => run_file_watcher(),
        other => Err(WorkerStartError::UnknownKind(other.to_owned())),
    }
}

fn run_database() -> Result<ExitCode, WorkerStartError> {
    let (control, hello): (_, DbWorkerHello) = meet_host()?;
    log_to(
        WorkerKind::Database,
        LogFileSettings {
            path: hello.log_path.clone(),
            max_bytes: hello.log_max_bytes,
            files: hello.log_files,
        },
    );
    match plugin_loader() {
        Ok(loader) => Ok(db_worker::run(&control, &hello, &loader)),
        Err(error) => Ok(refuse(&control, "paths", &error.to_string())),
    }
}

fn run_file_watcher() -> Result<ExitCode, WorkerStartError> {
    let (control, hello): (_, FileWatcherHello) = meet_host()?;
    let config = hello.config.workers.file_watcher.clone();
    log_to(
        WorkerKind::FileWatcher,
        hello.config.worker_log(WorkerKind::FileWatcher.as_str()),
    );
    let app = App::of_worker(hello.config, &hello.plugin_dirs);
    match app.and_then(|app| app.database()) {
        Ok(database) => Ok(file_watcher::run(&control, &config, database.database())),
        Err(error) if error.is_configuration() => {
            Ok(refuse(&control, "database", &error.to_string()))
        }
        Err(error) => Ok(give_way(&error)),
    }
}

fn meet_host<T: DeserializeOwned>() -> Result<(ControlChannel, T), ControlError> {
    let mut control = ControlChannel::from_stdin()?;
    let hello = control.hello()?;
    Ok((control, hello))
}

fn log_to(kind: WorkerKind, file: LogFileSettings) {
    let initialised = telemetry::init(&Telemetry {
        process: kind.as_str().to_owned(),
        default_level: LevelFilter::INFO,
        log_file: Some(file),
    });
    if let Err(error) = initialised {
        tracing::warn!(%error, "the log of this worker");
    }
}

fn refuse(control: &ControlChannel, code: &str, message: &str) -> ExitCode {
    tracing::error!(message, "the worker does not start");
    // Without a host there is nobody to tell.
    let _ = control.refused(Refusal::new(code, message));
    ExitCode::FAILURE
}

/// Ends this process without a refusal, because a later start may find what this one missed.
fn give_way(error: &AppError) -> ExitCode {
    tracing::error!(%error, "the worker ends, to be started again");
    // The host shows a worker's last words as the reason of its end.
    let _ = writeln!(io::stderr(), "{error}");
    ExitCode::FAILURE
}

impl App {
    /// Starts the file watcher, if it is enabled and there is something to watch.
    ///
    /// # Errors
    /// [`AppError::Database`] when the database cannot be opened, which the watcher adopts from this
    /// host, and [`AppError::Executable`] when the worker cannot be started.
    pub fn start_file_watcher(&self) -> Result<Option<WorkerHandle>, AppError> {
        let config = self.config();
        let watcher = &config.workers.file_watcher;
        if !watcher.enabled || watcher.watch_dirs.is_empty() {
            return Ok(None);
        }
        self.usable_database()?;
        let hello = FileWatcherHello {
            config: (*config).clone(),
            plugin_dirs: self.plugin_dirs.clone(),
        };
        let hello = serde_json::to_value(hello).map_err(AppError::Hello)?;
        let kind = WorkerKind::FileWatcher;
        let executable = find_executable(config.database.worker.executable.as_deref())?;
        let spec = WorkerSpec {
            log_path: Some(config.worker_log(kind.as_str()).path),
            policy: RestartPolicy {
                // Unlike a DB worker it is wanted by nobody in particular, who would start it again later.
                max_restarts: usize::MAX,
                ..RestartPolicy::default()
            },
            ..WorkerSpec::new(kind, kind.as_str(), executable, hello)
        };
        Ok(Some(self.workers.start(spec)?))
    }
}
