//! The driver: its descriptor, and the refusal to open files anywhere but in a DB worker.

use std::ffi::OsStr;

use driver_api::{
    Capabilities, Connection, Dialect, Driver, DriverDescriptor, DriverError, ErrorClass, Options,
    Placement, Result,
};

use crate::connection::SqliteConnection;
use crate::open;
use crate::options::{self, SqliteOptions};

/// What the host sets in the environment of a DB worker, to `1`.
const WORKER_VARIABLE: &str = "CODE_ANALYSIS_DB_WORKER";

/// The first version without the bug that a WAL reset could damage the database.
const OLDEST_SQLITE: i32 = 3_051_003;

/// The SQLite driver.
#[derive(Debug, Default)]
pub struct SqliteDriver;

impl Driver for SqliteDriver {
    fn descriptor(&self) -> DriverDescriptor {
        let descriptor = DriverDescriptor::new(
            "sqlite",
            env!("CARGO_PKG_VERSION"),
            Placement::Worker,
            Dialect::Sqlite,
        )
        .alias("sqlite3")
        .summary(format!(
            "SQLite {}, one file with one owner",
            rusqlite::version()
        ))
        .capabilities(capabilities());
        options::schema()
            .into_iter()
            .fold(descriptor, DriverDescriptor::option)
    }

    fn connect(&self, options: &Options) -> Result<Box<dyn Connection>> {
        check_process()?;
        let connection = SqliteConnection::open(&SqliteOptions::read(options)?)?;
        Ok(Box::new(connection))
    }

    fn create_database(&self, options: &Options) -> Result<bool> {
        check_process()?;
        open::create(&SqliteOptions::read(options)?)
    }
}

fn capabilities() -> Capabilities {
    let mut capabilities = Capabilities::none();
    capabilities.transactions = true;
    capabilities.savepoints = true;
    capabilities.streaming = true;
    capabilities.cancel = true;
    capabilities.describe = true;
    capabilities.catalog = true;
    capabilities.create_database = true;
    capabilities.read_only = true;
    capabilities.ddl = true;
    capabilities.expressions = true;
    capabilities.quoted_identifiers = true;
    capabilities.shared_data = true;
    capabilities.constraints = true;
    capabilities.foreign_keys = true;
    capabilities.generated_keys = true;
    capabilities.backup = true;
    capabilities
}

fn check_process() -> Result<()> {
    check_placement(std::env::var_os(WORKER_VARIABLE).as_deref())?;
    check_version(rusqlite::version_number())
}

/// Several processes on one file wait for each other's locks for seconds: hence one owner.
fn check_placement(worker: Option<&OsStr>) -> Result<()> {
    if worker == Some(OsStr::new("1")) {
        return Ok(());
    }
    Err(DriverError::new(
        ErrorClass::Placement,
        "the sqlite driver opens files only inside a DB worker process",
    )
    .with_detail(
        "set `database.type` to `sqlite` and open the database through the host, which starts a \
         DB worker for the file",
    ))
}

fn check_version(version: i32) -> Result<()> {
    if version >= OLDEST_SQLITE {
        return Ok(());
    }
    Err(DriverError::new(
        ErrorClass::Unsupported,
        format!("SQLite {} can damage its write-ahead log", dotted(version)),
    )
    .with_detail(format!(
        "build the driver with SQLite {} or newer",
        dotted(OLDEST_SQLITE)
    )))
}

fn dotted(version: i32) -> String {
    format!(
        "{}.{}.{}",
        version / 1_000_000,
        version / 1_000 % 1_000,
        version % 1_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_db_worker_may_open_files() {
        assert_eq!(check_placement(Some(OsStr::new("1"))), Ok(()));
        for value in [None, Some(OsStr::new("")), Some(OsStr::new("0"))] {
            let error = check_placement(value).unwrap_err();
            assert_eq!(error.class(), ErrorClass::Placement);
            assert!(
                error.to_string().contains("`database.type` to `sqlite`"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_version_that_damages_files_is_refused() {
        assert_eq!(check_version(3_051_003), Ok(()));
        assert_eq!(check_version(rusqlite::version_number()), Ok(()));
        let error = check_version(3_051_002).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unsupported);
        assert_eq!(
            error.to_string(),
            "SQLite 3.51.2 can damage its write-ahead log: \
             build the driver with SQLite 3.51.3 or newer"
        );
    }

    #[test]
    fn the_descriptor_names_placement_and_options() {
        let descriptor = SqliteDriver.descriptor();
        assert_eq!(
            (descriptor.name.as_str(), descriptor.placement),
            ("sqlite", Placement::Worker)
        );
        assert_eq!(descriptor.aliases, ["sqlite3"]);
        assert_eq!(descriptor.dialect, Dialect::Sqlite);
        let keys: Vec<_> = descriptor
            .options
            .iter()
            .map(|spec| spec.key.as_str())
            .collect();
        assert_eq!(
            keys,
            [
                "path",
                "read_only",
                "synchronous",
                "busy_timeout_ms",
                "cache_kib",
                "statement_cache"
            ]
        );
    }
}
