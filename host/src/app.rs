//! Builds everything in layer order: configuration, plugins, workers, database, commands.

pub mod agent;
pub mod calling;
pub mod copying;
pub mod driver_files;
pub mod driver_tests;
mod drivers_seen;
pub mod maintaining;
pub mod migrating;
mod plugin_watch;
pub mod reloading;
pub mod serving;
pub mod worker_processes;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use uuid::Uuid;

use self::serving::Serving;
use self::worker_processes::Starts;
use crate::commands::context::Context;
use crate::config::current::CurrentConfig;
use crate::config::types::Config;
use crate::foundation::paths::{PathError, data_dir};
use crate::foundation::plugin_image::PluginImage;
use crate::plugins::discovery::{UnusableDirectories, discover, search_directories};
use crate::plugins::examiner::Examiner;
use crate::plugins::loader::Loader;
use crate::plugins::registry::Registry;
use crate::plugins::resolve::{resolve, shown_options};
use crate::search::searcher::Searcher;
use crate::supervisor::db_worker_manager::{DbWorkerManager, DbWorkerMode};
use crate::supervisor::error::WorkerError;
use crate::supervisor::executable::find_executable;
use crate::supervisor::worker_manager::WorkerManager;
use crate::universal_driver::driver::{Access, UniversalDriver};
use crate::universal_driver::error::UniversalDriverError;

