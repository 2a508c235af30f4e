//! Sees to it that a database has its one owning worker: ours, or another host's that is adopted.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde_json::{Map, Value};

use crate::config::types::Config;
use crate::foundation::db_worker_hello::{DbWorkerHello, DbWorkerReady, REFUSED_OWNED};
use crate::foundation::paths::{runtime_dir, socket_path};
use crate::foundation::plugin_image::PluginImage;

use self::faults::look_into;
use self::names::{call_note, digest, owner_file, worker_name};
use super::error::WorkerError;
use super::executable::find_executable;
use super::exit_reason::ExitReason;
use super::owner_file::{Owner, reach_owner};
use super::restart_policy::RestartPolicy;
use super::worker_handle::{FailureReason, WorkerHandle};
use super::worker_manager::{AdoptedWorker, WorkerManager};
use super::worker_spec::{OnEnd, WorkerKind, WorkerSpec};

/// How long callers wait for a worker, ours or another's.
const PATIENCE: Duration = Duration::from_secs(15);

/// Pauses between looks for an owner that is there but does not answer yet; they double.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// How often it is looked whether an adopted worker still runs.
const LOOK_AFTER_ADOPTED: Duration = Duration::from_millis(250);

/// A worker that refused is tried again on demand after this time: the user may have mended the
/// reason.
const RETRY_REFUSED: Duration = Duration::from_secs(2);

/// A worker that ended too often is tried again on demand after this time.
const RETRY_FAILED: Duration = Duration::from_secs(60);

/// Whether this process may start a DB worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbWorkerMode {
    /// Adopt a running one, else start one: hosts.
    LaunchOrAdopt,
    /// Only adopt, and wait for the owner to appear: processes that are workers themselves.
    AdoptOnly,
}

/// Keeps one worker for each database that this process uses.
pub struct DbWorkerManager {
    workers: Arc<WorkerManager>,
    config: Config,
    mode: DbWorkerMode,
    /// How long one call waits before it is an error.
    patience: Duration,
    /// One lock for each database: callers that come together must start only one worker.
    slots: Arc<Mutex<HashMap<PathBuf, Arc<Mutex<()>>>>>,
    /// Workers of other hosts whose end is looked out for.
    watched: Arc<Mutex<HashSet<u32>>>,
}

/// The database for which a worker is wanted. It has no `Debug`: options may hold secrets.
#[derive(Clone)]
pub struct DbWorkerRequest {
    /// Name of the driver, such as `sqlite`.
    pub driver: String,
    /// The plugin that the worker loads.
    pub plugin: PluginImage,
    /// Whether the worker notes the calls of its driver.
    pub note_calls: bool,
    /// Who is told of a worker that its driver has ended.
    pub crashes: Option<Arc<dyn DriverCrashes>>,
    /// Options of the driver.
    pub options: Map<String, Value>,
    /// The canonical database file; for databases that are not files an identity, which is not an
    /// absolute path.
    pub database: PathBuf,
    /// Whether the database is known to be damaged, and read for what is left of it.
    pub is_damaged: bool,
}

/// Who keeps account of drivers that end their workers.
pub trait DriverCrashes: Send + Sync {
    /// A worker ended by a fault of its process; `call` is the driver's last call, where that was noted. Answers why the
    /// driver is not to be used again.
    fn crashed(&self, reason: &ExitReason, call: Option<&str>) -> Option<String>;

    /// The last call that was noted there; the note is removed.
    fn take_note(&self, note: &Path) -> Option<String>;

    /// Why the driver is not to be used now.
    fn refusal(&self) -> Option<String>;
}

/// Where a database's worker listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbEndpoint {
    /// The Unix socket.
    pub socket: PathBuf,
    /// Whether another host supervises the worker.
    pub adopted: bool,
    /// The worker's process id.
    pub pid: u32,
}

/// One attempt to have a worker.
enum Attempt {
    Done(DbEndpoint),
    /// Somebody owns the database but could not be reached, for this reason.
    Unreachable(String),
}

impl DbWorkerManager {
    /// A manager for the database of `config`, which registers its workers with `workers`. Nothing
    /// is started yet: the path of the database is known only to the driver.
    pub fn initialize_from_config(
        config: &Config,
        workers: Arc<WorkerManager>,
        mode: DbWorkerMode,
    ) -> DbWorkerManager {
        DbWorkerManager {
            workers,
            config: config.clone(),
            mode,
            patience: PATIENCE,
            slots: Arc::default(),
            watched: Arc::default(),
        }
    }

