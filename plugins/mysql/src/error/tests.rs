//! Errors of a real server, and of those that none can be made to give.

use test_needs::needs;

use super::*;

fn server(code: u16, state: &str, message: &str) -> DriverError {
    from_server(MySqlError {
        state: state.into(),
        message: message.into(),
        code,
    })
}

#[test]
fn what_no_test_can_provoke_is_classified() {
    for (code, state, message, class, retryable) in [
        (1040, "08004", "Too many connections", Unavailable, true),
        (
            1290,
            "HY000",
            "running with the --read-only option",
            ReadOnly,
            false,
        ),
        (
            1290,
            "HY000",
            "running with the --secure-file-priv option",
            Access,
            false,
        ),
        (1836, "HY000", "Running in read-only mode", ReadOnly, false),
        (1213, "40001", "Deadlock found", Conflict, true),
        (1205, "HY000", "Lock wait timeout", Busy, true),
        (
            1030,
            "HY000",
            "Got error 28 \"No space left on device\"",
            DiskFull,
            false,
        ),
        (
            3024,
            "HY000",
            "maximum statement execution time exceeded",
            Timeout,
            false,
        ),
        (
            1028,
            "HY000",
            "Sort aborted: Query execution was interrupted",
            Cancelled,
            false,
        ),
        (
            1053,
            "08S01",
            "Server shutdown in progress",
            ConnectionLost,
            false,
        ),
        (9999, "22123", "", InvalidValue, false),
        (9999, "HY000", "", Internal, false),
    ] {
        let error = server(code, state, message);
        assert_eq!(
            (error.class(), error.is_retryable()),
            (class, retryable),
            "{code}"
        );
        assert_eq!(error.sqlstate(), Some(state));
        assert_eq!(error.vendor_code(), Some(code.into()));
    }
}

#[test]
fn only_some_errors_end_the_transaction() {
    let deadlock = server(1213, "40001", "");
    let lock_wait = server(1205, "HY000", "");
    assert!(ends_transaction(&deadlock, false));
    assert!(ends_transaction(&server(1206, "HY000", ""), false));
    assert!(!ends_transaction(&server(1062, "23000", ""), true));
    assert!(!ends_transaction(&lock_wait, false));
    assert!(ends_transaction(&lock_wait, true));
}

#[needs(mariadb)]
#[test]
fn every_failure_of_a_statement_has_class_sqlstate_and_code() {
    use crate::testing::TestDatabase;
    let mut database = TestDatabase::new();
    database.run(&[
        "CREATE TABLE parent(id INT PRIMARY KEY, name VARCHAR(10) NOT NULL UNIQUE, \
         age TINYINT CHECK (age >= 0))",
        "CREATE TABLE child(parent INT, FOREIGN KEY (parent) REFERENCES parent(id))",
        "CREATE TRIGGER kept BEFORE DELETE ON parent FOR EACH ROW SIGNAL SQLSTATE '45000'",
        "INSERT INTO parent VALUES (1, 'one', 1)",
    ]);
    for (sql, class, sqlstate, code) in [
        (
            "INSERT INTO parent VALUES (2, 'one', 1)",
            Constraint,
            "23000",
            1062,
        ),
        ("INSERT INTO child VALUES (9)", Constraint, "23000", 1452),
        (
            "INSERT INTO parent VALUES (3, NULL, 1)",
            Constraint,
            "23000",
            1048,
        ),
        (
            "INSERT INTO parent(id) VALUES (3)",
            Constraint,
            "HY000",
            1364,
        ),
        (
            "INSERT INTO parent VALUES (3, 'x', -1)",
            Constraint,
            "23000",
            4025,
        ),
        ("DELETE FROM parent", Constraint, "45000", 1644),
        (
            "INSERT INTO parent VALUES (3, 'x', 300)",
            InvalidValue,
            "22003",
            1264,
        ),
        (
            "INSERT INTO parent VALUES ('y', 'x', 1)",
            InvalidValue,
            "22007",
            1366,
        ),
        (
            "INSERT INTO parent VALUES (3, 'longer than ten', 1)",
            InvalidValue,
            "22001",
            1406,
        ),
        ("SELEC 1", Syntax, "42000", 1064),
        ("SELECT (", Syntax, "42000", 1064),
        ("INSERT INTO parent VALUES (1)", Syntax, "21S01", 1136),
        ("SELECT * FROM nowhere", NotFound, "42S02", 1146),
        ("SELECT absent FROM parent", NotFound, "42S22", 1054),
        ("SELECT absent()", NotFound, "42000", 1305),
        ("DROP INDEX absent ON parent", NotFound, "42000", 1091),
        ("CREATE TABLE parent(a INT)", AlreadyExists, "42S01", 1050),
        (
            "ALTER TABLE parent ADD COLUMN age INT",
            AlreadyExists,
            "42S21",
            1060,
        ),
        (
            "SELECT 9223372036854775807 + 1",
            InvalidValue,
            "22003",
            1690,
        ),
        (
            "CREATE TABLE wide(a VARCHAR(4096) CHARACTER SET utf8mb4 PRIMARY KEY)",
            LimitExceeded,
            "42000",
            1071,
        ),
        (
            "SELECT * FROM mysql.global_priv_absent",
            NotFound,
            "42S02",
            1146,
        ),
    ] {
        let error = database.execute(sql, []).unwrap_err();
        let found = (error.class(), error.sqlstate(), error.vendor_code());
        assert_eq!(found, (class, Some(sqlstate), Some(code)), "{sql}: {error}");
        assert!(!error.is_retryable(), "{sql}");
    }
}

#[needs(mariadb)]
#[test]
fn a_file_of_this_machine_is_never_sent() {
    use crate::testing::TestDatabase;
    use mysql::prelude::Queryable;
    let mut database = TestDatabase::new();
    database.run(&["CREATE TABLE t(a TEXT)"]);
    let sql = "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t";
    assert_eq!(database.execute(sql, []).unwrap_err().class(), Access);
    // As a server would that asks for a file on its own.
    let client = database.connection.client();
    assert!(client.query_drop(sql).is_err());
    assert_eq!(
        database.again().value("SELECT count(*) FROM t", []),
        0i64.into()
    );
}
