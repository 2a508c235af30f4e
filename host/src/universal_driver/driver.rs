//! `UniversalDriver`: the only way in which the rest of the host comes to a database.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use driver_api::{Dialect, ErrorClass, Options};

use super::connectors::{DirectConnector, WorkerConnector};
use super::crash_account::CrashAccount;
use super::error::UniversalDriverError;
use super::identity::identity;
use super::maintenance::backup_file::Reason;
use super::maintenance::backups::Backups;
use crate::code_db::backup::save::Watch;
use crate::code_db::database::CodeDatabase;
use crate::code_db::schema::plan::SchemaPlan;
use crate::config::types::{Config, DatabaseConfig};
use crate::driver::connector::Connector;
use crate::driver::database::Database;
use crate::driver::pool::PoolLimits;
use crate::foundation::progress::{Silent, StepProgress};
use crate::plugins::registry::{LoadedVersion, PROXY, Registry};
use crate::plugins::resolve::{Reach, ResolveError, ResolvedDatabase, resolve};
use crate::supervisor::db_worker_manager::{DbWorkerManager, DbWorkerRequest};

/// How long another host may take to back up the database before its upgrade.
const OTHER_HOST: Duration = Duration::from_secs(60);

/// How often it is looked whether it is done.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A configured database, whatever its type.
///
/// The order of a start is [`open`](Self::open), [`ensure_database_exists`](Self::ensure_database_exists),
/// [`initialize_schema`](Self::initialize_schema), [`database`](Self::database).
pub struct UniversalDriver {
    registry: Arc<Registry>,
    /// What a worker owns.
    file: Option<PathBuf>,
    resolved: ResolvedDatabase,
    way: Way,
    database: Database,
    backups: RwLock<Backups>,
    /// Whether the database exists and has its schema.
    ready: AtomicBool,
}

/// How the database is reached.
enum Way {
    Direct(Arc<DirectConnector>),
    Worker(Arc<WorkerConnector>),
}

/// Whether a database may be changed through this driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads and writes.
    ReadWrite,
    /// The engine refuses writes.
    ReadOnly,
}

impl UniversalDriver {
    /// Finds the driver, checks the options, and decides by the driver's placement whether a DB worker
    /// is needed. Nothing is opened or started yet.
    ///
    /// # Errors
    /// [`UniversalDriverError::Resolve`], [`UniversalDriverError::Proxy`],
    /// [`UniversalDriverError::Directory`], [`UniversalDriverError::NotReadOnly`].
    pub fn open(
        config: &Config,
        registry: &Arc<Registry>,
        workers: &Arc<DbWorkerManager>,
        access: Access,
    ) -> Result<Self, UniversalDriverError> {
        let settings = config;
        let mut config = settings.database.clone();
        let mut resolved = resolve(registry, &config)?;
        if access == Access::ReadOnly && resolved.reach == Reach::Direct {
            config = read_only(registry, &config)?;
            resolved = resolve(registry, &config)?;
        }
        let way = match &resolved.reach {
            Reach::Direct => {
                // What does not load is told at once.
                registry.direct(&resolved.driver)?;
                Way::Direct(Arc::new(DirectConnector {
                    registry: Arc::clone(registry),
                    config,
                    dialect: resolved.dialect,
                }))
            }
            Reach::Worker { image, note_calls } => Way::Worker(Arc::new(WorkerConnector {
                proxy: registry.direct(PROXY)?,
                workers: Arc::clone(workers),
                request: RwLock::new(DbWorkerRequest {
                    driver: resolved.driver.clone(),
                    plugin: image.clone(),
                    note_calls: *note_calls,
                    crashes: Some(CrashAccount::open(registry, image, &resolved.driver)),
                    options: resolved.options.to_json(),
                    database: identity(&resolved)?,
                    is_damaged: false,
                }),
                dialect: resolved.dialect,
                read_only: access == Access::ReadOnly,
            })),
        };
        let connector: Arc<dyn Connector> = match &way {
            Way::Direct(connector) => Arc::clone(connector) as _,
            Way::Worker(connector) => Arc::clone(connector) as _,
        };
        let database = Database::new(connector, pool_limits(&resolved.options));
        let file = match &way {
            Way::Worker(connector) => Some(connector.request().database),
            Way::Direct(_) => None,
        };
        let backups = Backups::of(settings, file.as_deref(), &resolved.driver);
        Ok(Self {
            registry: Arc::clone(registry),
            file,
            resolved,
            way,
            database,
            backups: RwLock::new(backups),
            ready: AtomicBool::new(false),
        })
    }

