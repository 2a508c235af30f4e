//! Opens or creates the database file, and sets a connection up.
//!
//! The file is opened by nothing but SQLite, and by the DB worker before it, for good: closing any
//! descriptor of it would drop the locks that SQLite holds in this process.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use driver_api::{DriverError, ErrorClass, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::IntoDriverResult;
use crate::options::SqliteOptions;
use crate::statement::run;
use crate::transaction::READ_SOMETHING;

/// After a checkpoint the write-ahead log is cut back to this size, which one large transaction
/// would otherwise leave on the disk for ever.
const LOG_BYTES_KEPT: u64 = 64 << 20;

/// Opens the file that `options` name, which must exist.
pub(crate) fn open(options: &SqliteOptions) -> Result<Connection> {
    let path = &options.path;
    if !exists(path)? {
        let message = format!("the database file {} does not exist", path.display());
        return Err(DriverError::new(ErrorClass::NotFound, message).with_sqlstate("3D000"));
    }
    let access = match options.read_only {
        true => OpenFlags::SQLITE_OPEN_READ_ONLY,
        false => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let database = open_file(path, access)?;
    set_up(&database, options).map_err(|error| name_file(error, path))?;
    Ok(database)
}

/// Creates the file that `options` name, and its directory; returns whether it was created.
pub(crate) fn create(options: &SqliteOptions) -> Result<bool> {
    let path = &options.path;
    if exists(path)? {
        return Ok(false);
    }
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|error| file_error(directory, &error))?;
    }
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let database = open_file(path, access)?;
    // The index holds the text of its user's files. The log takes over the permissions of the file.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(|error| file_error(path, &error))?;
    database
        .busy_timeout(options.busy_timeout)
        .driver_result()?;
    use_log(&database).map_err(|error| name_file(error, path))?;
    Ok(true)
}

fn exists(path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(DriverError::new(
            ErrorClass::Options,
            format!("{} is a directory, not a database file", path.display()),
        )),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(file_error(path, &error)),
    }
}

pub(crate) fn file_error(path: &Path, error: &io::Error) -> DriverError {
    let class = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorClass::Access,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorClass::DiskFull,
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => ErrorClass::Options,
        _ => ErrorClass::Io,
    };
    let error = DriverError::new(class, format!("{} cannot be used", path.display()))
        .with_detail(error.to_string());
    match class {
        ErrorClass::Access => error.with_sqlstate("42501"),
        _ => error,
    }
}

fn open_file(path: &Path, access: OpenFlags) -> Result<Connection> {
    // One thread at a time uses a connection, so that the engine's own mutexes are of no use.
    Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .driver_result()
        .map_err(|error| name_file(error, path))
}

/// Says which file an error is about. The file is there, so that what cannot be opened is refused.
fn name_file(error: DriverError, path: &Path) -> DriverError {
    if error.class() != ErrorClass::Unavailable {
        return error.with_detail(path.display().to_string());
    }
    let message = format!("the database file {} cannot be opened", path.display());
    let refused = DriverError::new(ErrorClass::Access, message)
        .with_detail("check the permissions of the file and of its directory")
        .with_sqlstate("42501");
    match error.vendor_code() {
        Some(code) => refused.with_vendor_code(code),
        None => refused,
    }
}

fn set_up(database: &Connection, options: &SqliteOptions) -> Result<()> {
    database
        .busy_timeout(options.busy_timeout)
        .driver_result()?;
    database.set_prepared_statement_cache_capacity(options.statement_cache);
    // Refuses SQL that would damage the file: writes to the schema's and the search's own tables.
    database
        .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)
        .driver_result()?;
    // A plan that may depend on values is made anew whenever one changes: each page of a list would compile its
    // statement, for its `LIMIT ?`.
    database
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .driver_result()?;
    database.execute_batch(&settings(options)).driver_result()?;
    if options.read_only {
        // The open flag lets temporary tables be written; the pragma does not.
        run(database, "PRAGMA query_only = ON")?;
        return run(database, READ_SOMETHING);
    }
    refuse_protected(database)?;
    use_log(database)
}

