//! Stops the running call of a connection from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use driver_api::{CancelHandle, DriverError, ErrorClass, Result};
use rusqlite::InterruptHandle;

use crate::error::from_sqlite;

/// Virtual-machine steps between two looks at the request: some ten microseconds of work, and more
/// than a `ROLLBACK` takes, which must not be stopped.
const STEPS_BETWEEN_CHECKS: i32 = 1000;

/// The request to stop one connection's running call.
///
/// The engine forgets an interrupt that comes just before the first step of a statement. So the
/// request is also kept here, where the progress handler sees it.
pub(crate) struct Cancel {
    /// Shared with the progress handler, which lives in the engine.
    requested: Arc<AtomicBool>,
    /// Reaches what the progress handler does not: sorting, full-text search, parsing.
    interrupt: InterruptHandle,
}

impl Cancel {
    /// Makes a connection cancellable.
    pub(crate) fn install(database: &mut rusqlite::Connection) -> Result<Arc<Self>> {
        let requested = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&requested);
        let handler = move || seen.load(Ordering::Relaxed);
        database
            .progress_handler(STEPS_BETWEEN_CHECKS, Some(handler))
            .map_err(from_sqlite)?;
        let interrupt = database.get_interrupt_handle();
        Ok(Arc::new(Self {
            requested,
            interrupt,
        }))
    }

    /// A call starts: what was requested before it does not concern it.
    pub(crate) fn start_call(&self) {
        self.requested.store(false, Ordering::Relaxed);
    }

    /// Fails once the running call is to stop: for calls of many statements.
    pub(crate) fn check(&self) -> Result<()> {
        if self.requested.load(Ordering::Relaxed) {
            return Err(
                DriverError::new(ErrorClass::Cancelled, "the call was cancelled")
                    .with_sqlstate("57014"),
            );
        }
        Ok(())
    }
}

impl CancelHandle for Cancel {
    fn cancel(&self) -> Result<()> {
        self.requested.store(true, Ordering::Relaxed);
        self.interrupt.interrupt();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use driver_api::{Connection, TransactionMode, Value};
    use test_calls::cancelling::while_cancelling;

    use super::*;
    use crate::testing::TestDatabase;

    const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                           SELECT count(*) FROM n";

    #[test]
    fn an_endless_query_ends_and_the_connection_goes_on() {
        let mut database = TestDatabase::new();
        let started = Instant::now();
        let result = while_cancelling(&mut database, |database| database.query(ENDLESS, []));
        let error = result.err().unwrap();
        assert_eq!(
            (error.class(), error.sqlstate()),
            (ErrorClass::Cancelled, Some("57014"))
        );
        assert!(started.elapsed() < Duration::from_secs(5));
        assert_eq!(database.value("SELECT 1", []), Value::I64(1));
    }

    #[test]
    fn a_request_that_comes_just_before_the_first_step_is_seen() {
        let mut database = rusqlite::Connection::open_in_memory().unwrap();
        let cancel = Cancel::install(&mut database).unwrap();
        cancel.start_call();
        cancel.cancel().unwrap();
        let counted = database.query_row(ENDLESS, [], |row| row.get::<_, i64>(0));
        assert_eq!(
            from_sqlite(counted.unwrap_err()).class(),
            ErrorClass::Cancelled
        );
    }

    #[test]
    fn a_request_without_a_running_call_changes_nothing() {
        let mut database = TestDatabase::new();
        database
            .connection
            .cancel_handle()
            .unwrap()
            .cancel()
            .unwrap();
        let counted = database.value(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) \
             SELECT count(*) FROM n",
            [],
        );
        assert_eq!(counted, Value::I64(100_000));
    }

    #[test]
    fn a_cancelled_batch_leaves_nothing() {
        let mut database = TestDatabase::new();
        database.execute("CREATE TABLE t(a)", []).unwrap();
        let rows: Vec<_> = (0..400_000).map(|n| vec![Value::I64(n)]).collect();
        let result = while_cancelling(&mut database, |database| {
            database.execute_many("INSERT INTO t VALUES (?)", &rows)
        });
        let error = result.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Cancelled);
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
    }

    #[test]
    fn a_handle_outlives_its_connection() {
        let mut database = TestDatabase::new();
        let handle = database.connection.cancel_handle().unwrap();
        database
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap();
        database.connection.close().unwrap();
        drop(database);
        assert_eq!(handle.cancel(), Ok(()));
    }
}
