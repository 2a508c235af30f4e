//! What servers and networks do to connections, provoked on servers of the tests' own.

use std::thread;
use std::time::{Duration, Instant};

use driver_api::{Connection, ErrorClass, Outcome, TransactionMode, Value};
use mysql::prelude::Queryable;
use serde_json::json;
use test_needs::needs;
use test_servers::mariadb::MariaDbServer;
use test_servers::relay::Relay;

use crate::testing::{TestDatabase, open};

const INSERT: &str = "INSERT INTO t VALUES (1)";

fn with_table(server: &MariaDbServer) -> TestDatabase {
    let mut database = TestDatabase::on(server);
    database.run(&["CREATE TABLE t(a INT)"]);
    database
}

fn count(database: &mut TestDatabase) -> Value {
    database.value("SELECT count(*) FROM t", [])
}

#[needs(mariadb)]
#[test]
fn a_restart_of_the_server_is_noticed_before_anything_is_sent() {
    let mut server = MariaDbServer::start();
    let mut database = with_table(&server);
    let mut idle = database.again();
    let mut inside = database.again();
    inside.connection.begin(TransactionMode::ReadWrite).unwrap();
    inside.run(&[INSERT]);
    server.kill();
    server.start_again();
    let error = idle.execute(INSERT, []).unwrap_err();
    assert_eq!(
        (error.class(), error.outcome()),
        (ErrorClass::ConnectionLost, Outcome::NotApplied)
    );
    assert!(error.breaks_connection() && error.is_retryable(), "{error}");
    assert_eq!(
        idle.connection.ping().unwrap_err().class(),
        ErrorClass::ConnectionLost
    );
    let error = inside.connection.commit().unwrap_err();
    assert_eq!(
        (error.class(), error.outcome()),
        (ErrorClass::ConnectionLost, Outcome::NotApplied)
    );
    database = database.again();
    assert_eq!(count(&mut database), Value::I64(0));
}

/// Runs `call` while the server is held, and ends the server as soon as it was asked.
fn cut_off<T: Send>(server: &mut MariaDbServer, call: impl FnOnce() -> T + Send) -> T {
    server.hold();
    let result = thread::scope(|scope| {
        let call = scope.spawn(call);
        thread::sleep(Duration::from_millis(300));
        server.kill();
        call.join().unwrap()
    });
    server.start_again();
    result
}

#[needs(mariadb)]
#[test]
fn a_connection_that_is_cut_at_a_commit_leaves_the_outcome_open() {
    let mut server = MariaDbServer::start();
    let mut database = with_table(&server);
    database
        .connection
        .begin(TransactionMode::ReadWrite)
        .unwrap();
    database.run(&[INSERT]);
    let error = cut_off(&mut server, || database.connection.commit()).unwrap_err();
    assert_eq!(
        (error.class(), error.outcome()),
        (ErrorClass::ConnectionLost, Outcome::Unknown)
    );
    assert!(!error.is_retryable());

    let mut database = database.again();
    // Known to the server, so that it is the execution that is cut.
    database.run(&[INSERT]);
    let error = cut_off(&mut server, || database.execute(INSERT, [])).unwrap_err();
    assert_eq!(
        (error.class(), error.outcome()),
        (ErrorClass::ConnectionLost, Outcome::Unknown)
    );

    let mut database = database.again();
    assert_eq!(database.value("SELECT 1", []), Value::I64(1));
    let error = cut_off(&mut server, || database.query("SELECT 1", []).err()).unwrap();
    assert_eq!(
        (error.class(), error.outcome(), error.is_retryable()),
        (ErrorClass::ConnectionLost, Outcome::NotApplied, true)
    );

    // What it calls may have written.
    let mut database = database.again();
    let function = "CREATE FUNCTION kept(n INT) RETURNS INT MODIFIES SQL DATA \
        BEGIN INSERT INTO t VALUES (n); RETURN n; END";
    database.connection.client().query_drop(function).unwrap();
    assert_eq!(database.value("SELECT kept(1)", []), Value::I64(1));
    let error = cut_off(&mut server, || database.query("SELECT kept(1)", []).err()).unwrap();
    assert_eq!(
        (error.class(), error.outcome()),
        (ErrorClass::ConnectionLost, Outcome::Unknown)
    );

    let mut database = database.again();
    database
        .connection
        .begin(TransactionMode::ReadWrite)
        .unwrap();
    let error = cut_off(&mut server, || database.execute(INSERT, [])).unwrap_err();
    assert_eq!(
        (error.class(), error.outcome()),
        (ErrorClass::ConnectionLost, Outcome::NotApplied)
    );
}

#[needs(mariadb)]
#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let server = MariaDbServer::start();
    let database = with_table(&server);
    let mut short = database
        .connect(json!({"network_timeout_ms": 500}))
        .unwrap();
    let mut values = database.values.clone();
    values["connect_timeout_ms"] = json!(500);
    server.hold();
    let error = short.query("SELECT 1", []).err().unwrap();
    assert_eq!(error.class(), ErrorClass::ConnectionLost);
    assert!(
        error.to_string().contains("`network_timeout_ms`"),
        "{error}"
    );
    let error = open(&values).err().unwrap();
    assert_eq!(error.class(), ErrorClass::Unavailable, "{error}");
    server.release();
    assert!(open(&database.values).is_ok());
}

