//! Puts another file in the place of a database file: all of it, or nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use super::error::{MaintenanceError, Result, of_file};
use super::make::{sync_directory, with_suffix};
use crate::driver::database::Database;
use crate::driver::pool::PoolLimits;
use crate::supervisor::db_worker_manager::names::owner_file;
use crate::universal_driver::connectors::WorkerConnector;
use crate::universal_driver::driver::UniversalDriver;

/// What is added to the name of a database file for the one that is going to take its place.
const NEXT: &str = ".next";

impl UniversalDriver {
    /// The file that is prepared to take the place of this database; nothing is there.
    pub(super) fn next_file(&self, file: &Path) -> Result<PathBuf> {
        let next = with_suffix(file, NEXT);
        self.remove_database(&next)?;
        Ok(next)
    }

    /// Removes a database file that was prepared, or read, beside this one.
    pub(super) fn remove_database(&self, file: &Path) -> Result<()> {
        for suffix in ["", "-wal", "-shm", ".worker", ".quarantine"] {
            remove(&with_suffix(file, suffix))?;
        }
        Ok(())
    }

    /// Works on another database file, as on this one, through a worker of its own that is gone afterwards.
    pub(super) fn at<T>(
        &self,
        file: &Path,
        work: impl FnOnce(&Database) -> Result<T>,
    ) -> Result<T> {
        self.through(self.connector_to(file, false)?, file, work)
    }

    /// The same with a file that is known to be damaged: its worker goes on when it meets the damage.
    pub(super) fn at_damaged<T>(
        &self,
        file: &Path,
        work: impl FnOnce(&Database) -> Result<T>,
    ) -> Result<T> {
        self.through(self.connector_to(file, true)?, file, work)
    }

    fn through<T>(
        &self,
        connector: Arc<WorkerConnector>,
        file: &Path,
        work: impl FnOnce(&Database) -> Result<T>,
    ) -> Result<T> {
        let workers = Arc::clone(&connector.workers);
        let database = Database::new(connector, PoolLimits::default());
        let done = work(&database);
        database.close();
        // The log is folded into the file with the worker's end.
        workers.while_stopped(file, |_| ())?;
        let left = owner_file(file)?;
        remove(&left)?;
        done
    }

    fn connector_to(&self, file: &Path, is_damaged: bool) -> Result<Arc<WorkerConnector>> {
        let Some(own) = self.worker_connector() else {
            return Err(MaintenanceError::OtherKind {
                path: file.to_owned(),
            });
        };
        let mut request = own.request();
        request.database = file.to_owned();
        request.is_damaged = is_damaged;
        request
            .options
            .insert("path".to_owned(), file.to_string_lossy().into());
        Ok(Arc::new(WorkerConnector {
            proxy: Arc::clone(&own.proxy),
            workers: Arc::clone(&own.workers),
            request: RwLock::new(request),
            dialect: own.dialect,
            read_only: false,
        }))
    }

    /// Lets `next` take the place of the database file, while nobody owns it. Whoever is connected finds the new one.
    ///
    /// The renaming is the moment at which everything changes. Before it, a log that a damaged file left goes: that
    /// database is in quarantine until afterwards.
    pub(super) fn swap(&self, file: &Path, next: &Path) -> Result<()> {
        let Some(own) = self.worker_connector() else {
            return Err(MaintenanceError::OtherKind {
                path: file.to_owned(),
            });
        };
        let quarantine = self.quarantine();
        let swapped = own.workers.while_stopped(file, |lock| {
            for log in ["-wal", "-shm"] {
                remove(&with_suffix(file, log))?;
            }
            fs::rename(next, file).map_err(of_file(file))?;
            sync_directory(file)?;
            lock.clear().map_err(of_file(file))?;
            match &quarantine {
                Some(quarantine) => quarantine.lift().map_err(of_file(quarantine.note())),
                None => Ok(()),
            }
        });
        swapped??;
        // Connections that are open wait for a worker, and start none.
        own.ensure_worker()?;
        Ok(())
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(of_file(path)(error)),
        _ => Ok(()),
    }
}
