//! Transactions: begun and ended by calls, and the engine's own state is the only state.

use driver_api::{DriverError, ErrorClass, Result, TransactionMode};
use rusqlite::Connection;

use crate::error::during_commit;
use crate::statement::run;

/// Reads the file's first page: proves that the database answers, and takes the snapshot of a
/// transaction that has read nothing yet.
pub(crate) const READ_SOMETHING: &str = "PRAGMA schema_version";

/// Starts a transaction.
pub(crate) fn begin(database: &Connection, mode: TransactionMode) -> Result<()> {
    if !database.is_autocommit() {
        return Err(state("a transaction is open already", "25001"));
    }
    match mode {
        // The write lock is taken now: a transaction that reads first and writes later would fail
        // when somebody else wrote in between.
        TransactionMode::ReadWrite => run(database, "BEGIN IMMEDIATE"),
        TransactionMode::ReadOnly => {
            run(database, "BEGIN")?;
            run(database, READ_SOMETHING).inspect_err(|_| abandon(database))
        }
    }
}

/// Makes the open transaction permanent. One that fails to commit is over.
pub(crate) fn commit(database: &Connection) -> Result<()> {
    require_open(database)?;
    run(database, "COMMIT").map_err(|error| {
        abandon(database);
        during_commit(error)
    })
}

/// Takes the open transaction back.
pub(crate) fn rollback(database: &Connection) -> Result<()> {
    require_open(database)?;
    // An interrupt for the call before may stop the first attempt.
    run(database, "ROLLBACK").or_else(|error| match database.is_autocommit() {
        true => Ok(()),
        false => run(database, "ROLLBACK").map_err(|_| error),
    })
}

/// Ends what is open after another error, which is the one to report.
pub(crate) fn abandon(database: &Connection) {
    if !database.is_autocommit() {
        let _ = rollback(database);
    }
}

/// Runs `work` as a whole or not at all: in a transaction of its own, or in a savepoint of the
/// open one.
pub(crate) fn atomic<T>(database: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if database.is_autocommit() {
        begin(database, TransactionMode::ReadWrite)?;
        let value = work().inspect_err(|_| abandon(database))?;
        commit(database)?;
        return Ok(value);
    }
    run(database, "SAVEPOINT driver_atomic")?;
    let value = work().inspect_err(|_| {
        // Some errors end the whole transaction, the savepoint with it.
        if !database.is_autocommit() {
            let _ = run(database, "ROLLBACK TO driver_atomic");
            let _ = run(database, "RELEASE driver_atomic");
        }
    })?;
    run(database, "RELEASE driver_atomic")?;
    Ok(value)
}

fn require_open(database: &Connection) -> Result<()> {
    if database.is_autocommit() {
        return Err(state("no transaction is open", "25P01"));
    }
    Ok(())
}

/// The error of a call that does not fit the state of the transaction.
pub(crate) fn state(message: &str, sqlstate: &str) -> DriverError {
    DriverError::new(ErrorClass::TransactionState, message).with_sqlstate(sqlstate)
}

#[cfg(test)]
mod tests {
    use driver_api::{Connection as _, Value};

    use super::*;
    use crate::testing::TestDatabase;
    use TransactionMode::{ReadOnly, ReadWrite};

    fn with_table() -> TestDatabase {
        let mut database = TestDatabase::new();
        database
            .execute("CREATE TABLE t(a INTEGER UNIQUE)", [])
            .unwrap();
        database
    }

    fn count(database: &mut TestDatabase) -> Value {
        database.value("SELECT count(*) FROM t", [])
    }

    #[test]
    fn a_commit_keeps_and_a_rollback_takes_back() {
        let mut database = with_table();
        let mut other = database.connect(|_| {});
        database.connection.begin(ReadWrite).unwrap();
        database.execute("INSERT INTO t VALUES (1)", []).unwrap();
        assert_eq!(count(&mut other), Value::I64(0));
        database.connection.commit().unwrap();
        assert_eq!(count(&mut other), Value::I64(1));
        database.connection.begin(ReadWrite).unwrap();
        database.execute("DELETE FROM t", []).unwrap();
        database.connection.rollback().unwrap();
        assert_eq!(count(&mut database), Value::I64(1));
    }

    #[test]
    fn calls_that_do_not_fit_the_state_are_refused() {
        let mut database = TestDatabase::new();
        let connection = &mut database.connection;
        for result in [connection.commit(), connection.rollback()] {
            let error = result.unwrap_err();
            let found = (error.class(), error.sqlstate());
            assert_eq!(found, (ErrorClass::TransactionState, Some("25P01")));
        }
        connection.begin(ReadOnly).unwrap();
        let error = connection.begin(ReadWrite).unwrap_err();
        assert_eq!(
            (error.class(), error.sqlstate()),
            (ErrorClass::TransactionState, Some("25001"))
        );
        assert_eq!(connection.commit(), Ok(()));
    }

    #[test]
    fn a_writer_holds_the_lock_from_the_start() {
        let mut database = with_table();
        let mut other = database.connect(|_| {});
        database.connection.begin(ReadWrite).unwrap();
        let error = other.connection.begin(ReadWrite).unwrap_err();
        assert_eq!(
            (error.class(), error.sqlstate()),
            (ErrorClass::Busy, Some("55P03"))
        );
        assert!(error.is_retryable());
        assert_eq!(count(&mut other), Value::I64(0));
        database.connection.rollback().unwrap();
        assert_eq!(other.connection.begin(ReadWrite), Ok(()));
    }

