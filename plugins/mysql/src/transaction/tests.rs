//! Transactions on a real server: what stays, what is taken back, and what is refused.

use std::sync::Barrier;
use std::thread;

use driver_api::{Connection as _, Value};
use serde_json::json;
use test_needs::needs;

use super::*;
use crate::session;
use crate::testing::{TestDatabase, read};
use TransactionMode::{ReadOnly, ReadWrite};

fn with_table() -> TestDatabase {
    let mut database = TestDatabase::new();
    database.run(&["CREATE TABLE t(a INT PRIMARY KEY, n INT)"]);
    database
}

fn count(database: &mut TestDatabase) -> Value {
    database.value("SELECT count(*) FROM t", [])
}

#[needs(mariadb)]
#[test]
fn a_commit_keeps_and_a_rollback_takes_back() {
    let mut database = with_table();
    let mut other = database.again();
    database.connection.begin(ReadWrite).unwrap();
    database.run(&["INSERT INTO t VALUES (1, 1)"]);
    assert_eq!(count(&mut other), Value::I64(0));
    database.connection.commit().unwrap();
    assert_eq!(count(&mut other), Value::I64(1));
    database.connection.begin(ReadWrite).unwrap();
    database.run(&["DELETE FROM t"]);
    database.connection.rollback().unwrap();
    assert_eq!(count(&mut database), Value::I64(1));
    database.connection.begin(ReadWrite).unwrap();
    database.run(&["INSERT INTO t VALUES (2, 2)"]);
    database.connection.close().unwrap();
    assert_eq!(
        database.connection.ping().unwrap_err().class(),
        ErrorClass::ConnectionLost
    );
    assert_eq!(count(&mut other), Value::I64(1));
}

#[needs(mariadb)]
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
    for sql in ["BEGIN", "COMMIT", "ROLLBACK", "SET autocommit = 0"] {
        let error = database.execute(sql, []).unwrap_err();
        assert_eq!(
            error.class(),
            ErrorClass::TransactionState,
            "{sql}: {error}"
        );
    }
}

#[needs(mariadb)]
#[test]
fn a_reader_keeps_its_view_and_cannot_write() {
    let mut database = with_table();
    let mut other = database.again();
    database.connection.begin(ReadOnly).unwrap();
    other.run(&["INSERT INTO t VALUES (1, 1)"]);
    assert_eq!(count(&mut database), Value::I64(0));
    for sql in [
        "INSERT INTO t VALUES (2, 2)",
        "CREATE TABLE u(a INT)",
        "DROP TABLE t",
    ] {
        let error = database.execute(sql, []).unwrap_err();
        let found = (error.class(), error.sqlstate());
        assert_eq!(found, (ErrorClass::ReadOnly, Some("25006")), "{sql}");
    }
    let row = vec![3.into(), 3.into()];
    let error = database
        .execute_many("INSERT INTO t VALUES (?, ?)", &[row])
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::ReadOnly);
    database.connection.rollback().unwrap();
    assert_eq!(count(&mut database), Value::I64(1));
    // The next transaction is as every other.
    database.connection.begin(ReadWrite).unwrap();
    database.run(&["INSERT INTO t VALUES (2, 2)"]);
    other.run(&["INSERT INTO t VALUES (3, 3)"]);
    assert_eq!(count(&mut database), Value::I64(3));
    database.connection.commit().unwrap();
}

#[needs(mariadb)]
#[test]
fn the_server_refuses_writes_on_a_connection_that_may_only_read() {
    let mut database = with_table();
    let mut reader = database.connect(json!({"read_only": true})).unwrap();
    let refused = |reader: &mut TestDatabase, sql| {
        let error = reader.execute(sql, []).unwrap_err();
        assert_eq!(
            (error.class(), error.vendor_code()),
            (ErrorClass::ReadOnly, Some(1792)),
            "{sql}"
        );
    };
    for sql in [
        "INSERT INTO t VALUES (1, 1)",
        "UPDATE t SET a = 1",
        "CREATE TABLE u(a INT)",
        "TRUNCATE t",
    ] {
        refused(&mut reader, sql);
    }
    reader.connection.begin(ReadWrite).unwrap();
    refused(&mut reader, "DELETE FROM t");
    reader.connection.rollback().unwrap();
    for sql in [
        "SET SESSION TRANSACTION READ WRITE",
        "SET tx_read_only = 0",
        "START TRANSACTION READ WRITE",
    ] {
        assert!(reader.execute(sql, []).is_err(), "{sql}");
        refused(&mut reader, "INSERT INTO t VALUES (1, 1)");
    }
    database.run(&["INSERT INTO t VALUES (1, 1)"]);
    assert_eq!(count(&mut reader), Value::I64(1));
}

#[needs(mariadb)]
#[test]
fn savepoints_are_statements_inside_a_transaction_only() {
    let mut database = with_table();
    let error = database.execute("SAVEPOINT s", []).unwrap_err();
    assert_eq!(
        (error.class(), error.sqlstate()),
        (ErrorClass::TransactionState, Some("25P01"))
    );
    database.connection.begin(ReadWrite).unwrap();
    database.run(&[
        "INSERT INTO t VALUES (1, 1)",
        "SAVEPOINT s",
        "INSERT INTO t VALUES (2, 2)",
        "ROLLBACK TO s",
        "RELEASE s",
    ]);
    let error = database.execute("ROLLBACK TO absent", []).unwrap_err();
    assert_eq!(
        (error.class(), error.vendor_code()),
        (ErrorClass::TransactionState, Some(1305))
    );
    database.connection.commit().unwrap();
    assert_eq!(count(&mut database), Value::I64(1));
}

