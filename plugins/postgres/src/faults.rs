//! Tests of what happens when the server stops, is cut off, or fails a statement or a transaction.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use driver_api::{Connection as _, ErrorClass, Outcome, TransactionMode, Value};
use serde_json::json;
use test_needs::needs;
use test_servers::postgres::PostgresServer;
use test_servers::relay::Relay;

use crate::refusals::refusal;
use crate::testing::{TestDatabase, open};

#[needs(postgresql)]
#[test]
fn a_server_that_restarts_breaks_its_connections() {
    let server = PostgresServer::start();
    let mut database = TestDatabase::on(Arc::new(server));
    database.run("CREATE TABLE t(a int)");
    // The server belongs to the test alone, so that it can be stopped through the only handle.
    let TestDatabase {
        mut calls,
        options,
        server,
    } = database;
    let mut server = Arc::into_inner(server).unwrap();
    server.kill();
    let error = calls.connection.ping().unwrap_err();
    assert_eq!(error.class(), ErrorClass::ConnectionLost, "{error}");
    assert!(error.breaks_connection());
    let down = open(&options).err().unwrap();
    assert_eq!(down.class(), ErrorClass::Unavailable, "{down}");
    assert!(
        down.is_retryable() && down.to_string().contains("check `host` and `port`"),
        "{down}"
    );
    server.start_again();
    assert_eq!(
        calls.connection.ping().unwrap_err().class(),
        ErrorClass::ConnectionLost
    );
    assert_eq!(open(&options).unwrap().ping(), Ok(()));
}

#[needs(postgresql)]
#[test]
fn a_session_that_is_ended_by_an_administrator_is_lost_with_its_reason() {
    let mut database = TestDatabase::new();
    let mut other = database.connect(json!({}));
    let Value::I64(pid) = database.value("SELECT pg_backend_pid()", []) else {
        panic!("no number")
    };
    other
        .execute("SELECT pg_terminate_backend(?)", [Value::I64(pid)])
        .unwrap();
    let error = database.query("SELECT 1", []).err().unwrap();
    assert_eq!(error.class(), ErrorClass::ConnectionLost, "{error}");
    assert!(error.is_retryable());
    assert_eq!(error.outcome(), Outcome::NotApplied);
}

#[needs(postgresql)]
#[test]
fn a_cut_network_ends_a_call() {
    let database = TestDatabase::new();
    let relay = Relay::start(database.server.port());
    let change = json!({
        "port": relay.port(), "partition_timeout_ms": 300, "connect_timeout_ms": 300,
    });
    let mut through = database.connect(change.clone());
    // A server that only takes long is not taken for a lost one.
    let slow = through.value("SELECT 7 FROM pg_sleep(1.5)", []);
    assert_eq!(slow, Value::I64(7));
    relay.black_hole(true);
    let started = Instant::now();
    let error = through.query("SELECT 1", []).err().unwrap();
    assert_eq!(error.class(), ErrorClass::ConnectionLost, "{error}");
    assert!(started.elapsed() < Duration::from_secs(60));
    let error = refusal(&database.options, change);
    assert_eq!(error.class(), ErrorClass::Timeout, "{error}");
    assert!(
        error.detail().unwrap().contains("connect_timeout_ms"),
        "{error}"
    );
}

