//! The two ways to a connection: straight through the driver, or through the worker that owns the database.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use driver_api::{Connection, Dialect, Driver, DriverError, ErrorClass, Options, Result};
use serde_json::{Map, Value};

use crate::config::types::DatabaseConfig;
use crate::driver::connector::Connector;
use crate::foundation::plugin_image::PluginImage;
use crate::plugins::registry::Registry;
use crate::plugins::resolve::resolve;
use crate::supervisor::db_worker_manager::names::owner_file;
use crate::supervisor::db_worker_manager::{
    DbEndpoint, DbWorkerManager, DbWorkerRequest, DriverCrashes,
};
use crate::supervisor::error::WorkerError;

/// How long a worker is asked for that has ended a moment ago, which its host does not know yet.
const PATIENCE: Duration = Duration::from_secs(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Workers that one call may end, where the driver is not one of the release.
const MOST_ENDS: i64 = 2;

/// Connects through a driver that is loaded into this process, in the version that is in place when a connection is made.
pub struct DirectConnector {
    /// Knows the driver's versions.
    pub registry: Arc<Registry>,
    /// What is configured.
    pub config: DatabaseConfig,
    /// The SQL that the database speaks.
    pub dialect: Dialect,
}

impl DirectConnector {
    /// The driver as it is now, and the options of a connection.
    ///
    /// # Errors
    /// [`ErrorClass::Unavailable`] when it was taken away, or its new version does not fit the configuration.
    pub fn driver(&self) -> Result<(Arc<dyn Driver>, Options)> {
        let unavailable = |detail: String| {
            let message = "the database's driver is not available any more";
            DriverError::new(ErrorClass::Unavailable, message).with_detail(detail)
        };
        let resolved = resolve(&self.registry, &self.config)
            .map_err(|error| unavailable(error.to_string()))?;
        if resolved.dialect != self.dialect {
            return Err(unavailable(
                "its new version speaks another dialect; restart the host".into(),
            ));
        }
        let driver = self.registry.direct(&resolved.driver);
        let driver = driver.map_err(|error| unavailable(error.to_string()))?;
        Ok((driver, resolved.options))
    }
}

impl Connector for DirectConnector {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn version(&self) -> u64 {
        let plugin = self.registry.find(&self.config.kind).ok();
        plugin.map_or(0, |plugin| number(&plugin.image.hash))
    }

    fn connect(&self) -> Result<Box<dyn Connection>> {
        let (driver, options) = self.driver()?;
        driver.connect(&options)
    }
}

/// The first digits of a hash.
fn number(hash: &str) -> u64 {
    let digits = hash.get(..16).unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

/// Connects to the database's worker through the proxy driver, and has the worker started where there
/// is none: so a worker that was killed is back when the next connection is made.
pub struct WorkerConnector {
    /// The proxy driver, loaded into this process.
    pub proxy: Arc<dyn Driver>,
    /// Keeps the worker running.
    pub workers: Arc<DbWorkerManager>,
    /// What the worker is to own, and by which plugin.
    pub request: RwLock<DbWorkerRequest>,
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
        self.workers.ensure_worker_running(&self.request())
    }

    /// What is asked for now.
    pub fn request(&self) -> DbWorkerRequest {
        let request = self.request.read().unwrap_or_else(PoisonError::into_inner);
        request.clone()
    }

    /// Has the worker replaced by one with this plugin. Clients of the old one wait for the new one and ask it again.
    ///
    /// # Errors
    /// See [`WorkerError`].
    pub fn replace_plugin(
        &self,
        plugin: PluginImage,
        crashes: Arc<dyn DriverCrashes>,
    ) -> std::result::Result<(), WorkerError> {
        let request = {
            let mut request = self.request.write().unwrap_or_else(PoisonError::into_inner);
            request.plugin = plugin;
            request.crashes = Some(crashes);
            request.clone()
        };
        self.workers.replace_worker(&request)
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
        let request = self.request();
        let owner_file = owner_file(&request.database).map_err(not_running)?;
        let mut values = Map::new();
        values.insert("socket".into(), endpoint.socket.to_string_lossy().into());
        values.insert("owner_file".into(), owner_file.to_string_lossy().into());
        values.insert("read_only".into(), Value::Bool(self.read_only));
        if request.note_calls {
            // A call that ends every worker is not to end one after the other.
            values.insert("most_ends".into(), MOST_ENDS.into());
        }
        let schema = self.proxy.descriptor().options;
        let options = Options::check(&schema, &values, Path::new("/")).map_err(|problems| {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            DriverError::new(ErrorClass::Options, lines.join("; "))
        })?;
        self.proxy.connect(&options)
    }
}
