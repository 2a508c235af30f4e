//! What this program does when it is started as a worker, and how a host starts its workers.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::level_filters::LevelFilter;

use super::{App, AppError, plugin_loader};
use crate::code_db::database::CodeDatabase;
use crate::commands::context::IndexingProcess;
use crate::commands::indexing_process;
use crate::config::current::CurrentConfig;
use crate::config::types::Config;
use crate::db_worker;
use crate::foundation::control::{ControlError, Refusal};
use crate::foundation::control_channel::ControlChannel;
use crate::foundation::db_worker_hello::DbWorkerHello;
use crate::foundation::log_file::LogFileSettings;
use crate::foundation::telemetry::{self, Telemetry};
use crate::supervisor::error::WorkerError;
use crate::supervisor::executable::find_executable;
use crate::supervisor::exit_reason::ExitReason;
use crate::supervisor::restart_policy::RestartPolicy;
use crate::supervisor::worker_handle::WorkerHandle;
use crate::supervisor::worker_recipes::WorkerSettings;
use crate::supervisor::worker_spec::{WorkerKind, WorkerSpec};
use crate::workers::file_watcher;
use crate::workers::hello::WorkerHello;
use crate::workers::repair;
use crate::workers::vectorization;

/// Why this process cannot be a worker.
#[derive(Debug, thiserror::Error)]
pub enum WorkerStartError {
    /// It was not started by a host, or the host is gone.
    #[error("workers are started by the host, not by hand ({0}); use `code-analysis-host serve`")]
    NoHost(#[from] ControlError),
    /// There is no such kind.
    #[error(
        "there is no worker `{0}`; there are: database, file_watcher, repair, vectorization, indexing"
    )]
    UnknownKind(String),
}