fn settings(options: &SqliteOptions) -> String {
    format!(
        "PRAGMA synchronous = {}; PRAGMA cache_size = -{}; PRAGMA journal_size_limit = {}; \
         PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;",
        options.synchronous.as_sql(),
        options.cache_kib,
        LOG_BYTES_KEPT,
    )
}

/// SQLite opens a write-protected file for reading without a word.
fn refuse_protected(database: &Connection) -> Result<()> {
    if database.is_readonly("main").driver_result()? {
        return Err(DriverError::new(
            ErrorClass::Access,
            "the database file is write-protected; set `read_only` to read it",
        )
        .with_sqlstate("42501"));
    }
    Ok(())
}

/// Readers and the writer work side by side only with a write-ahead log.
fn use_log(database: &Connection) -> Result<()> {
    let mode: String = database
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .driver_result()?;
    if mode == "wal" {
        return Ok(());
    }
    Err(DriverError::new(
        ErrorClass::Unsupported,
        format!("the database stays in journal mode `{mode}`: its file system allows no `wal`"),
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use driver_api::{Connection as _, Value};
    use rusqlite::StatementStatus;

    use super::*;
    use crate::connection::SqliteConnection;
    use crate::options::Synchronous;
    use crate::testing::{TestDatabase, options};

    fn connect_error(options: &SqliteOptions) -> DriverError {
        SqliteConnection::open(options).err().unwrap()
    }

    #[test]
    fn creating_says_whether_it_created_and_keeps_what_is_there() {
        let mut database = TestDatabase::new();
        database.execute("CREATE TABLE t(a)", []).unwrap();
        assert_eq!(create(&database.options), Ok(false));
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
        let mode = fs::metadata(&database.options.path)
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_connection_is_set_up_as_its_options_say() {
        let mut database = TestDatabase::new();
        let settings = |database: &mut TestDatabase| {
            ["synchronous", "foreign_keys", "cache_size", "query_only"]
                .map(|name| database.value(&format!("PRAGMA {name}"), []))
        };
        assert_eq!(database.value("PRAGMA journal_mode", []), "wal".into());
        let expected = [2, 1, -1024, 0].map(Value::from);
        assert_eq!(settings(&mut database), expected);
        let mut other = database.connect(|options| {
            options.synchronous = Synchronous::Normal;
            options.cache_kib = 64;
            options.read_only = true;
        });
        let expected = [1, 1, -64, 1].map(Value::from);
        assert_eq!(settings(&mut other), expected);
    }

    #[test]
    fn a_read_only_connection_reads_and_the_engine_refuses_writes() {
        let mut database = TestDatabase::new();
        database.execute("CREATE TABLE t(a)", []).unwrap();
        database.execute("INSERT INTO t VALUES (1)", []).unwrap();
        let mut reader = database.connect(|options| options.read_only = true);
        assert_eq!(open(&reader.options).unwrap().is_readonly("main"), Ok(true));
        assert_eq!(reader.value("SELECT a FROM t", []), Value::I64(1));
        for sql in [
            "INSERT INTO t VALUES (2)",
            "DROP TABLE t",
            "CREATE TABLE u(a)",
            "VACUUM",
        ] {
            let error = reader.execute(sql, []).unwrap_err();
            let found = (error.class(), error.sqlstate(), error.vendor_code());
            assert_eq!(
                found,
                (ErrorClass::ReadOnly, Some("25006"), Some(8)),
                "{sql}"
            );
        }
        let error = reader
            .execute_many("INSERT INTO t VALUES (?)", &[vec![2.into()]])
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::ReadOnly);
        let begin = reader
            .connection
            .begin(driver_api::TransactionMode::ReadWrite);
        assert_eq!(begin.unwrap_err().class(), ErrorClass::ReadOnly);
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(1));
    }

    #[test]
    fn connecting_does_not_create() {
        let directory = tempfile::tempdir().unwrap();
        let options = options(&directory);
        let error = connect_error(&options);
        assert_eq!(
            (error.class(), error.sqlstate()),
            (ErrorClass::NotFound, Some("3D000"))
        );
        assert!(
            error.message().contains("deep/test.db does not exist"),
            "{error}"
        );
        assert!(!options.path.exists());
    }

    #[test]
    fn a_file_that_is_no_database_is_corrupt_and_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let mut options = options(&directory);
        options.path = directory.path().join("notes.txt");
        let text = "these are notes ".repeat(1000);
        fs::write(&options.path, &text).unwrap();
        for read_only in [false, true] {
            options.read_only = read_only;
            let error = connect_error(&options);
            assert_eq!(
                (error.class(), error.sqlstate()),
                (ErrorClass::Corrupt, Some("XX001"))
            );
            assert!(error.detail().unwrap().ends_with("notes.txt"), "{error}");
        }
        assert_eq!(create(&options), Ok(false));
        assert_eq!(fs::read_to_string(&options.path).unwrap(), text);
    }

    #[test]
    fn a_directory_is_named_as_such() {
        let directory = tempfile::tempdir().unwrap();
        let mut options = options(&directory);
        options.path = directory.path().to_owned();
        for error in [connect_error(&options), create(&options).unwrap_err()] {
            assert_eq!(error.class(), ErrorClass::Options);
            assert!(error.message().contains("is a directory"), "{error}");
        }
        options.path = directory.path().join("file/test.db");
        fs::write(directory.path().join("file"), "x").unwrap();
        assert_eq!(create(&options).unwrap_err().class(), ErrorClass::Options);
    }

    #[test]
    fn a_refused_file_is_an_access_error_that_names_it() {
        let unopened = DriverError::new(ErrorClass::Unavailable, "unable to open database file")
            .with_vendor_code(14);
        let error = name_file(unopened, Path::new("/data/x.db"));
        assert_eq!(
            (error.class(), error.vendor_code()),
            (ErrorClass::Access, Some(14))
        );
        assert_eq!(
            error.message(),
            "the database file /data/x.db cannot be opened"
        );
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = file_error(Path::new("/data/x.db"), &denied);
        assert_eq!(
            (error.class(), error.sqlstate()),
            (ErrorClass::Access, Some("42501"))
        );
    }

    #[test]
    fn the_wait_for_a_lock_has_the_configured_limit() {
        let mut database = TestDatabase::new();
        let mut other =
            database.connect(|options| options.busy_timeout = Duration::from_millis(150));
        database
            .connection
            .begin(driver_api::TransactionMode::ReadWrite)
            .unwrap();
        let started = std::time::Instant::now();
        let error = other.execute("CREATE TABLE t(a)", []).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Busy);
        assert!(
            started.elapsed() >= Duration::from_millis(100),
            "{:?}",
            started.elapsed()
        );
    }

    #[test]
    fn other_values_do_not_have_a_statement_compiled_again() {
        let directory = tempfile::tempdir().unwrap();
        let options = options(&directory);
        assert!(create(&options).unwrap());
        let database = open(&options).unwrap();
        let sql = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX i ON t(b); \
                   INSERT INTO t(b) VALUES ('x'), ('y'), ('y'); ANALYZE";
        database.execute_batch(sql).unwrap();
        let mut statement = database
            .prepare("SELECT a FROM t WHERE b = ? ORDER BY a LIMIT ? OFFSET ?")
            .unwrap();
        for (b, limit, rows) in [("x", 10, 1), ("y", 1, 1), ("y", 10, 2), ("z", 2, 0)] {
            let found = statement.query_map((b, limit, 0), |row| row.get::<_, i64>(0));
            assert_eq!(found.unwrap().count(), rows);
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
