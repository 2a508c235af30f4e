//! Where the database of the cases is: as the options say, else in a temporary directory of their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use driver_api::{OptionKind, Placement};
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::error::ConformanceError;
use super::target::Target;
use crate::config::types::Config;
use crate::foundation::owner_lock::OwnerLock;
use crate::plugins::registry::{PROXY, Registry};
use crate::supervisor::db_worker_manager::names::owner_file;
use crate::supervisor::db_worker_manager::{DbWorkerManager, DbWorkerMode, DbWorkerRequest};
use crate::supervisor::worker_manager::WorkerManager;

/// The option of a driver with a database file.
const PATH: &str = "path";

/// The option of the proxy driver.
const SOCKET: &str = "socket";

/// The driver that the worker behind the proxy loads.
const BEHIND_PROXY: &str = "sqlite";

/// Time for the worker behind the proxy to end.
const STOP_TIME: Duration = Duration::from_secs(10);

/// Where the cases find their database.
pub struct Place {
    options: Map<String, Value>,
    kind: Kind,
}

enum Kind {
    /// Where the options say.
    Given,
    /// In a file of its own for each case, so that each file has one owner.
    FreshFiles(TempDir),
    /// In one file that a user named; the lock says that this process owns it, with one case at a time.
    OwnedFile(#[allow(dead_code, reason = "held for as long as the place")] OwnerLock),
    /// Behind a DB worker.
    Worker {
        workers: Arc<WorkerManager>,
        /// Goes after the worker.
        _directory: TempDir,
    },
}

impl Place {
    /// The place for a driver with these options.
    ///
    /// # Errors
    /// [`ConformanceError::Owned`], [`ConformanceError::Place`], [`ConformanceError::Worker`].
    pub fn prepare(
        target: &Target,
        options: Map<String, Value>,
        registry: &Registry,
        config: &Config,
    ) -> Result<Self, ConformanceError> {
        let descriptor = &target.descriptor;
        if descriptor.name == PROXY && !options.contains_key(SOCKET) {
            return Self::behind_worker(options, registry, config);
        }
        let has_path = descriptor
            .options
            .iter()
            .any(|spec| spec.key == PATH && spec.kind == OptionKind::Path);
        let kind = match (descriptor.placement, options.get(PATH)) {
            (Placement::Worker, None) if has_path => Kind::FreshFiles(directory()?),
            (Placement::Worker, Some(Value::String(path))) => {
                let lock = owner_file(&PathBuf::from(path))?;
                let taken = OwnerLock::take(&lock)?;
                Kind::OwnedFile(taken.ok_or_else(|| ConformanceError::Owned(path.into()))?)
            }
            _ => Kind::Given,
        };
        Ok(Self { options, kind })
    }

    /// A worker with a file of its own, as a host would start it.
    fn behind_worker(
        mut options: Map<String, Value>,
        registry: &Registry,
        config: &Config,
    ) -> Result<Self, ConformanceError> {
        let directory = directory()?;
        // The worker is known by the canonical path of its file.
        let root = directory.path().canonicalize()?;
        let plugin = registry.find(BEHIND_PROXY)?;
        let database = root.join("conformance.db");
        let mut config = config.clone();
        config.database.worker.log_path = Some(root.join("worker.log"));
        let workers = Arc::new(WorkerManager::new());
        let manager = DbWorkerManager::initialize_from_config(
            &config,
            Arc::clone(&workers),
            DbWorkerMode::LaunchOrAdopt,
        );
        let mut values = Map::new();
        values.insert(PATH.into(), database.to_string_lossy().into());
        let endpoint = manager.ensure_worker_running(&DbWorkerRequest {
            driver: plugin.descriptor.name,
            plugin: plugin.image,
            note_calls: false,
            crashes: None,
            options: values,
            database,
            is_damaged: false,
        })?;
        let socket = endpoint.socket.to_string_lossy();
        options.insert(SOCKET.into(), socket.into());
        Ok(Self {
            options,
            kind: Kind::Worker {
                workers,
                _directory: directory,
            },
        })
    }

    /// The options for one case.
    pub fn options_for(&self, case: &str) -> Map<String, Value> {
        let mut options = self.options.clone();
        if let Kind::FreshFiles(directory) = &self.kind {
            let file = directory.path().join(format!("{case}.db"));
            options.insert(PATH.into(), file.to_string_lossy().into());
        }
        options
    }

    /// How many cases may run at the same time.
    pub fn most_at_once(&self) -> usize {
        match self.kind {
            Kind::OwnedFile(_) => 1,
            _ => usize::MAX,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Kind::Worker { workers, .. } = &self.kind {
            workers.stop_all(STOP_TIME);
        }
    }
}

fn directory() -> std::io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("cah-conformance-")
        .tempdir()
}