    /// The configured `database.type`.
    pub fn db_type(&self) -> &str {
        &self.config.database.kind
    }

    /// The running worker of a database: ours, else another host's, else a new one. Blocks for up
    /// to 15 s.
    ///
    /// Callers in other threads and other processes that ask at the same time get the same worker.
    /// Call it again when the socket stops answering: the worker may have been replaced.
    ///
    /// # Errors
    /// [`WorkerError`]: the refusal of a worker, its failure, no executable, an owner that does not
    /// answer.
    pub fn ensure_worker_running(
        &self,
        request: &DbWorkerRequest,
    ) -> Result<DbEndpoint, WorkerError> {
        if let Some(reason) = request
            .crashes
            .as_ref()
            .and_then(|crashes| crashes.refusal())
        {
            let name = worker_name(&request.database);
            return Err(WorkerError::Failed { name, reason });
        }
        let slot = self.slot(&request.database);
        let _only_one = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let owner_file = owner_file(&request.database)?;
        let until = Instant::now() + self.patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let reason = match self.attempt(request, &owner_file, until)? {
                Attempt::Done(endpoint) => return Ok(endpoint),
                Attempt::Unreachable(reason) => reason,
            };
            if Instant::now() + pause > until {
                let database = request.database.clone();
                return Err(WorkerError::OwnerUnreachable {
                    database,
                    owner_file,
                    reason,
                    waited: self.patience,
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Ends this host's worker of the database in good order and starts one as `request` says; clients wait for it and
    /// ask it again. Without a worker of this host there is nothing to replace.
    ///
    /// # Errors
    /// See [`WorkerError`].
    pub fn replace_worker(&self, request: &DbWorkerRequest) -> Result<(), WorkerError> {
        let slot = self.slot(&request.database);
        let _only_one = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let name = worker_name(&request.database);
        if self.workers.handle(&name).is_none() {
            return Ok(());
        }
        self.workers.stop(&name)?;
        let spec = self.spec(name, request, &owner_file(&request.database)?)?;
        let handle = self.workers.start(spec)?;
        wait_for(&handle, Instant::now() + self.patience).map(|_| ())
    }

    fn attempt(
        &self,
        request: &DbWorkerRequest,
        owner_file: &Path,
        until: Instant,
    ) -> Result<Attempt, WorkerError> {
        let name = worker_name(&request.database);
        if let Some(handle) = self.workers.handle(&name)
            && !is_worth_replacing(&handle)
        {
            return wait_for(&handle, until);
        }
        match reach_owner(owner_file) {
            Ok(owner) => self.adopt(name, owner, request).map(Attempt::Done),
            Err(problem) if self.mode == DbWorkerMode::AdoptOnly => {
                Ok(Attempt::Unreachable(problem.to_string()))
            }
            Err(problem) => {
                let handle = self.workers.start(self.spec(name, request, owner_file)?)?;
                // Who owns it is only reported if it still cannot be reached when patience ends.
                match wait_for(&handle, until)? {
                    Attempt::Unreachable(_) => Ok(Attempt::Unreachable(problem.to_string())),
                    done => Ok(done),
                }
            }
        }
    }

    fn adopt(
        &self,
        name: String,
        owner: Owner,
        request: &DbWorkerRequest,
    ) -> Result<DbEndpoint, WorkerError> {
        let Owner { socket, pid } = owner;
        if self.mode == DbWorkerMode::LaunchOrAdopt {
            self.succeed(pid, request);
        }
        self.workers.register_db_worker(AdoptedWorker {
            name,
            pid,
            socket: socket.clone(),
        })?;
        Ok(DbEndpoint {
            socket,
            adopted: true,
            pid,
        })
    }

    /// Has a worker of this host started when the adopted one ends with its own host, which cannot
    /// restart it: connections that are open wait for it, and none of them asks.
    fn succeed(&self, pid: u32, request: &DbWorkerRequest) {
        let watched = Arc::clone(&self.watched);
        let lock = |watched: &Mutex<HashSet<u32>>, change: &dyn Fn(&mut HashSet<u32>) -> bool| {
            change(&mut watched.lock().unwrap_or_else(PoisonError::into_inner))
        };
        if !lock(&watched, &|pids| pids.insert(pid)) {
            return;
        }
        let workers = Arc::downgrade(&self.workers);
        let (config, slots) = (self.config.clone(), Arc::clone(&self.slots));
        let (mode, patience, request) = (self.mode, self.patience, request.clone());
        let spawned = thread::Builder::new()
            .name("adopted-worker".to_owned())
            .spawn(move || {
                // A worker of another host is no child, so that nobody signals its end.
                while is_running(pid) && workers.strong_count() > 0 {
                    thread::sleep(LOOK_AFTER_ADOPTED);
                }
                lock(&watched, &|pids| pids.remove(&pid));
                let Some(workers) = workers.upgrade() else {
                    return;
                };
                let manager = DbWorkerManager {
                    workers,
                    config,
                    mode,
                    patience,
                    slots,
                    watched,
                };
                if let Err(error) = manager.ensure_worker_running(&request) {
                    tracing::warn!(%error, "the adopted DB worker ended and has no successor yet");
                }
            });
        if let Err(error) = spawned {
            tracing::warn!(%error, "the end of an adopted DB worker will not be noticed at once");
        }
    }

    fn spec(
        &self,
        name: String,
        request: &DbWorkerRequest,
        owner_file: &Path,
    ) -> Result<WorkerSpec, WorkerError> {
        let settings = &self.config.database.worker;
        let log = self.config.worker_log(WorkerKind::Database.as_str());
        let socket = socket_path(
            &runtime_dir()?,
            &format!("db-{}.sock", digest(&request.database)),
        )?;
        let hello_note = request.note_calls.then(|| call_note(&socket));
        let hello = DbWorkerHello {
            driver: request.driver.clone(),
            plugin: request.plugin.clone(),
            call_note: hello_note.clone(),
            options: request.options.clone(),
            database: request.database.clone(),
            is_damaged: request.is_damaged,
            owner_file: owner_file.to_owned(),
            socket,
            readers: settings.readers,
            clients: settings.clients,
            largest_log_mib: settings.largest_log_mib,
            idle_transaction_seconds: settings.idle_transaction_seconds,
            log_path: log.path.clone(),
            log_max_bytes: log.max_bytes,
            log_files: log.files,
        };
        let hello = serde_json::to_value(hello).map_err(|error| WorkerError::Failed {
            name: name.clone(),
            reason: format!("its hello cannot be written as JSON: {error}"),
        })?;
        let on_end = request.crashes.clone().map(|crashes| {
            let note = hello_note.clone();
            let driver = request.driver.clone();
            Arc::new(move |reason: &mut ExitReason| {
                look_into(reason, &driver, note.as_deref(), &*crashes)
            }) as OnEnd
        });
        let executable = find_executable(settings.executable.as_deref())?;
        let spec = WorkerSpec::new(WorkerKind::Database, name, executable, hello);
        Ok(WorkerSpec {
            log_path: Some(log.path),
            on_end,
            policy: RestartPolicy {
                max_restarts: settings.max_restarts,
                max_delay: Duration::from_millis(settings.longest_restart_pause_ms),
                ..RestartPolicy::default()
            },
            ..spec
        })
    }

    fn slot(&self, database: &Path) -> Arc<Mutex<()>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(database.to_owned()).or_default())
    }
}

fn is_running(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// Waits for a supervised worker; that it refused because another owns the database is no error
/// here.
fn wait_for(handle: &WorkerHandle, until: Instant) -> Result<Attempt, WorkerError> {
    match handle.wait_ready(until.saturating_duration_since(Instant::now())) {
        Ok(payload) => endpoint(handle.name(), payload).map(Attempt::Done),
        Err(WorkerError::Refused { refusal, .. }) if refusal.code == REFUSED_OWNED => {
            Ok(Attempt::Unreachable(refusal.message))
        }
        Err(error) => Err(error),
    }
}

/// Whether a worker was given up, and long enough ago for another attempt.
fn is_worth_replacing(handle: &WorkerHandle) -> bool {
    handle
        .failure()
        .is_some_and(|failure| match failure.reason {
            // The owner is asked first, and a new worker is started only if it does not answer.
            FailureReason::Refused(refusal) if refusal.code == REFUSED_OWNED => true,
            FailureReason::Refused(_) => failure.since.elapsed() >= RETRY_REFUSED,
            FailureReason::GaveUp(_) => failure.since.elapsed() >= RETRY_FAILED,
        })
}

fn endpoint(name: &str, payload: Value) -> Result<DbEndpoint, WorkerError> {
    let ready: DbWorkerReady =
        serde_json::from_value(payload).map_err(|error| WorkerError::BadReady {
            name: name.to_owned(),
            problem: error.to_string(),
        })?;
    Ok(DbEndpoint {
        socket: ready.socket,
        adopted: false,
        pid: ready.pid,
    })
}

mod faults;
pub mod names;
mod take_over;
#[cfg(test)]
mod tests;