    #[test]
    fn a_reader_keeps_its_view_and_cannot_write() {
        let mut database = with_table();
        let mut other = database.connect(|_| {});
        database.connection.begin(ReadOnly).unwrap();
        other.execute("INSERT INTO t VALUES (1)", []).unwrap();
        assert_eq!(count(&mut database), Value::I64(0));
        for sql in [
            "INSERT INTO t VALUES (2)",
            "CREATE TABLE u(a)",
            "DROP TABLE t",
        ] {
            let error = database.execute(sql, []).unwrap_err();
            assert_eq!(
                (error.class(), error.sqlstate()),
                (ErrorClass::ReadOnly, Some("25006"))
            );
        }
        let error = database
            .execute_many("INSERT INTO t VALUES (?)", &[vec![3.into()]])
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::ReadOnly);
        database.connection.rollback().unwrap();
        assert_eq!(count(&mut database), Value::I64(1));
        database.execute("INSERT INTO t VALUES (2)", []).unwrap();
    }

    #[test]
    fn savepoints_are_statements_inside_a_transaction_only() {
        let mut database = with_table();
        let error = database.execute("SAVEPOINT s", []).unwrap_err();
        assert_eq!(error.class(), ErrorClass::TransactionState);
        database.connection.begin(ReadWrite).unwrap();
        for sql in [
            "INSERT INTO t VALUES (1)",
            "SAVEPOINT s",
            "INSERT INTO t VALUES (2)",
            "ROLLBACK TO s",
            "RELEASE s",
        ] {
            database.execute(sql, []).unwrap();
        }
        database.connection.commit().unwrap();
        assert_eq!(count(&mut database), Value::I64(1));
        // Taken from the cache of statements, it is refused as well.
        let error = database.execute("SAVEPOINT s", []).unwrap_err();
        assert_eq!(error.class(), ErrorClass::TransactionState);
    }

    #[test]
    fn a_batch_is_done_as_a_whole_or_not_at_all() {
        let mut database = with_table();
        let rows = |numbers: &[i64]| {
            numbers
                .iter()
                .map(|n| vec![Value::I64(*n)])
                .collect::<Vec<_>>()
        };
        let insert = "INSERT INTO t VALUES (?)";
        let done = database.execute_many(insert, &rows(&[1, 2, 3])).unwrap();
        assert_eq!((done.rows_affected, done.last_insert_id), (3, Some(3)));
        let error = database
            .execute_many(insert, &rows(&[4, 5, 1]))
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Constraint);
        assert_eq!(count(&mut database), Value::I64(3));
        database.connection.begin(ReadWrite).unwrap();
        database.execute(insert, [7.into()]).unwrap();
        database.execute_many(insert, &rows(&[8, 7])).unwrap_err();
        database.execute_many(insert, &rows(&[9, 10])).unwrap();
        database.connection.commit().unwrap();
        let rows = database.rows("SELECT a FROM t WHERE a > 3 ORDER BY a", []);
        assert_eq!(rows, [[Value::I64(7)], [9.into()], [10.into()]]);
        assert_eq!(
            database
                .execute_many("DELETE FROM t", &[])
                .unwrap()
                .rows_affected,
            0
        );
    }

    #[test]
    fn a_commit_that_fails_is_over_and_applied_nothing() {
        let mut database = with_table();
        database
            .execute(
                "CREATE TABLE c(a REFERENCES t(a) DEFERRABLE INITIALLY DEFERRED)",
                [],
            )
            .unwrap();
        database.connection.begin(ReadWrite).unwrap();
        database.execute("INSERT INTO c VALUES (9)", []).unwrap();
        let error = database.connection.commit().unwrap_err();
        assert_eq!(
            (error.class(), error.sqlstate()),
            (ErrorClass::Constraint, Some("23503"))
        );
        assert_eq!(database.value("SELECT count(*) FROM c", []), Value::I64(0));
        assert_eq!(database.connection.begin(ReadWrite), Ok(()));
    }

    #[test]
    fn an_error_that_ends_the_transaction_says_so() {
        let mut database = with_table();
        database.connection.begin(ReadWrite).unwrap();
        database.execute("INSERT INTO t VALUES (1)", []).unwrap();
        let error = database
            .execute("INSERT OR ROLLBACK INTO t VALUES (1)", [])
            .unwrap_err();
        assert_eq!(
            error.detail(),
            Some("the whole transaction was rolled back")
        );
        let error = database.connection.commit().unwrap_err();
        assert_eq!(error.class(), ErrorClass::TransactionState);
    }

    #[test]
    fn closing_rolls_an_open_transaction_back() {
        let mut database = with_table();
        database.connection.begin(ReadWrite).unwrap();
        database.execute("INSERT INTO t VALUES (1)", []).unwrap();
        database.connection.close().unwrap();
        assert_eq!(
            database.connection.ping().unwrap_err().class(),
            ErrorClass::ConnectionLost
        );
        let mut again = database.connect(|_| {});
        assert_eq!(again.connection.ping(), Ok(()));
        assert_eq!(count(&mut again), Value::I64(0));
    }
}
