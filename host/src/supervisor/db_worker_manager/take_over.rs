//! A database file without its worker: for work on the file itself, while nobody else may own it.

use std::path::Path;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use super::names::{owner_file, worker_name};
use super::{DbWorkerManager, FIRST_PAUSE, reach_owner};
use crate::foundation::owner_lock::OwnerLock;
use crate::supervisor::error::WorkerError;

/// A process that ends keeps its lock for a moment.
const OWNER_GOES_WITHIN: Duration = Duration::from_secs(2);

impl DbWorkerManager {
    /// Ends this host's worker of a database file, runs `work` while nobody owns the database, and lets workers be
    /// started again. Callers who need one wait meanwhile; connections that are open find the next worker.
    ///
    /// # Errors
    /// [`WorkerError::InUse`] while another host's worker runs, [`WorkerError::Lock`], and [`WorkerError::NotReady`]
    /// when this host's does not end.
    pub fn while_stopped<T>(
        &self,
        database: &Path,
        work: impl FnOnce(&mut OwnerLock) -> T,
    ) -> Result<T, WorkerError> {
        let slot = self.slot(database);
        let _only_one = slot.lock().unwrap_or_else(PoisonError::into_inner);
        self.workers.retire(&worker_name(database))?;
        let owner_file = owner_file(database)?;
        let until = Instant::now() + OWNER_GOES_WITHIN;
        let mut lock = loop {
            let taken = OwnerLock::take(&owner_file).map_err(|source| WorkerError::Lock {
                path: owner_file.clone(),
                source,
            })?;
            match taken {
                Some(lock) => break lock,
                None if Instant::now() < until => thread::sleep(FIRST_PAUSE),
                None => {
                    let pid = reach_owner(&owner_file).map_or(0, |owner| owner.pid);
                    let database = database.to_owned();
                    return Err(WorkerError::InUse { database, pid });
                }
            }
        };
        Ok(work(&mut lock))
    }
}