#[needs(postgresql)]
#[test]
fn a_connection_that_is_cut_at_the_commit_leaves_the_outcome_open() {
    let mut database = TestDatabase::new();
    database.run("CREATE TABLE t(a int)");
    let relay = Relay::start(database.server.port());
    let mut expected = 0;
    for delivered in [true, false] {
        let mut through = database.connect(json!({"port": relay.port()}));
        through
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap();
        through.run("INSERT INTO t VALUES (1)");
        match delivered {
            true => relay.cut_after(b"COMMIT"),
            false => relay.cut_before(b"COMMIT"),
        }
        let error = through.connection.commit().unwrap_err();
        assert_eq!(error.class(), ErrorClass::ConnectionLost, "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        expected += i64::from(delivered);
        // The server may still be at it.
        let deadline = Instant::now() + Duration::from_secs(60);
        while database.value("SELECT count(*) FROM t", []) != Value::I64(expected) {
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[needs(postgresql)]
#[test]
fn a_change_whose_answer_is_lost_has_an_open_outcome_and_one_in_a_transaction_has_not() {
    let mut database = TestDatabase::new();
    database.run("CREATE TABLE t(a text)");
    let relay = Relay::start(database.server.port());
    let insert = "INSERT INTO t VALUES (?)";
    for (in_transaction, outcome) in [(false, Outcome::Unknown), (true, Outcome::NotApplied)] {
        let mut through = database.connect(json!({"port": relay.port()}));
        if in_transaction {
            through
                .connection
                .begin(TransactionMode::ReadWrite)
                .unwrap();
        }
        relay.cut_after(b"marker");
        let error = through.execute(insert, ["marker".into()]).unwrap_err();
        assert_eq!(
            (error.class(), error.outcome()),
            (ErrorClass::ConnectionLost, outcome)
        );
    }
}

#[needs(postgresql)]
#[test]
fn a_query_whose_answer_is_lost_is_repeatable_unless_it_calls_an_unknown_function() {
    let mut database = TestDatabase::new();
    database.run("CREATE FUNCTION own(a text) RETURNS text LANGUAGE sql AS 'SELECT a'");
    let relay = Relay::start(database.server.port());
    for (sql, outcome) in [
        ("SELECT lower(CAST(? AS text))", Outcome::NotApplied),
        ("SELECT own(?)", Outcome::Unknown),
        ("SELECT CAST(? AS text) AS a INTO made", Outcome::Unknown),
    ] {
        let mut through = database.connect(json!({"port": relay.port()}));
        relay.cut_after(b"marker");
        let error = through.query(sql, ["marker".into()]).err().unwrap();
        let found = (error.class(), error.outcome());
        assert_eq!(found, (ErrorClass::ConnectionLost, outcome), "{sql}");
    }
}

#[needs(postgresql)]
#[test]
fn a_session_that_ended_while_it_idled_leaves_no_outcome_open() {
    let mut other = TestDatabase::new();
    other.run("CREATE TABLE t(a int)");
    let insert = "INSERT INTO t VALUES (1)";
    for in_transaction in [false, true] {
        let mut database = other.connect(json!({}));
        let pid = database.value("SELECT pg_backend_pid()", []);
        if in_transaction {
            database
                .connection
                .begin(TransactionMode::ReadWrite)
                .unwrap();
        }
        database.run(insert);
        let end = "SELECT pg_terminate_backend(?, 60000)";
        assert_eq!(other.value(end, [pid]), Value::Bool(true));
        let error = match in_transaction {
            false => database.execute(insert, []).unwrap_err(),
            true => database.connection.commit().unwrap_err(),
        };
        let found = (error.class(), error.sqlstate(), error.outcome());
        let expected = (
            ErrorClass::ConnectionLost,
            Some("57P01"),
            Outcome::NotApplied,
        );
        assert_eq!(found, expected, "{error}");
        assert!(error.is_retryable());
    }
    assert_eq!(other.value("SELECT count(*) FROM t", []), Value::I64(1));
}

#[needs(postgresql)]
#[test]
fn deadlock_and_lock_time_out_are_typed() {
    let mut one = TestDatabase::new();
    one.run("CREATE TABLE t(id int PRIMARY KEY, n int)");
    one.run("INSERT INTO t VALUES (1, 0), (2, 0)");
    let mut other = one.connect(json!({}));
    let update = "UPDATE t SET n = n + 1 WHERE id = ?";
    for (database, id) in [(&mut one, 1), (&mut other, 2)] {
        database
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap();
        database.execute(update, [Value::I64(id)]).unwrap();
    }
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| one.execute(update, [Value::I64(2)]));
        let second = other.execute(update, [Value::I64(1)]);
        if second.is_err() {
            other.connection.rollback().unwrap();
        }
        (first.join().unwrap(), second)
    });
    let victim = first.err().or(second.err()).unwrap();
    let found = (victim.class(), victim.sqlstate(), victim.is_retryable());
    assert_eq!(found, (ErrorClass::Conflict, Some("40P01"), true));
    let mut impatient = one.connect(json!({"lock_timeout_ms": 50}));
    let _ = one.connection.rollback();
    let _ = other.connection.rollback();
    one.connection.begin(TransactionMode::ReadWrite).unwrap();
    one.execute(update, [Value::I64(1)]).unwrap();
    let error = impatient.execute(update, [Value::I64(1)]).unwrap_err();
    let found = (error.class(), error.sqlstate(), error.is_retryable());
    assert_eq!(found, (ErrorClass::Busy, Some("55P03"), true));
}

#[needs(postgresql)]
#[test]
fn a_failed_transaction_is_rolled_back_by_its_commit() {
    let mut database = TestDatabase::new();
    database.run("CREATE TABLE t(a int UNIQUE)");
    database
        .connection
        .begin(TransactionMode::ReadWrite)
        .unwrap();
    database.run("INSERT INTO t VALUES (1)");
    database
        .execute("INSERT INTO t VALUES (1)", [])
        .unwrap_err();
    let error = database.connection.commit().unwrap_err();
    let found = (error.class(), error.sqlstate(), error.outcome());
    assert_eq!(
        found,
        (
            ErrorClass::TransactionState,
            Some("25P02"),
            Outcome::NotApplied
        )
    );
    assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
    // A savepoint makes it usable again.
    database
        .connection
        .begin(TransactionMode::ReadWrite)
        .unwrap();
    database.run("SAVEPOINT s");
    database.execute("SELECT nonsense", []).unwrap_err();
    database.run("ROLLBACK TO s");
    database.run("INSERT INTO t VALUES (2)");
    database.connection.commit().unwrap();
    assert_eq!(database.value("SELECT a FROM t", []), Value::I64(2));
}

#[needs(postgresql)]
#[test]
fn a_call_over_tls_can_be_stopped() {
    let server = PostgresServer::with_tls(&[]);
    let full = json!({"tls": "verify-full", "ca_file": server.ca_file()});
    let mut database = TestDatabase::on(Arc::new(server)).connect(full);
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(database.value(sql, []), Value::Bool(true));
    let handle = database.connection.cancel_handle().unwrap();
    // Many times, because the server may end the socket of a request in several ways.
    for _ in 0..10 {
        let error = thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..10 {
                    thread::sleep(Duration::from_millis(20));
                    handle.cancel().unwrap();
                }
            });
            database.query("SELECT pg_sleep(60)", []).err().unwrap()
        });
        assert_eq!(error.class(), ErrorClass::Cancelled, "{error}");
        assert_eq!(database.value("SELECT 1", []), Value::I64(1));
    }
}

