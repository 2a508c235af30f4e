//! A configuration that changed while its host runs: what can be taken over at once is, the rest waits for a restart.

use super::serving::{ServeError, job_limits};
use super::worker_processes::STARTABLE;
use super::{App, AppError};
use crate::config::reload::{Difference, difference};
use crate::config::server_types::ServerConfig;
use crate::config::types::Config;
use crate::server::guard::Guard;
use crate::supervisor::error::WorkerError;
use crate::supervisor::worker_spec::WorkerKind;

impl App {
    /// Takes over from `changed` what a running host can take, and answers what differs. Tokens and certificates are read
    /// again, whether or not their files have other names.
    ///
    /// # Errors
    /// [`ServeError::Guard`] and [`ServeError::Unguarded`]; nothing has changed then. [`ServeError::App`] when a worker
    /// cannot be started anew; the configuration is in force all the same.
    pub fn reload(&self, changed: &Config) -> Result<Difference, ServeError> {
        let difference = difference(&self.config(), changed);
        self.relieve_guard(&difference.next.server)?;
        if difference.taken.is_empty() {
            return Ok(difference);
        }
        self.config.set(difference.next.clone());
        if difference.takes("server.jobs.")
            && let Some(serving) = self.serving.get()
        {
            serving.jobs.set_limits(job_limits(&difference.next));
        }
        if difference.takes("database.backup.")
            && let Some(database) = self.database.get()
        {
            database.keep_backups_as(&difference.next);
        }
        for kind in STARTABLE {
            if difference.takes(&format!("workers.{kind}.")) {
                self.stop_worker_if_any(kind)?;
                if self.is_wanted(kind) {
                    self.start_worker(kind)?;
                }
            }
        }
        Ok(difference)
    }

    /// Keeps for those who ask how the server does why a changed configuration is not in force; none when it is.
    pub fn note_configuration_problem(&self, problem: Option<String>) {
        self.config.set_problem(problem);
    }

    fn relieve_guard(&self, config: &ServerConfig) -> Result<(), ServeError> {
        let Some(serving) = self.serving.get() else {
            return Ok(());
        };
        let guard = Guard::of(config)?;
        if serving.is_open && !guard.keeps_strangers_out() {
            return Err(ServeError::Unguarded);
        }
        serving.gate.relieve(guard);
        Ok(())
    }

    fn stop_worker_if_any(&self, kind: WorkerKind) -> Result<(), AppError> {
        match self.workers.stop(kind.as_str()) {
            Ok(()) | Err(WorkerError::Unknown { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