    /// Creates the database where it is missing and that is possible; answers whether it was created.
    /// A DB worker runs afterwards, where one is needed.
    ///
    /// # Errors
    /// [`UniversalDriverError::Worker`], [`UniversalDriverError::Driver`].
    pub fn ensure_database_exists(&self) -> Result<bool, UniversalDriverError> {
        match &self.way {
            // The worker creates the file: nobody else may open it.
            Way::Worker(connector) => {
                let existed = connector.request().database.exists();
                connector.ensure_worker()?;
                Ok(!existed)
            }
            Way::Direct(connector) => {
                let (driver, options) = connector.driver()?;
                match driver.create_database(&options) {
                    Err(error) if error.class() == ErrorClass::Unsupported => {
                        self.database.read(|session| session.ping())?;
                        Ok(false)
                    }
                    created => Ok(created?),
                }
            }
        }
    }

    /// What has to be done so that the schema is the declared one.
    ///
    /// # Errors
    /// [`UniversalDriverError::Database`].
    pub fn plan_schema(&self) -> Result<SchemaPlan, UniversalDriverError> {
        Ok(self.database().plan_schema()?)
    }

    /// Makes the schema the declared one; every row stays, and a database that holds any is backed up before. A database
    /// of no known dialect takes statements only: the host's tables are kept in the dialects that it knows.
    ///
    /// # Errors
    /// [`UniversalDriverError::Database`], [`UniversalDriverError::Backup`]; nothing is changed then.
    pub fn initialize_schema(&self) -> Result<(), UniversalDriverError> {
        if self.resolved.dialect == Dialect::Generic {
            let driver = &self.resolved.driver;
            tracing::info!(
                driver,
                "no tables for code are made: the driver's dialect is `generic`"
            );
            return Ok(());
        }
        // Looked at first, because applying takes the write lock.
        if !self.plan_schema()?.is_empty() {
            self.apply_schema(&Silent)?;
        }
        Ok(())
    }

    /// As [`initialize_schema`](Self::initialize_schema); `progress` hears of each step, and the answer is what was
    /// done.
    ///
    /// # Errors
    /// As [`initialize_schema`](Self::initialize_schema).
    pub fn apply_schema(
        &self,
        progress: &dyn StepProgress,
    ) -> Result<SchemaPlan, UniversalDriverError> {
        let patience = Instant::now() + OTHER_HOST;
        loop {
            let plan = self.database().settled_plan()?;
            if plan.is_empty() {
                return Ok(plan);
            }
            if plan.is_new {
                break;
            }
            progress.step(0, plan.steps.len(), "make a backup");
            match self.back_up(Reason::BeforeUpgrade, false, &Watch::silent()) {
                Ok(made) => {
                    tracing::info!(backup = %made.path.display(), "the database was backed up before its upgrade");
                    break;
                }
                // Another host does the same: once it is done there may be nothing left to do.
                Err(error) if error.is_of_another_backup() && Instant::now() < patience => {
                    thread::sleep(LOOK_AGAIN);
                }
                Err(error) => return Err(UniversalDriverError::Backup(Box::new(error))),
            }
        }
        let applied = self.database().apply_schema(progress)?;
        tracing::info!(
            steps = applied.steps.len(),
            version = applied.to_version,
            "the schema is up to date"
        );
        Ok(applied)
    }

    /// Makes the database exist, with its schema, once; afterwards nothing is done.
    ///
    /// # Errors
    /// Those of [`ensure_database_exists`](Self::ensure_database_exists) and
    /// [`initialize_schema`](Self::initialize_schema). The next call tries again.
    pub fn make_ready(&self) -> Result<(), UniversalDriverError> {
        if self.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        self.ensure_database_exists()?;
        self.initialize_schema()?;
        self.ready.store(true, Ordering::Release);
        Ok(())
    }