#[needs(postgresql)]
#[test]
fn a_read_only_connection_cannot_be_talked_into_writing() {
    let mut database = TestDatabase::new();
    database.run("CREATE TABLE t(a int)");
    database.run(
        "CREATE FUNCTION sneak() RETURNS int LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM set_config('default_transaction_read_only', 'off', false); \
         PERFORM set_config('transaction_read_only', 'off', false); \
         INSERT INTO t VALUES (1); RETURN 1; END $$",
    );
    let mut reader = database.connect(json!({"read_only": true}));
    assert_eq!(reader.value("SELECT count(*) FROM t", []), Value::I64(0));
    reader
        .query(
            "SELECT set_config('default_transaction_read_only', 'off', false)",
            [],
        )
        .unwrap();
    let rows = vec![vec![Value::I64(1)]; 20];
    for error in [
        reader.execute("INSERT INTO t VALUES (1)", []).unwrap_err(),
        reader.execute("CREATE TABLE u(a int)", []).unwrap_err(),
        reader
            .execute("DO $$ BEGIN INSERT INTO t VALUES (1); END $$", [])
            .unwrap_err(),
        reader
            .execute_many("INSERT INTO t(a) VALUES (?)", &rows)
            .unwrap_err(),
        reader
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap_err(),
    ] {
        let found = (error.class(), error.sqlstate());
        assert_eq!(found, (ErrorClass::ReadOnly, Some("25006")), "{error}");
    }
    let error = reader.query("SELECT sneak()", []).err().unwrap();
    assert_eq!(error.sqlstate(), Some("25001"), "{error}");
    reader.connection.begin(TransactionMode::ReadOnly).unwrap();
    reader
        .execute("SET LOCAL transaction_read_only = off", [])
        .unwrap_err();
    reader.connection.rollback().unwrap();
    assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
}
