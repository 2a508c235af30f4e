//! The two ways to a connection: straight through the driver, or through the worker that owns the database.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use driver_api::{Connection, Dialect, Driver, DriverError, ErrorClass, Options, Result};
use serde_json::{Map, Value};

use crate::driver::connector::Connector;
use crate::supervisor::db_worker_manager::{
    DbEndpoint, DbWorkerManager, DbWorkerRequest, owner_file,
};
use crate::supervisor::error::WorkerError;

/// How long a worker is asked for that has ended a moment ago, which its host does not know yet.
const PATIENCE: Duration = Duration::from_secs(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Connects through a driver that is loaded into this process.
pub struct DirectConnector {
    /// The database's driver.
    pub driver: Arc<dyn Driver>,
    /// The options of a connection.
    pub options: Options,
    /// The SQL that the database speaks.
    pub dialect: Dialect,
}

impl Connector for DirectConnector {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn connect(&self) -> Result<Box<dyn Connection>> {
        self.driver.connect(&self.options)
    }
}

/// Connects to the database's worker through the proxy driver, and has the worker started where there
/// is none: so a worker that was killed is back when the next connection is made.
pub struct WorkerConnector {
    /// The proxy driver, loaded into this process.
    pub proxy: Arc<dyn Driver>,
    /// Keeps the worker running.
    pub workers: Arc<DbWorkerManager>,
    /// What the worker is to own.
    pub request: DbWorkerRequest,
    /// The SQL that the database speaks.
    pub dialect: Dialect,
    /// Whether the engine shall refuse writes on every connection.
    pub read_only: bool,
}

impl WorkerConnector {
    /// The running worker.
    ///
    /// # Errors
    /// See [`WorkerError`].
    pub fn ensure_worker(&self) -> std::result::Result<DbEndpoint, WorkerError> {
        self.workers.ensure_worker_running(&self.request)
    }
}

impl Connector for WorkerConnector {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn connect(&self) -> Result<Box<dyn Connection>> {
        let until = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(1);
        loop {
            match self.connect_once() {
                Err(error) if error.is_retryable() && Instant::now() < until => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                other => return other,
            }
        }
    }
}

impl WorkerConnector {
    fn connect_once(&self) -> Result<Box<dyn Connection>> {
        let not_running = |error: WorkerError| {
            DriverError::new(ErrorClass::Unavailable, "the DB worker is not running")
                .with_detail(error.to_string())
        };
        let endpoint = self.ensure_worker().map_err(not_running)?;
        let owner_file = owner_file(&self.request.database).map_err(not_running)?;
        let mut values = Map::new();
        values.insert("socket".into(), endpoint.socket.to_string_lossy().into());
        values.insert("owner_file".into(), owner_file.to_string_lossy().into());
        values.insert("read_only".into(), Value::Bool(self.read_only));
        let schema = self.proxy.descriptor().options;
        let options = Options::check(&schema, &values, Path::new("/")).map_err(|problems| {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            DriverError::new(ErrorClass::Options, lines.join("; "))
        })?;
        self.proxy.connect(&options)
    }
}
