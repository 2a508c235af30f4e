//! All workers of one host: it starts them, knows them, and leaves none behind.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;

use super::error::WorkerError;
use super::supervision::{Supervision, TERM_GRACE};
use super::worker_handle::{WorkerCell, WorkerHandle};
use super::worker_recipes::{Recipe, Recipes, WorkerSettings};
use super::worker_spec::{WorkerKind, WorkerSpec};
use super::worker_status::{WorkerState, WorkerStatus};

/// Time that a dropped manager gives its workers.
const DROP_DEADLINE: Duration = Duration::from_secs(10);

/// Slack, beyond the signals' own time, for a killed process to be reaped on a busy machine.
const REAP_SLACK: Duration = Duration::from_secs(5);

/// The workers of one host; share it in an `Arc`. Dropping it stops all workers and waits for them.
#[derive(Default)]
pub struct WorkerManager {
    workers: Mutex<Workers>,
    /// What can be started by its kind.
    recipes: Mutex<Recipes>,
}

#[derive(Default)]
struct Workers {
    by_name: BTreeMap<String, Entry>,
    /// Set by `stop_all`: a request that is still being served must not bring a worker back.
    closed: bool,
}

enum Entry {
    Supervised {
        handle: WorkerHandle,
        stop_timeout: Duration,
    },
    Adopted(AdoptedWorker),
}

/// A DB worker of another host that this one uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptedWorker {
    /// Its unique name here, such as `database:/data/x.db`.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// Where it listens.
    pub socket: PathBuf,
}

impl WorkerManager {
    /// No workers yet.
    pub fn new() -> WorkerManager {
        WorkerManager::default()
    }