/// Is the worker of this kind until the host at the other end of standard input says stop, or is gone.
///
/// # Errors
/// [`WorkerStartError`]; everything later is reported to the host and in the worker's log.
pub fn run_worker(kind: &str) -> Result<ExitCode, WorkerStartError> {
    match kind {
        "database" => run_database(),
        "file_watcher" => run_beside_database(WorkerKind::FileWatcher, file_watcher::run),
        "repair" => run_beside_database(WorkerKind::Repair, repair::run),
        "vectorization" => run_beside_database(WorkerKind::Vectorization, vectorization::run),
        "indexing" => run_beside_database(WorkerKind::Indexing, run_indexing),
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

/// Is a worker that uses the database of its host: `work` is what it does once that is there.
fn run_beside_database(
    kind: WorkerKind,
    work: impl FnOnce(&ControlChannel, &WorkerHello, CodeDatabase) -> ExitCode,
) -> Result<ExitCode, WorkerStartError> {
    let (control, hello): (_, WorkerHello) = meet_host()?;
    log_to(kind, hello.config.worker_log(kind.as_str()));
    let app = App::of_worker(hello.config.clone(), &hello.plugin_dirs);
    match app.and_then(|app| app.database()) {
        Ok(database) => Ok(work(&control, &hello, database.database())),
        Err(error) if error.is_configuration() => {
            Ok(refuse(&control, "database", &error.to_string()))
        }
        Err(error) => Ok(give_way(&error)),
    }
}

fn run_indexing(control: &ControlChannel, hello: &WorkerHello, database: CodeDatabase) -> ExitCode {
    match &hello.root_dir {
        Some(root_dir) => indexing_process::run(control, &hello.config, root_dir, database),
        None => refuse(control, "root_dir", "the host names no directory to index"),
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

/// The kinds that a host starts by their kind, besides DB workers.
pub(super) const STARTABLE: [WorkerKind; 3] = [
    WorkerKind::FileWatcher,
    WorkerKind::Repair,
    WorkerKind::Vectorization,
];

/// Time that an indexing process has to store what is at hand when its command is stopped.
const INDEXING_STOP: Duration = Duration::from_secs(20);

/// An indexing process is started again for each text that ends it, so often within an hour.
const INDEXING_RESTARTS: RestartPolicy = RestartPolicy {
    first_delay: Duration::ZERO,
    second_delay: Duration::ZERO,
    max_delay: Duration::ZERO,
    max_restarts: 50,
    period: Duration::from_secs(3600),
};

/// What all starts of workers of one host have in common.
#[derive(Clone)]
pub(super) struct Starts {
    /// The configuration in force.
    pub(super) config: CurrentConfig,
    /// The plugins directories that were named on the command line.
    pub(super) plugin_dirs: Vec<PathBuf>,
    /// Who this host is.
    pub(super) host_id: String,
}

impl Starts {
    /// A worker of this kind, as configured but for `settings`.
    pub(super) fn spec(
        &self,
        kind: WorkerKind,
        settings: &WorkerSettings,
    ) -> Result<WorkerSpec, WorkerError> {
        let in_force = self.config.get();
        let config = with_settings(&in_force, kind, settings).map_err(bad_settings(kind))?;
        Ok(WorkerSpec {
            policy: RestartPolicy {
                // Unlike a DB worker it is wanted by nobody in particular, who would start it again later.
                max_restarts: usize::MAX,
                ..RestartPolicy::default()
            },
            ..self.spec_with(kind, config, None)?
        })
    }

    /// A process that indexes this directory for a command, as configured now.
    fn indexing(&self, root_dir: &Path) -> Result<WorkerSpec, WorkerError> {
        let config = Config::clone(&self.config.get());
        Ok(WorkerSpec {
            // A command that is stopped still hears what was stored.
            stop_timeout: INDEXING_STOP,
            policy: INDEXING_RESTARTS,
            on_end: Some(Arc::new(ended_by_itself)),
            ..self.spec_with(WorkerKind::Indexing, config, Some(root_dir.to_owned()))?
        })
    }

    fn spec_with(
        &self,
        kind: WorkerKind,
        config: Config,
        root_dir: Option<PathBuf>,
    ) -> Result<WorkerSpec, WorkerError> {
        let executable = find_executable(config.database.worker.executable.as_deref())?;
        let log_path = Some(config.worker_log(kind.as_str()).path);
        let hello = WorkerHello {
            config,
            plugin_dirs: self.plugin_dirs.clone(),
            host_id: self.host_id.clone(),
            root_dir,
        };
        let hello = serde_json::to_value(hello).map_err(bad_settings(kind))?;
        Ok(WorkerSpec {
            log_path,
            ..WorkerSpec::new(kind, kind.as_str(), executable, hello)
        })
    }
}

/// A text that takes all memory ends a process by a signal; one that ends with a status would do so again.
fn ended_by_itself(reason: &mut ExitReason) -> Option<String> {
    (reason.signal.is_none()).then(|| "it is not started again".to_owned())
}

fn bad_settings(kind: WorkerKind) -> impl Fn(serde_json::Error) -> WorkerError {
    move |problem| WorkerError::BadSettings {
        name: kind.to_string(),
        problem: problem.to_string(),
    }
}

/// The configuration with `settings` in the place of what it says below `workers.KIND`.
fn with_settings(
    config: &Config,
    kind: WorkerKind,
    settings: &WorkerSettings,
) -> serde_json::Result<Config> {
    let mut form = serde_json::to_value(config)?;
    let section = format!("/workers/{kind}");
    if let Some(Value::Object(section)) = form.pointer_mut(&section) {
        section.extend(settings.clone());
    }
    serde_json::from_value(form)
}

impl App {
    /// Lets workers be started by their kind from now on.
    pub(super) fn offer_workers(&self) {
        for kind in STARTABLE {
            let starts = self.starts.clone();
            let recipe = move |settings: &WorkerSettings| starts.spec(kind, settings);
            self.workers.offer(kind, Arc::new(recipe));
        }
    }

    /// Makes the processes that index for commands.
    pub(super) fn indexing_process(&self) -> IndexingProcess {
        let starts = self.starts.clone();
        Arc::new(move |root_dir| starts.indexing(root_dir))
    }

    /// Starts the workers that the configuration wants.
    ///
    /// # Errors
    /// As [`start_worker`](Self::start_worker).
    pub fn start_workers(&self) -> Result<(), AppError> {
        for kind in STARTABLE {
            if self.is_wanted(kind) {
                self.start_worker(kind)?;
            }
        }
        Ok(())
    }

    /// Starts the worker of this kind as configured.
    ///
    /// # Errors
    /// [`AppError::Database`] when the database cannot be opened, which the worker adopts from this host, and
    /// [`AppError::Executable`] when the worker cannot be started.
    pub fn start_worker(&self, kind: WorkerKind) -> Result<WorkerHandle, AppError> {
        self.usable_database()?;
        Ok(self.workers.start_kind(kind, &WorkerSettings::new())?)
    }

    /// Whether the configuration wants a worker of this kind, and there is something for it to do.
    pub(super) fn is_wanted(&self, kind: WorkerKind) -> bool {
        let workers = &self.config().workers;
        match kind {
            WorkerKind::Database | WorkerKind::Indexing => false,
            WorkerKind::FileWatcher => {
                workers.file_watcher.enabled && !workers.file_watcher.watch_dirs.is_empty()
            }
            WorkerKind::Repair => workers.repair.enabled,
            WorkerKind::Vectorization => workers.vectorization.enabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(value: Value) -> WorkerSettings {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn settings_of_one_start_replace_those_of_the_configuration_and_no_others() {
        let mut config = Config::default();
        config.workers.file_watcher.watch_dirs = vec!["/a".into()];
        let given = settings(json!({"scan_interval": 7}));
        let changed = with_settings(&config, WorkerKind::FileWatcher, &given).unwrap();
        config.workers.file_watcher.scan_interval = 7;
        assert_eq!(changed, config);
        let foreign = settings(json!({"batch_size": 7}));
        let error = with_settings(&config, WorkerKind::FileWatcher, &foreign).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `batch_size`"),
            "{error}"
        );
    }
}
