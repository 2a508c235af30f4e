//! The whole chain inside the test's own process: library, proxy driver, DB worker, SQLite.

use std::path::PathBuf;
use std::sync::Arc;

use code_analysis_host::app::{App, AppError};
use code_analysis_host::code_db::database::CodeDatabase;
use code_analysis_host::config::types::Config;
use code_analysis_host::universal_driver::driver::UniversalDriver;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::sandbox::{executable, plugins_dir};

/// A database of its own, reached as another program that embeds the host would reach it.
pub struct Chain {
    // Dropped first: the connections go before the worker.
    driver: Arc<UniversalDriver>,
    pub app: App,
    directory: TempDir,
}

impl Chain {
    pub fn new() -> Self {
        Self::with_worker_options(&json!({}))
    }

    /// With these further keys in the section `database.worker`.
    pub fn with_worker_options(options: &Value) -> Self {
        Self::open(&json!({}), options).unwrap()
    }

    /// With these further keys in the section `database`, or why that does not open.
    pub fn with_database_options(options: &Value) -> Result<Self, AppError> {
        Self::open(options, &json!({}))
    }

    fn open(database_options: &Value, worker_options: &Value) -> Result<Self, AppError> {
        let directory = tempfile::Builder::new().prefix("cah").tempdir().unwrap();
        Self::open_in(directory, database_options, worker_options)
    }

    /// On the database `code.db` of this directory, which may have a worker of another host.
    pub fn in_directory(directory: TempDir, options: &Value) -> Self {
        Self::open_in(directory, &json!({}), options).unwrap()
    }

    fn open_in(
        directory: TempDir,
        database_options: &Value,
        worker_options: &Value,
    ) -> Result<Self, AppError> {
        let mut database = json!({
            "path": "code.db",
            "worker": { "executable": executable(), "log_path": "database.log" },
        });
        extend(&mut database, database_options);
        extend(&mut database["worker"], worker_options);
        let config = json!({ "code_analysis": {
            "database": database,
            "plugins": { "directories": [plugins_dir()] },
        }});
        let config = Config::from_value(config, directory.path()).unwrap();
        let app = App::new(config, &[]).unwrap();
        let driver = app.database()?;
        Ok(Self {
            driver,
            app,
            directory,
        })
    }

    pub fn database(&self) -> CodeDatabase {
        self.driver.database()
    }

    pub fn driver(&self) -> &UniversalDriver {
        &self.driver
    }

    /// The directory of the database, free for the test's own trees.
    pub fn path(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    /// Where the DB worker listens.
    pub fn socket(&self) -> PathBuf {
        let owner = std::fs::read(self.path().join("code.db.worker")).unwrap();
        let owner: Value = serde_json::from_slice(&owner).unwrap();
        owner["socket"].as_str().unwrap().into()
    }
}

fn extend(section: &mut Value, more: &Value) {
    let more = more.as_object().unwrap().clone();
    section.as_object_mut().unwrap().extend(more);
}