    /// Starts a worker and keeps it running. One of the same name that is stopped, failed or
    /// adopted is replaced.
    ///
    /// # Errors
    /// [`WorkerError::AlreadyRunning`], [`WorkerError::ShuttingDown`], [`WorkerError::Thread`].
    /// Whether the process comes up is what [`WorkerHandle::wait_ready`] says.
    pub fn start(&self, spec: WorkerSpec) -> Result<WorkerHandle, WorkerError> {
        let mut workers = self.lock();
        workers.require_free(&spec.name)?;
        let (sender, events) = unbounded();
        let cell = Arc::new(WorkerCell::new(&spec));
        let handle = WorkerHandle::new(Arc::clone(&cell), sender.clone());
        let (name, stop_timeout) = (spec.name.clone(), spec.stop_timeout);
        let supervision = Supervision::new(spec, cell, events, sender);
        thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || supervision.run())
            .map_err(|source| WorkerError::Thread {
                name: name.clone(),
                source,
            })?;
        workers.by_name.insert(
            name,
            Entry::Supervised {
                handle: handle.clone(),
                stop_timeout,
            },
        );
        Ok(handle)
    }

    /// From now on, a worker of this kind can be started by its kind.
    pub fn offer(&self, kind: WorkerKind, recipe: Recipe) {
        self.lock_recipes().add(kind, recipe);
    }

    /// The kinds that can be started by their kind.
    pub fn startable(&self) -> Vec<WorkerKind> {
        self.lock_recipes().kinds()
    }

    /// Starts the worker of this kind, under the name of its kind.
    ///
    /// # Errors
    /// [`WorkerError::NotStartable`], [`WorkerError::BadSettings`], and as [`start`](Self::start).
    pub fn start_kind(
        &self,
        kind: WorkerKind,
        settings: &WorkerSettings,
    ) -> Result<WorkerHandle, WorkerError> {
        let recipe = self.lock_recipes().of(kind)?;
        self.start(recipe(settings)?)
    }

    /// Notes a DB worker that another host supervises, so that it is seen in the status.
    ///
    /// # Errors
    /// [`WorkerError::AlreadyRunning`] when this host supervises a worker of that name itself.
    pub fn register_db_worker(&self, adopted: AdoptedWorker) -> Result<(), WorkerError> {
        let mut workers = self.lock();
        workers.require_free(&adopted.name)?;
        workers
            .by_name
            .insert(adopted.name.clone(), Entry::Adopted(adopted));
        Ok(())
    }

    /// The supervised worker of this name, in whatever state; `None` for adopted ones.
    pub fn handle(&self, name: &str) -> Option<WorkerHandle> {
        match self.lock().by_name.get(name) {
            Some(Entry::Supervised { handle, .. }) => Some(handle.clone()),
            Some(Entry::Adopted(_)) | None => None,
        }
    }

    /// All workers, by name.
    pub fn status(&self) -> Vec<WorkerStatus> {
        self.lock().by_name.values().map(Entry::status).collect()
    }

    /// Stops a worker and waits until its process is gone. An adopted one is only forgotten.
    ///
    /// # Errors
    /// [`WorkerError::Unknown`]; [`WorkerError::NotReady`] if the process resists even SIGKILL.
    pub fn stop(&self, name: &str) -> Result<(), WorkerError> {
        self.stop_within(name, None)
    }

    /// As [`stop`](Self::stop), but `grace` is the time that the worker has to finish before it is told by signals;
    /// that of its spec without.
    ///
    /// # Errors
    /// As [`stop`](Self::stop).
    pub fn stop_within(&self, name: &str, grace: Option<Duration>) -> Result<(), WorkerError> {
        let (handle, stop_timeout) = {
            let mut workers = self.lock();
            match workers.by_name.get(name) {
                None => return Err(workers.unknown(name)),
                Some(Entry::Supervised {
                    handle,
                    stop_timeout,
                }) => (handle.clone(), *stop_timeout),
                Some(Entry::Adopted(_)) => {
                    workers.by_name.remove(name);
                    return Ok(());
                }
            }
        };
        handle.request_stop(grace);
        let patience = grace.unwrap_or(stop_timeout) + TERM_GRACE + REAP_SLACK;
        if handle.wait_over(patience) {
            return Ok(());
        }
        let status = handle.status();
        Err(WorkerError::NotReady {
            name: status.name,
            state: status.state,
            waited: patience,
            last_exit: None,
        })
    }

    /// As [`stop`](Self::stop), and forgets the worker, so that it is started again where it is wanted. One that is
    /// not known is gone already.
    ///
    /// # Errors
    /// [`WorkerError::NotReady`] if the process resists even SIGKILL.
    pub fn retire(&self, name: &str) -> Result<(), WorkerError> {
        match self.stop(name) {
            Ok(()) | Err(WorkerError::Unknown { .. }) => {}
            Err(error) => return Err(error),
        }
        self.lock().by_name.remove(name);
        Ok(())
    }

    /// Stops all workers and starts none any more. DB workers come last, because the others may
    /// need them to finish.
    ///
    /// After `deadline` the rest is ended by signals, which takes up to two seconds more.
    pub fn stop_all(&self, deadline: Duration) {
        let until = Instant::now() + deadline;
        let supervised = self.lock().close();
        let (databases, others): (Vec<_>, Vec<_>) = supervised
            .into_iter()
            .partition(|(handle, _)| handle.kind() == WorkerKind::Database);
        let share = if databases.is_empty() {
            deadline
        } else {
            deadline / 2
        };
        stop_together(&others, share);
        stop_together(&databases, until.saturating_duration_since(Instant::now()));
    }

    fn lock(&self) -> MutexGuard<'_, Workers> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_recipes(&self) -> MutexGuard<'_, Recipes> {
        self.recipes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stop_together(workers: &[(WorkerHandle, Duration)], limit: Duration) {
    for (handle, stop_timeout) in workers {
        handle.request_stop(Some(limit.min(*stop_timeout)));
    }
    for (handle, stop_timeout) in workers {
        if !handle.wait_over(limit.min(*stop_timeout) + TERM_GRACE + REAP_SLACK) {
            tracing::error!(
                worker = handle.name(),
                "a worker is left behind: it resists SIGKILL"
            );
        }
    }
}

impl Drop for WorkerManager {
    fn drop(&mut self) {
        self.stop_all(DROP_DEADLINE);
    }
}

impl Workers {
    fn require_free(&self, name: &str) -> Result<(), WorkerError> {
        if self.closed {
            return Err(WorkerError::ShuttingDown {
                name: name.to_owned(),
            });
        }
        match self.by_name.get(name) {
            Some(Entry::Supervised { handle, .. }) if !handle.status().state.is_final() => {
                Err(WorkerError::AlreadyRunning {
                    name: name.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }

    fn unknown(&self, name: &str) -> WorkerError {
        WorkerError::Unknown {
            name: name.to_owned(),
            known: self.by_name.keys().cloned().collect(),
        }
    }

    /// Forbids starts, forgets adopted workers, and returns the others.
    fn close(&mut self) -> Vec<(WorkerHandle, Duration)> {
        self.closed = true;
        self.by_name
            .retain(|_, entry| matches!(entry, Entry::Supervised { .. }));
        let supervised = self.by_name.values().filter_map(|entry| match entry {
            Entry::Supervised {
                handle,
                stop_timeout,
            } => Some((handle.clone(), *stop_timeout)),
            Entry::Adopted(_) => None,
        });
        supervised.collect()
    }
}

impl Entry {
    fn status(&self) -> WorkerStatus {
        match self {
            Entry::Supervised { handle, .. } => handle.status(),
            Entry::Adopted(adopted) => WorkerStatus {
                name: adopted.name.clone(),
                kind: WorkerKind::Database,
                state: WorkerState::Adopted,
                pid: Some(adopted.pid),
                restarts: 0,
                uptime_seconds: None,
                last_exit: None,
                heartbeat: None,
                log_path: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::test_worker::{self, PATIENCE, process_exists, send, spec, wait_until};
    use rustix::process::Signal;
    use std::process::{Command, Stdio};
    use tempfile::TempDir;

    #[test]
    fn a_name_is_used_once_at_a_time() {
        let workers = WorkerManager::new();
        workers.start(spec("w", "good")).unwrap();
        let again = workers.start(spec("w", "good"));
        assert!(matches!(again, Err(WorkerError::AlreadyRunning { name }) if name == "w"));
        workers.stop("w").unwrap();
        workers
            .start(spec("w", "good"))
            .unwrap()
            .wait_ready(PATIENCE)
            .unwrap();
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let workers = WorkerManager::new();
        workers.start(spec("w", "good")).unwrap();
        let error = workers.stop("x").unwrap_err();
        assert_eq!(error.to_string(), "there is no worker x; known are: w");
    }

    #[test]
    fn stopping_all_leaves_nothing_and_lets_nothing_in() {
        let workers = WorkerManager::new();
        let handles = ["a", "b"].map(|name| workers.start(spec(name, "good")).unwrap());
        let database = WorkerSpec {
            kind: WorkerKind::Database,
            ..spec("c", "good")
        };
        workers
            .start(database)
            .unwrap()
            .wait_ready(PATIENCE)
            .unwrap();
        for handle in &handles {
            handle.wait_ready(PATIENCE).unwrap();
        }
        let pids: Vec<u32> = workers
            .status()
            .iter()
            .filter_map(|status| status.pid)
            .collect();
        assert_eq!(pids.len(), 3);
        workers.stop_all(PATIENCE);
        assert!(pids.iter().all(|pid| !process_exists(*pid)));
        assert!(
            workers
                .status()
                .iter()
                .all(|status| status.state == WorkerState::Stopped)
        );
        let late = workers.start(spec("d", "good"));
        assert!(matches!(late, Err(WorkerError::ShuttingDown { .. })));
    }

    #[test]
    fn dropping_the_manager_stops_its_workers() {
        let workers = WorkerManager::new();
        let handle = workers.start(spec("w", "good")).unwrap();
        handle.wait_ready(PATIENCE).unwrap();
        let pid = handle.status().pid.unwrap();
        drop(workers);
        assert!(!process_exists(pid));
    }

    #[test]
    fn workers_end_with_a_host_that_is_killed() {
        let directory = TempDir::new().unwrap();
        let pid_file = directory.path().join("pid");
        let mut host = Command::new(std::env::current_exe().unwrap())
            .args(test_worker::args())
            .env(
                test_worker::BEHAVIOUR,
                format!("host {}", pid_file.display()),
            )
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("a worker", || pid_file.exists());
        let worker: u32 = std::fs::read_to_string(&pid_file).unwrap().parse().unwrap();
        assert!(process_exists(worker));
        send(host.id(), Signal::KILL);
        host.wait().unwrap();
        wait_until("the worker's end", || !process_exists(worker));
    }

    #[test]
    fn an_adopted_worker_is_seen_and_only_forgotten() {
        let workers = WorkerManager::new();
        let pid = std::process::id();
        let adopted = AdoptedWorker {
            name: "database:/x".into(),
            pid,
            socket: "/s".into(),
        };
        workers.register_db_worker(adopted).unwrap();
        let status = &workers.status()[0];
        assert_eq!(
            (status.state, status.pid),
            (WorkerState::Adopted, Some(pid))
        );
        assert_eq!(serde_json::to_value(status).unwrap()["kind"], "database");
        assert!(workers.handle("database:/x").is_none());
        workers.stop("database:/x").unwrap();
        assert!(workers.status().is_empty());
    }
}
