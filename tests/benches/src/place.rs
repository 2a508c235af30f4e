//! A database of the host and a plain SQLite file beside it, both with the same settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use code_analysis_host::app::App;
use code_analysis_host::config::types::Config;
use code_analysis_host::driver::database::Database;
use code_analysis_host::universal_driver::driver::UniversalDriver;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tempfile::TempDir;

use crate::{PREPARED, Result};

/// How long a process that opened the file itself waits for others: a user would not set less, because the wait is an
/// error when it ends.
const BUSY: Duration = Duration::from_secs(60);

/// What the driver sets, so that the peer does the same work.
const SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;";

/// A directory for one benchmark.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Result<Self> {
        let parent = std::env::var_os(PREPARED).ok_or("no place was prepared")?;
        let directory = tempfile::Builder::new().prefix("b").tempdir_in(parent)?;
        let place = Self { directory };
        let config = json!({ "code_analysis": {
            "database": {
                "path": place.path().join("ours.db"),
                "worker": { "executable": host_program()?, "log_path": place.path().join("database.log") },
            },
            "workers": { "file_watcher": { "enabled": false } },
        }});
        fs::write(place.config(), config.to_string())?;
        Ok(place)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration of the host.
    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("config.json")
    }

    /// The file that peers open themselves.
    pub(crate) fn peers_file(&self) -> PathBuf {
        self.path().join("peer.db")
    }

    /// The host library with its worker, as an embedding program has it.
    pub(crate) fn host(&self) -> Result<Host> {
        Host::open(App::new(Config::load(Some(&self.config()))?, &[])?)
    }
}

/// The host library in this process.
pub(crate) struct Host {
    // Dropped first: the connections go before the worker.
    driver: Arc<UniversalDriver>,
    app: App,
}

impl Host {
    pub(crate) fn open(app: App) -> Result<Self> {
        let driver = app.database()?;
        Ok(Self { driver, app })
    }

    pub(crate) fn database(&self) -> &Database {
        self.driver.raw_database()
    }

    /// The DB worker's process.
    pub(crate) fn worker(&self) -> Result<u32> {
        let status = self.app.workers().status();
        let pid = status.iter().find_map(|worker| worker.pid);
        pid.ok_or_else(|| "there is no DB worker".into())
    }

    /// Runs statements that make tables.
    pub(crate) fn make(&self, statements: &[&str]) -> Result<()> {
        for statement in statements {
            self.database()
                .once(|session| session.execute(statement, &[]))?;
        }
        Ok(())
    }
}

/// The host's program, beside this one.
pub(crate) fn host_program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("code-analysis-host");
    match program.is_file() {
        true => Ok(program),
        false => Err(format!(
            "{} is missing; run: cargo build --release",
            program.display()
        )
        .into()),
    }
}

/// A connection of one's own to a file.
pub(crate) fn raw(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

/// Memory of a process in KiB, by the name in its status: `VmRSS` now, `VmHWM` at its peak.
pub(crate) fn memory_kib(pid: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    Ok(number.ok_or("the status has no such line")?.parse()?)
}