#[needs(mariadb)]
#[test]
fn a_cut_network_ends_a_call() {
    let server = MariaDbServer::start();
    let database = with_table(&server);
    let relay = Relay::start(server.port());
    let change = json!({
        "port": relay.port(), "network_timeout_ms": 1000, "connect_timeout_ms": 1000,
    });
    let mut through = database.connect(change.clone()).unwrap();
    assert_eq!(count(&mut through), Value::I64(0));
    relay.black_hole(true);
    let error = through.query("SELECT 1", []).err().unwrap();
    assert_eq!(
        (error.class(), error.outcome()),
        (ErrorClass::ConnectionLost, Outcome::NotApplied)
    );
    let error = database.connect(change).err().unwrap();
    assert_eq!(error.class(), ErrorClass::Unavailable, "{error}");
}

#[needs(mariadb)]
#[test]
fn a_commit_whose_answer_is_lost_has_an_open_outcome_whether_it_arrived_or_not() {
    let server = MariaDbServer::start();
    let mut database = with_table(&server);
    let relay = Relay::start(server.port());
    let mut expected = 0;
    for delivered in [true, false] {
        let mut through = database.connect(json!({"port": relay.port()})).unwrap();
        through
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap();
        through.run(&[INSERT]);
        match delivered {
            true => relay.cut_after(b"COMMIT"),
            false => relay.cut_before(b"COMMIT"),
        }
        let error = through.connection.commit().unwrap_err();
        assert_eq!(
            (error.class(), error.outcome()),
            (ErrorClass::ConnectionLost, Outcome::Unknown)
        );
        expected += i64::from(delivered);
        // The server may still be at it.
        let deadline = Instant::now() + Duration::from_secs(60);
        while count(&mut database) != Value::I64(expected) {
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Has the server end the connection of `idle`.
fn end_connection(server: &MariaDbServer, database: &mut TestDatabase, idle: &mut TestDatabase) {
    let Value::I64(number) = idle.value("SELECT CONNECTION_ID()", []) else {
        panic!("a number");
    };
    server.sql("", &format!("KILL CONNECTION {number}"));
    let sql = "SELECT count(*) FROM information_schema.processlist WHERE id = ?";
    let deadline = Instant::now() + Duration::from_secs(60);
    while database.value(sql, [number.into()]) != Value::I64(0) {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(20));
    }
}

#[needs(mariadb)]
#[test]
fn a_known_query_on_a_connection_that_the_server_ended_may_run_again() {
    let server = MariaDbServer::with_tls(&[]);
    let mut database = with_table(&server);
    let encrypted = json!({"tls": "verify-full", "ca_file": server.ca_file()});
    for change in [json!({}), encrypted] {
        let mut idle = database.connect(change).unwrap();
        assert_eq!(count(&mut idle), Value::I64(0));
        end_connection(&server, &mut database, &mut idle);
        for _ in 0..2 {
            let error = idle.query("SELECT count(*) FROM t", []).err().unwrap();
            assert_eq!(
                (error.class(), error.outcome(), error.is_retryable()),
                (ErrorClass::ConnectionLost, Outcome::NotApplied, true)
            );
        }
    }
}

#[needs(mariadb)]
#[test]
fn an_encrypted_connection_that_the_server_ended_is_noticed_before_anything_is_sent() {
    let server = MariaDbServer::with_tls(&[]);
    let mut database = with_table(&server);
    let change = json!({"tls": "verify-full", "ca_file": server.ca_file()});
    let mut idle = database.connect(change).unwrap();
    assert_eq!(count(&mut idle), Value::I64(0));
    end_connection(&server, &mut database, &mut idle);
    let error = idle.execute(INSERT, []).unwrap_err();
    assert_eq!(
        (error.class(), error.outcome(), error.is_retryable()),
        (ErrorClass::ConnectionLost, Outcome::NotApplied, true)
    );
}

#[needs(mariadb)]
#[test]
fn what_a_function_wrote_for_a_query_stays_when_its_reader_has_enough() {
    // Its own, because a function makes other readers wait.
    let server = MariaDbServer::start();
    let mut database = with_table(&server);
    let function = "CREATE FUNCTION kept(n INT) RETURNS INT MODIFIES SQL DATA \
        BEGIN INSERT INTO t VALUES (n); RETURN n; END";
    database.connection.client().query_drop(function).unwrap();
    let mut kept = test_calls::Kept {
        stop_after: Some(1),
        ..Default::default()
    };
    let sql = "SELECT kept(seq) FROM seq_1_to_50000";
    database.query_into(sql, [], &mut kept).unwrap();
    assert_eq!(kept.blocks, 1);
    assert_eq!(count(&mut database), Value::I64(50_000));
    // A request to stop that came too late takes nothing back.
    let handle = database.connection.cancel_handle().unwrap();
    for round in 0..20 {
        let before = count(&mut database);
        let done = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(round % 5));
                handle.cancel().unwrap();
            });
            database.query("SELECT kept(1)", []).is_ok()
        });
        assert_eq!(count(&mut database) != before, done, "round {round}");
    }
}

#[needs(mariadb)]
#[test]
fn a_read_only_server_is_recognised() {
    let server = MariaDbServer::start();
    let mut database = with_table(&server);
    server.sql("", "SET GLOBAL read_only = 1");
    let error = database.execute(INSERT, []).unwrap_err();
    assert_eq!(
        (error.class(), error.vendor_code()),
        (ErrorClass::ReadOnly, Some(1290))
    );
    assert!(error.detail().unwrap().contains("`host`"), "{error}");
    let error = database.connect(json!({})).err().unwrap();
    assert_eq!(
        (error.class(), error.sqlstate()),
        (ErrorClass::ReadOnly, Some("25006"))
    );
    assert!(error.detail().unwrap().contains("`host`"), "{error}");
    let mut reader = database.connect(json!({"read_only": true})).unwrap();
    assert_eq!(count(&mut reader), Value::I64(0));
    server.sql("", "SET GLOBAL read_only = 0");
    assert!(database.connect(json!({})).is_ok());
}
