//! Transactions: begun and ended by calls, and what is known of the open one.

use driver_api::{DriverError, ErrorClass, Result, TransactionMode};
use tokio_postgres::Client;

use crate::error::during_commit;
use crate::pump::Pump;

/// The statement that takes the view of the database which the transaction keeps; after it, no
/// statement can make the transaction a writing one.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1";
const BEGIN_WRITING: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The open transaction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Open {
    /// A statement failed in it: the server takes nothing more but its end.
    pub(crate) failed: bool,
}

/// Starts a transaction.
pub(crate) fn begin(
    client: &Client,
    pump: &mut Pump,
    mode: TransactionMode,
    read_only: bool,
) -> Result<Open> {
    match mode {
        TransactionMode::ReadOnly => start(client, pump, BEGIN_READING)?,
        TransactionMode::ReadWrite if read_only => {
            return Err(DriverError::new(
                ErrorClass::ReadOnly,
                "the connection may only read: it was made with the option `read_only`",
            )
            .with_sqlstate("25006"));
        }
        TransactionMode::ReadWrite => start(client, pump, BEGIN_WRITING)?,
    }
    Ok(Open::default())
}

/// Begins by `sql`; what a part of it that fails has left open is closed.
fn start(client: &Client, pump: &mut Pump, sql: &str) -> Result<()> {
    run(client, pump, sql).inspect_err(|_| {
        pump.shield();
        // Where that fails as well, the session is dropped; the first error is the one to tell.
        let _ = rollback(client, pump);
    })
}

/// Makes a transaction permanent; whatever the result, it is over.
pub(crate) fn commit(client: &Client, pump: &mut Pump, open: Open) -> Result<()> {
    if open.failed {
        rollback(client, pump)?;
        return Err(state(
            "the transaction was rolled back, because a statement in it had failed",
            "25P02",
        ));
    }
    pump.check_session()?;
    run(client, pump, "COMMIT").map_err(during_commit)
}

/// Takes a transaction back; the session is dropped where the server does not do so.
pub(crate) fn rollback(client: &Client, pump: &mut Pump) -> Result<()> {
    run(client, pump, "ROLLBACK")
        .inspect_err(|_| pump.give_up("the session was dropped after a rollback that failed"))
}

/// What makes a call's statements one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A transaction of their own.
    Transaction,
    /// A transaction of their own that reads only, whatever the session's settings are.
    Reading,
    /// A savepoint of the open transaction.
    Savepoint,
}

impl Scope {
    fn begin(self, client: &Client, pump: &mut Pump) -> Result<()> {
        match self {
            Self::Transaction => start(client, pump, BEGIN_WRITING),
            Self::Reading => start(client, pump, "BEGIN READ ONLY"),
            Self::Savepoint => run(client, pump, "SAVEPOINT driver_atomic"),
        }
    }

    /// Keeps its changes.
    fn keep(self, client: &Client, pump: &mut Pump) -> Result<()> {
        match self {
            Self::Transaction => run(client, pump, "COMMIT").map_err(during_commit),
            Self::Reading => rollback(client, pump),
            Self::Savepoint => run(client, pump, "RELEASE driver_atomic"),
        }
    }

    /// Takes its changes back.
    fn undo(self, client: &Client, pump: &mut Pump) -> Result<()> {
        match self {
            Self::Transaction | Self::Reading => rollback(client, pump),
            Self::Savepoint => {
                let sql = "ROLLBACK TO driver_atomic; RELEASE driver_atomic";
                run(client, pump, sql)
            }
        }
    }
}

/// Runs `work` as a whole or not at all.
pub(crate) fn atomic<T>(
    client: &Client,
    pump: &mut Pump,
    scope: Scope,
    work: impl FnOnce(&mut Pump) -> Result<T>,
) -> Result<T> {
    scope.begin(client, pump)?;
    let result = work(pump);
    // A request to stop that comes now is too late.
    pump.shield();
    match result {
        Ok(value) => {
            scope.keep(client, pump)?;
            Ok(value)
        }
        Err(error) => {
            // The open transaction is usable again then.
            if scope.undo(client, pump).is_ok() {
                let _ = pump.take_refused();
            }
            Err(error)
        }
    }
}

/// Runs the driver's own SQL.
pub(crate) fn run(client: &Client, pump: &mut Pump, sql: &str) -> Result<()> {
    pump.run(sql, client.batch_execute(sql))
}

/// The error of a call that does not fit the state of the transaction.
pub(crate) fn state(message: &str, sqlstate: &str) -> DriverError {
    DriverError::new(ErrorClass::TransactionState, message).with_sqlstate(sqlstate)
}

#[cfg(test)]
mod tests {
    use driver_api::{Connection as _, Value};
    use test_needs::needs;

    use super::*;
    use crate::options::PostgresOptions;
    use crate::pump::{self, Session};
    use crate::testing::{TestDatabase, checked};
    use TransactionMode::{ReadOnly, ReadWrite};

    fn with_table() -> TestDatabase {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE t(a INTEGER UNIQUE)");
        database
    }

    fn count(database: &mut TestDatabase) -> Value {
        database.value("SELECT count(*) FROM t", [])
    }

    #[needs(postgresql)]
    #[test]
    fn a_commit_keeps_and_a_rollback_takes_back() {
        let mut database = with_table();
        let mut other = database.connect(serde_json::json!({}));
        database.connection.begin(ReadWrite).unwrap();
        database.run("INSERT INTO t VALUES (1)");
        assert_eq!(count(&mut other), Value::I64(0));
        database.connection.commit().unwrap();
        assert_eq!(count(&mut other), Value::I64(1));
        database.connection.begin(ReadWrite).unwrap();
        database.run("DELETE FROM t");
        database.connection.rollback().unwrap();
        assert_eq!(count(&mut database), Value::I64(1));
    }

    #[needs(postgresql)]
    #[test]
    fn a_begin_that_fails_leaves_no_transaction_open() {
        let database = TestDatabase::new();
        let options = PostgresOptions::read(&checked(&database.options)).unwrap();
        let session = pump::start(&options, std::sync::Arc::default()).unwrap();
        let Session {
            client, mut pump, ..
        } = session;
        // As where the statement that takes the view is cancelled.
        let error = start(&client, &mut pump, "BEGIN READ ONLY; SELECT 1/0").unwrap_err();
        assert_eq!(error.sqlstate(), Some("22012"), "{error}");
        run(&client, &mut pump, "SELECT 1").unwrap();
        start(&client, &mut pump, BEGIN_WRITING).unwrap();
        run(&client, &mut pump, "CREATE TABLE t(a int)").unwrap();
    }

    #[needs(postgresql)]
    #[test]
    fn a_reader_keeps_its_view_and_cannot_write() {
        let mut database = with_table();
        let mut other = database.connect(serde_json::json!({}));
        database.connection.begin(ReadOnly).unwrap();
        other.run("INSERT INTO t VALUES (1)");
        assert_eq!(count(&mut database), Value::I64(0));
        let error = database
            .execute("INSERT INTO t VALUES (2)", [])
            .unwrap_err();
        let found = (error.class(), error.sqlstate());
        assert_eq!(found, (ErrorClass::ReadOnly, Some("25006")));
        database.connection.rollback().unwrap();
        assert_eq!(count(&mut database), Value::I64(1));
        database.run("INSERT INTO t VALUES (2)");
    }
}