#[needs(mariadb)]
#[test]
fn what_would_commit_by_itself_is_refused_inside_a_transaction() {
    let mut database = with_table();
    database.connection.begin(ReadWrite).unwrap();
    database.run(&["INSERT INTO t VALUES (1, 1)"]);
    for sql in [
        "CREATE TABLE u(a INT)",
        "TRUNCATE t",
        "ALTER TABLE t ADD b INT",
        "ANALYZE TABLE t",
    ] {
        let error = database.execute(sql, []).unwrap_err();
        assert_eq!(
            error.class(),
            ErrorClass::TransactionState,
            "{sql}: {error}"
        );
    }
    database.connection.rollback().unwrap();
    assert_eq!(count(&mut database), Value::I64(0));
    let error = database
        .execute_many("CREATE TABLE u(a INT)", &[vec![]])
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::TransactionState);
}

#[needs(mariadb)]
#[test]
fn of_a_deadlock_one_transaction_is_rolled_back_and_can_only_be_ended() {
    let mut database = with_table();
    database.run(&["INSERT INTO t VALUES (1, 0), (2, 0)"]);
    let both = Barrier::new(2);
    let run = |first: i64, second: i64| {
        let mut own = database
            .connect(json!({"lock_timeout_ms": 60_000}))
            .unwrap();
        let both = &both;
        move || {
            let sql = "UPDATE t SET n = n + 1 WHERE a = ?";
            own.connection.begin(ReadWrite).unwrap();
            own.execute(sql, [first.into()]).unwrap();
            both.wait();
            let result = own.execute(sql, [second.into()]);
            (own, result)
        }
    };
    let (one, two) = (run(1, 2), run(2, 1));
    let (one, two) = thread::scope(|scope| {
        let two = scope.spawn(two);
        (one(), two.join().unwrap())
    });
    let ((mut winner, done), (mut loser, failed)) = if one.1.is_ok() {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(done.unwrap().rows_affected, 1);
    let error = failed.unwrap_err();
    assert_eq!(
        (error.class(), error.vendor_code(), error.sqlstate()),
        (ErrorClass::Conflict, Some(1213), Some("40001"))
    );
    assert!(error.is_retryable());
    assert_eq!(
        error.detail(),
        Some("the whole transaction was rolled back")
    );
    let error = loser
        .execute("INSERT INTO t VALUES (9, 9)", [])
        .unwrap_err();
    assert_eq!(
        (error.class(), error.sqlstate()),
        (ErrorClass::TransactionState, Some("25P02"))
    );
    assert_eq!(loser.connection.rollback(), Ok(()));
    winner.connection.commit().unwrap();
    let rows = database.rows("SELECT n FROM t ORDER BY a", []);
    assert_eq!(rows, [[1.into()], [Value::I64(1)]]);
}

#[needs(mariadb)]
#[test]
fn a_lock_that_takes_too_long_ends_the_statement_only() {
    let mut database = with_table();
    let mut other = database.again();
    database.run(&["INSERT INTO t VALUES (1, 0)"]);
    database.connection.begin(ReadWrite).unwrap();
    database.run(&["UPDATE t SET n = 1 WHERE a = 1"]);
    other.connection.begin(ReadWrite).unwrap();
    other.run(&["INSERT INTO t VALUES (2, 2)"]);
    let error = other
        .execute("UPDATE t SET n = 2 WHERE a = 1", [])
        .unwrap_err();
    assert_eq!(
        (error.class(), error.vendor_code()),
        (ErrorClass::Busy, Some(1205))
    );
    assert!(error.is_retryable());
    other.connection.commit().unwrap();
    assert_eq!(count(&mut database), Value::I64(2));
}

#[needs(mariadb)]
#[test]
fn a_batch_that_cannot_be_taken_back_takes_the_transaction_with_it() {
    let mut database = with_table();
    let mut server = session::open(&read(&database.values).unwrap()).unwrap();
    let cancel = Cancel::new(&read(&database.values).unwrap(), &server);
    let mut transaction = Transaction::default();
    transaction.begin(&mut server, ReadWrite).unwrap();
    server.run("INSERT INTO t VALUES (1, 1)").unwrap();
    let done: Result<()> = transaction.atomic(&mut server, &cancel, |server| {
        server.run("INSERT INTO t VALUES (2, 2)")?;
        // Without it there is nothing to go back to.
        server.run("RELEASE SAVEPOINT driver_atomic")?;
        Err(crate::cancel::cancelled())
    });
    let error = done.unwrap_err();
    assert_eq!(
        (error.class(), error.detail()),
        (
            ErrorClass::Cancelled,
            Some("the whole transaction was rolled back")
        )
    );
    assert_eq!(transaction, Transaction::Failed);
    assert!(transaction.commit(&mut server).is_err());
    assert_eq!(count(&mut database), Value::I64(0));
}

#[needs(mariadb)]
#[test]
fn a_batch_is_done_as_a_whole_or_not_at_all() {
    let mut database = with_table();
    let rows = |numbers: &[i64]| -> Vec<Vec<Value>> {
        numbers.iter().map(|n| vec![Value::I64(*n)]).collect()
    };
    for insert in ["INSERT INTO t(a) VALUES (?)", "INSERT INTO t(a) SELECT ?"] {
        database.run(&["DELETE FROM t"]);
        let done = database.execute_many(insert, &rows(&[1, 2, 3])).unwrap();
        assert_eq!(done.rows_affected, 3);
        let error = database
            .execute_many(insert, &rows(&[4, 5, 1]))
            .unwrap_err();
        assert_eq!(
            (error.class(), error.vendor_code()),
            (ErrorClass::Constraint, Some(1062))
        );
        assert_eq!(count(&mut database), Value::I64(3));
        database.connection.begin(ReadWrite).unwrap();
        database.execute("INSERT INTO t(a) VALUES (7)", []).unwrap();
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
}
