//! The whole chain inside the test's own process: library, proxy driver, DB worker, SQLite.

use std::path::PathBuf;
use std::sync::Arc;

use code_analysis_host::app::App;
use code_analysis_host::code_db::database::CodeDatabase;
use code_analysis_host::config::types::Config;
use code_analysis_host::universal_driver::driver::UniversalDriver;
use serde_json::json;
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
    pub fn with_worker_options(options: &serde_json::Value) -> Self {
        let directory = tempfile::Builder::new().prefix("cah").tempdir().unwrap();
        let mut database = json!({
            "path": "code.db",
            "worker": { "executable": executable(), "log_path": "database.log" },
        });
        let more = options.as_object().unwrap().clone();
        database["worker"].as_object_mut().unwrap().extend(more);
        let config = json!({ "code_analysis": {
            "database": database,
            "plugins": { "directories": [plugins_dir()] },
        }});
        let config = Config::from_value(config, directory.path()).unwrap();
        let app = App::new(config, &[]).unwrap();
        let driver = app.database().unwrap();
        Self {
            driver,
            app,
            directory,
        }
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
}
