//! A configuration that changed while its host runs: what can be taken over at once is, the rest waits for a restart.

use std::sync::{Arc, PoisonError};

use super::worker_processes::STARTABLE;
use super::{App, AppError};
use crate::config::reload::{Difference, difference};
use crate::config::types::Config;
use crate::supervisor::error::WorkerError;
use crate::supervisor::worker_spec::WorkerKind;

impl App {
    /// Takes over from `changed` what a running host can take, and answers what differs.
    ///
    /// # Errors
    /// [`AppError::Executable`] and [`AppError::Database`] when a worker cannot be started anew; the configuration
    /// is in force all the same.
    pub fn reload(&self, changed: &Config) -> Result<Difference, AppError> {
        let difference = difference(&self.config(), changed);
        if difference.taken.is_empty() {
            return Ok(difference);
        }
        let next = Arc::new(difference.next.clone());
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = next;
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

    fn stop_worker_if_any(&self, kind: WorkerKind) -> Result<(), AppError> {
        match self.workers.stop(kind.as_str()) {
            Ok(()) | Err(WorkerError::Unknown { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