/// Why the host cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The user's directories cannot be found.
    #[error(transparent)]
    Paths(#[from] PathError),
    /// Plugins directories that were named cannot be used.
    #[error(transparent)]
    Plugins(#[from] UnusableDirectories),
    /// The program that workers and probes are started from was not found, or does not start.
    #[error(transparent)]
    Executable(#[from] WorkerError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] UniversalDriverError),
}

/// The parts of a host process. Dropping it stops the workers that it started.
pub struct App {
    /// Exchanged as a whole when the configuration changes while this host runs.
    config: CurrentConfig,
    plugins: Arc<Registry>,
    workers: Arc<WorkerManager>,
    db_workers: Arc<DbWorkerManager>,
    /// Opened when it is first needed: many commands of the CLI need none.
    database: OnceLock<Arc<UniversalDriver>>,
    /// The server's, while this host serves.
    serving: OnceLock<Serving>,
    /// What the workers that this host starts have in common.
    starts: Starts,
}

impl App {
    /// A host that starts workers where they are needed. `plugin_dirs` are the directories that were
    /// named on the command line.
    ///
    /// # Errors
    /// [`AppError::Paths`], [`AppError::Plugins`], [`AppError::Executable`].
    pub fn new(config: Config, plugin_dirs: &[PathBuf]) -> Result<Self, AppError> {
        Self::build(config, plugin_dirs, DbWorkerMode::LaunchOrAdopt)
    }

    /// A process that is itself a worker: it uses the DB worker of its host and starts none.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_worker(config: Config, plugin_dirs: &[PathBuf]) -> Result<Self, AppError> {
        Self::build(config, plugin_dirs, DbWorkerMode::AdoptOnly)
    }

    fn build(
        config: Config,
        plugin_dirs: &[PathBuf],
        mode: DbWorkerMode,
    ) -> Result<Self, AppError> {
        let executable = find_executable(config.database.worker.executable.as_deref())?;
        let data = data_dir()?;
        let directories = search_directories(
            plugin_dirs,
            &config.plugins.directories,
            Some(data.join("plugins")),
            Some(&executable),
        );
        let examiner = Examiner::new(executable, &data, config.plugins.clone());
        let plugins = Arc::new(Registry::discover(directories, examiner)?);
        let workers = Arc::new(WorkerManager::new());
        let db_workers =
            DbWorkerManager::initialize_from_config(&config, Arc::clone(&workers), mode);
        let config = CurrentConfig::new(config);
        let starts = Starts {
            config: config.clone(),
            plugin_dirs: absolute_directories(plugin_dirs),
            host_id: Uuid::new_v4().simple().to_string(),
        };
        let app = Self {
            config,
            plugins,
            workers,
            db_workers: Arc::new(db_workers),
            database: OnceLock::new(),
            serving: OnceLock::new(),
            starts,
        };
        app.offer_workers();
        Ok(app)
    }

    /// The configuration that is in force.
    pub fn config(&self) -> Arc<Config> {
        self.config.get()
    }

    /// The plugins that were found.
    pub fn plugins(&self) -> &Arc<Registry> {
        &self.plugins
    }

    /// What is in force, in the form of a configuration file, the driver's defaults filled in and
    /// secrets replaced by `***`.
    ///
    /// # Errors
    /// [`AppError::Database`] when the `database` section does not fit the driver.
    pub fn effective_config(&self) -> Result<Value, AppError> {
        let config = self.config();
        resolve(&self.plugins, &config.database).map_err(UniversalDriverError::from)?;
        let options =
            shown_options(&self.plugins, &config.database).map_err(UniversalDriverError::from)?;
        let mut shown = config.effective();
        if let Some(Value::Object(database)) = shown.pointer_mut("/code_analysis/database") {
            database.extend(options);
        }
        Ok(shown)
    }

    /// The workers of this process.
    pub fn workers(&self) -> &Arc<WorkerManager> {
        &self.workers
    }

    /// The configured database, made to exist, with its schema.
    ///
    /// # Errors
    /// [`AppError::Database`]. The next call tries again.
    pub fn database(&self) -> Result<Arc<UniversalDriver>, AppError> {
        let database = self.opened_database()?;
        database.make_ready()?;
        Ok(database)
    }

    /// The configured database, opened but perhaps not there, or damaged: for what looks after it.
    ///
    /// # Errors
    /// [`AppError::Database`] when the configuration names no usable driver.
    pub fn opened_database(&self) -> Result<Arc<UniversalDriver>, AppError> {
        if let Some(database) = self.database.get() {
            return Ok(Arc::clone(database));
        }
        let database = self.open_database(Access::ReadWrite)?;
        Ok(Arc::clone(self.database.get_or_init(|| Arc::new(database))))
    }

    /// As [`database`](Self::database), or a damaged one in safe mode.
    ///
    /// # Errors
    /// [`AppError::Database`].
    pub fn usable_database(&self) -> Result<Arc<UniversalDriver>, AppError> {
        let database = self.opened_database()?;
        match (database.make_ready(), database.safe_mode()) {
            (Err(error), None) => Err(error.into()),
            (Err(error), Some(_)) => {
                tracing::warn!(%error, "the database is in safe mode");
                Ok(database)
            }
            (Ok(()), _) => Ok(database),
        }
    }

    /// The configured database for statements that a user typed: the engine refuses writes.
    ///
    /// # Errors
    /// [`AppError::Database`].
    pub fn read_only_database(&self) -> Result<UniversalDriver, AppError> {
        self.database()?;
        self.open_database(Access::ReadOnly)
    }

    /// What commands run with. A damaged database is no error: the commands say so.
    ///
    /// # Errors
    /// As [`usable_database`](Self::usable_database).
    pub fn context(&self) -> Result<Context, AppError> {
        let config = self.config();
        let drivers = drivers_seen::found(&self.plugins, &config.database.kind);
        let searcher = Arc::new(Searcher::new(config.embedding.clone()));
        Ok(Context {
            config: self.config.clone(),
            database: self.usable_database()?,
            workers: Arc::clone(&self.workers),
            indexing_process: self.indexing_process(),
            jobs: None,
            searcher,
            drivers,
            cancellation: None,
        })
    }

    fn open_database(&self, access: Access) -> Result<UniversalDriver, AppError> {
        Ok(UniversalDriver::open(
            &self.config(),
            &self.plugins,
            &self.db_workers,
            access,
        )?)
    }
}

/// Workers are told, and need not run where this process does.
fn absolute_directories(directories: &[PathBuf]) -> Vec<PathBuf> {
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    directories.iter().map(absolute).collect()
}

/// Whether the plugins directories that a user named can be used, for processes that ask a server and
/// load no plugin.
///
/// # Errors
/// [`AppError::Plugins`].
pub fn check_plugins_directories(config: &Config, plugin_dirs: &[PathBuf]) -> Result<(), AppError> {
    let directories = search_directories(plugin_dirs, &config.plugins.directories, None, None);
    discover(&directories)?;
    Ok(())
}

/// The loader with this user's directory of private copies.
///
/// # Errors
/// [`PathError`] when the user has no data directory.
pub fn plugin_loader() -> Result<Loader, PathError> {
    Ok(Loader::new(data_dir()?.join("plugin-copies")))
}

/// The part of a probe's child process: prints what the plugin is.
///
/// # Errors
/// When the verdict cannot be printed.
pub fn probe_plugin(file: PathBuf, hash: String) -> std::io::Result<()> {
    let loader = plugin_loader().map_err(std::io::Error::other)?;
    crate::plugins::probe::run_child(&loader, &PluginImage { file, hash })
}
