//! A real database in a temporary directory, for unit tests.

use std::ops::{Deref, DerefMut};

use tempfile::TempDir;
use test_calls::Calls;

use crate::connection::SqliteConnection;
use crate::open;
use crate::options::{SqliteOptions, Synchronous};

/// A database file that is removed after the test, with one connection.
pub(crate) struct TestDatabase {
    calls: Calls<SqliteConnection>,
    pub(crate) options: SqliteOptions,
    /// Dropped last, so that the connection still finds its files; a second connection has none.
    _directory: Option<TempDir>,
}

impl TestDatabase {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = options(&directory);
        assert!(open::create(&options).unwrap());
        let connection = SqliteConnection::open(&options).unwrap();
        Self {
            calls: Calls { connection },
            options,
            _directory: Some(directory),
        }
    }

    /// A second connection with changed options.
    pub(crate) fn connect(&self, change: impl FnOnce(&mut SqliteOptions)) -> Self {
        let mut options = self.options.clone();
        change(&mut options);
        let connection = SqliteConnection::open(&options).unwrap();
        Self {
            calls: Calls { connection },
            options,
            _directory: None,
        }
    }
}

/// Default options for a file in this directory, with a short wait for locks.
pub(crate) fn options(directory: &TempDir) -> SqliteOptions {
    SqliteOptions {
        path: directory.path().join("deep/test.db"),
        read_only: false,
        synchronous: Synchronous::Full,
        busy_timeout: std::time::Duration::from_millis(20),
        cache_kib: 1024,
        statement_cache: 16,
    }
}

/// The calls of the connection are those of the database.
impl Deref for TestDatabase {
    type Target = Calls<SqliteConnection>;

    fn deref(&self) -> &Self::Target {
        &self.calls
    }
}

impl DerefMut for TestDatabase {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.calls
    }
}