    /// The backups of this database.
    pub fn backups(&self) -> Backups {
        let backups = self.backups.read().unwrap_or_else(PoisonError::into_inner);
        backups.clone()
    }

    /// From now on backups are kept where, and for as long as, this configuration says.
    pub fn keep_backups_as(&self, config: &Config) {
        let backups = Backups::of(config, self.file.as_deref(), &self.resolved.driver);
        *self.backups.write().unwrap_or_else(PoisonError::into_inner) = backups;
    }

    /// The database's file; none for one that is no file.
    pub fn database_file(&self) -> Option<&Path> {
        self.file.as_deref().filter(|file| file.is_absolute())
    }

    /// How the database's worker is reached; none where there is none.
    pub(super) fn worker_connector(&self) -> Option<&WorkerConnector> {
        match &self.way {
            Way::Worker(connector) => Some(connector),
            Way::Direct(_) => None,
        }
    }

    /// The operations on code data.
    pub fn database(&self) -> CodeDatabase {
        CodeDatabase::new(self.database.clone())
    }

    /// The database underneath, for statements that a user typed.
    pub fn raw_database(&self) -> &Database {
        &self.database
    }

    /// The name of the driver, where the config may have given an alias.
    pub fn driver_name(&self) -> &str {
        &self.resolved.driver
    }

    /// Goes over to the version of the driver that is in place now: new connections use it, and a worker of this host that
    /// has loaded another one is replaced. Direct drivers need no call.
    ///
    /// # Errors
    /// [`UniversalDriverError::Resolve`] when there is no such driver any more, [`UniversalDriverError::Worker`].
    pub fn follow_plugins(&self) -> Result<(), UniversalDriverError> {
        let Way::Worker(connector) = &self.way else {
            return Ok(());
        };
        let plugin = self.registry.find(&self.resolved.driver)?.image;
        if connector.request().plugin == plugin {
            return Ok(());
        }
        let account = CrashAccount::open(&self.registry, &plugin, &self.resolved.driver);
        Ok(connector.replace_plugin(plugin, account)?)
    }

    /// The drivers that this process has loaded, also those that newer ones have replaced.
    pub fn loaded_drivers(&self) -> Vec<LoadedVersion> {
        self.registry.loaded()
    }

    /// Closes the connections. The worker goes on until its host ends.
    pub fn close(&self) {
        self.database.close();
    }
}

/// The configuration of a connection on which the engine refuses writes.
fn read_only(
    registry: &Registry,
    config: &DatabaseConfig,
) -> Result<DatabaseConfig, UniversalDriverError> {
    let plugin = registry.find(&config.kind).map_err(ResolveError::from)?;
    let descriptor = plugin.descriptor;
    if !descriptor.capabilities.read_only {
        return Err(UniversalDriverError::NotReadOnly(descriptor.name));
    }
    let mut config = config.clone();
    config.options.insert(READ_ONLY.to_owned(), true.into());
    Ok(config)
}

/// As many connections as the option of that name says, where the driver has it: a server's are counted.
fn pool_limits(options: &Options) -> PoolLimits {
    let size = options
        .integer(POOL_SIZE)
        .and_then(|size| usize::try_from(size).ok());
    let mut limits = PoolLimits::default();
    limits.connections = size.map_or(limits.connections, |size| size.max(1));
    limits
}

/// Options of a driver that mean the same in every driver.
const READ_ONLY: &str = "read_only";
const POOL_SIZE: &str = "pool_size";

#[cfg(test)]
mod tests {
    use driver_api::OptionSpec;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_pool_is_as_large_as_the_option_says() {
        let schema = [OptionSpec::integer(POOL_SIZE, 1, 100, "connections")];
        let limit = |values: serde_json::Value| {
            let values = values.as_object().unwrap();
            pool_limits(&Options::check(&schema, values, Path::new("/")).unwrap()).connections
        };
        assert_eq!(limit(json!({ "pool_size": 3 })), 3);
        assert_eq!(limit(json!({})), PoolLimits::default().connections);
    }
}
