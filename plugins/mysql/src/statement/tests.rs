//! Statements on a real server: one a call, strings and headers, caching, ends before the last row.

use driver_api::{Connection as _, Value};
use serde_json::json;
use test_needs::needs;

use super::*;
use crate::testing::TestDatabase;
use test_calls::{Kept, memory};

fn with_table() -> TestDatabase {
    let mut database = TestDatabase::new();
    database.run(&[
        "CREATE TABLE t(id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80), flag BOOLEAN)",
    ]);
    database
}

#[needs(mariadb)]
#[test]
fn a_call_takes_exactly_one_statement() {
    let mut database = with_table();
    for sql in [
        "SELECT 1; SELECT 2",
        "INSERT INTO t VALUES (1, 'a', 1); DELETE FROM t",
        "SELECT 1; not even SQL",
        "SELECT 'a\\'; DROP TABLE t; -- '",
    ] {
        let error = database.execute(sql, []).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Syntax, "{sql}: {error}");
        assert!(error.message().contains("more than one"), "{sql}: {error}");
    }
    for sql in [
        "SELECT 1;",
        " SELECT 1 ; ; ",
        "SELECT 1; -- end",
        "/* a */ SELECT 1 /* b */;",
        "SELECT 1 # end",
    ] {
        assert_eq!(database.value(sql, []), Value::I64(1), "{sql}");
    }
    assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
}

#[needs(mariadb)]
#[test]
fn strings_are_those_of_other_databases() {
    let mut database = TestDatabase::new();
    for (sql, expected) in [
        ("SELECT 'a\\'", "a\\"),
        ("SELECT 'a' || 'b'", "ab"),
        ("SELECT 'it''s'", "it's"),
        ("SELECT '\\' || ' :name ?'", "\\ :name ?"),
        ("SELECT /* it's :a */ ':b'", ":b"),
        (
            "SELECT \"quoted name\" FROM (SELECT 'x' AS \"quoted name\") q",
            "x",
        ),
    ] {
        assert_eq!(database.value(sql, []), expected.into(), "{sql}");
    }
    for (left, right) in [("a", "A"), ("a", "a "), ("ä", "a"), ("ss", "ß")] {
        let same = database.value("SELECT ? = ?", [left.into(), right.into()]);
        assert_eq!(same, Value::I64(0), "{left} {right}");
    }
    let hostile = "`x\"; DROP TABLE t; -- ' \\ :a ? é";
    assert_eq!(database.value("SELECT ?", [hostile.into()]), hostile.into());
}

#[test]
fn a_colon_that_the_client_library_misreads_is_passed_all_the_same() {
    for sql in [
        "SELECT 1",
        "SELECT ':a'",
        "SELECT '\\', ':a'",
        "SELECT '\\' /* x */, ':a'",
    ] {
        let guarded = guarded(sql).unwrap();
        assert!(guarded.ends_with(sql));
        let parsed = ParsedNamedParams::parse(guarded.as_bytes()).unwrap();
        assert!(parsed.params().is_empty(), "{guarded}");
    }
    assert_eq!(guarded("SELECT ':a', ?").unwrap(), "SELECT ':a', ?");
    let error = guarded("SELECT '\\', ':a', '*/ :b ` :c'").unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unsupported);
}

#[needs(mariadb)]
#[test]
fn the_header_has_names_types_and_kinds_even_without_rows() {
    use driver_api::ValueKind::{I64, Text};
    let mut database = with_table();
    let sql = "SELECT id, name AS label, flag, id + 1 AS more FROM t";
    let header: Vec<_> = database
        .query(sql, [])
        .unwrap()
        .columns
        .into_iter()
        .map(|column| (column.name, column.declared_type, column.kind))
        .collect();
    let expected = [
        ("id", "BIGINT", Some(I64)),
        ("label", "VARCHAR(80)", Some(Text)),
        ("flag", "TINYINT(1)", None),
        ("more", "BIGINT", Some(I64)),
    ]
    .map(|(name, declared, kind)| (name.to_owned(), declared.to_owned(), kind));
    assert_eq!(header, expected);
    database.run(&["INSERT INTO t VALUES (1, 'a', true)"]);
    let kept = database.query(sql, []).unwrap();
    assert_eq!(kept.rows, [[1.into(), "a".into(), true.into(), 2.into()]]);
}

#[needs(mariadb)]
#[test]
fn a_cached_statement_sees_a_change_of_the_schema() {
    let mut database = with_table();
    let sql = "SELECT * FROM t";
    assert_eq!(database.query(sql, []).unwrap().columns.len(), 3);
    database.run(&["ALTER TABLE t ADD COLUMN more TEXT"]);
    assert_eq!(database.query(sql, []).unwrap().columns.len(), 4);
    database.run(&[
        "INSERT INTO t(id) VALUES (1)",
        "ALTER TABLE t DROP COLUMN flag, MODIFY name BLOB",
    ]);
    let kept = database.query(sql, []).unwrap();
    assert_eq!((kept.columns.len(), kept.rows[0].len()), (3, 3));
    assert_eq!(kept.columns[1].declared_type, "BLOB");
}

#[needs(mariadb)]
#[test]
fn a_wrong_number_of_parameters_names_both_numbers() {
    let mut database = with_table();
    let error = database.query("SELECT ?, ?", [Value::Null]).err().unwrap();
    assert_eq!(error.class(), ErrorClass::ParameterCount);
    assert_eq!(
        error.message(),
        "the statement has 2 placeholders, 1 parameters came"
    );
    let rows = [vec![Value::Null; 2]];
    let error = database.execute_many("DELETE FROM t WHERE id = ?", &rows);
    assert_eq!(error.unwrap_err().class(), ErrorClass::ParameterCount);
}

fn numbers(stop_after: usize) -> Kept {
    Kept {
        stop_after: Some(stop_after),
        ..Kept::default()
    }
}

#[needs(mariadb)]
#[test]
fn a_reader_that_has_enough_ends_a_query_early_and_the_connection_goes_on() {
    let mut database = with_table();
    database.run(&["INSERT INTO t(name) VALUES ('kept')"]);
    database
        .connection
        .begin(driver_api::TransactionMode::ReadWrite)
        .unwrap();
    database.run(&["INSERT INTO t(name) VALUES ('new')"]);
    for stop_after in [0, 1, 2] {
        let mut kept = numbers(stop_after);
        // It would take hours to its end.
        let sql = "SELECT seq FROM seq_1_to_1000000000000";
        database.query_into(sql, [], &mut kept).unwrap();
        assert_eq!(kept.blocks, stop_after);
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(2));
    }
    database.connection.commit().unwrap();
    assert_eq!(
        database.again().value("SELECT count(*) FROM t", []),
        Value::I64(2)
    );
}

#[needs(mariadb)]
#[test]
fn a_write_whose_rows_nobody_wants_is_still_done() {
    let mut database = with_table();
    let sql = "INSERT INTO t(name) VALUES ('a'), ('b') RETURNING id";
    assert_eq!(database.rows(sql, []), [[1.into()], [Value::I64(2)]]);
    database.query_into(sql, [], &mut numbers(0)).unwrap();
    assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(4));
    let kept = database.query("DELETE FROM t", []).unwrap();
    assert!(kept.columns.is_empty());
}

#[needs(mariadb)]
#[test]
fn a_returned_row_that_cannot_be_given_takes_the_write_back() {
    let mut database = with_table();
    let sql = "INSERT INTO t(name) VALUES ('a') RETURNING POINT(1, 2)";
    let error = database.query(sql, []).err().unwrap();
    assert_eq!(error.class(), ErrorClass::InvalidValue);
    assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
}

#[needs(mariadb)]
#[test]
fn no_more_statements_are_kept_than_the_limit() {
    let database = with_table();
    for (limit, kept) in [(0, 1), (1, 1), (3, 3)] {
        let mut database = database.connect(json!({"statement_cache": limit})).unwrap();
        for number in 0..10 {
            let sql = format!("SELECT {number} + ?");
            assert_eq!(database.value(&sql, [1.into()]), Value::I64(number + 1));
            assert_eq!(database.value(&sql, [2.into()]), Value::I64(number + 2));
        }
        assert_eq!(database.connection.statements_kept(), kept);
        let rows = database.rows("SHOW SESSION STATUS LIKE 'Com_stmt_close'", []);
        let closed: usize = rows[0][1].to_owned().as_text().parse().unwrap();
        assert!(closed >= 10 - kept, "{closed}");
    }
}

trait AsText {
    fn as_text(&self) -> &str;
}

impl AsText for Value {
    fn as_text(&self) -> &str {
        match self {
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }
}

fn result(rows_affected: u64, last_insert_id: Option<i64>) -> ExecuteResult {
    ExecuteResult {
        rows_affected,
        last_insert_id,
    }
}

#[needs(mariadb)]
#[test]
fn the_result_is_that_of_this_statement() {
    let mut database = with_table();
    database.run(&["CREATE TABLE u(id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT UNIQUE)"]);
    for (sql, expected) in [
        ("INSERT INTO t(name) VALUES ('a')", result(1, Some(1))),
        ("INSERT INTO u(n) VALUES (5)", result(1, Some(1))),
        ("SELECT * FROM t", result(0, None)),
        ("CREATE TABLE v(a INT)", result(0, None)),
        ("UPDATE t SET name = 'b'", result(1, None)),
        // Found, though not changed.
        ("UPDATE t SET name = 'b'", result(1, None)),
        ("UPDATE t SET name = 'b' WHERE id = 7", result(0, None)),
        ("INSERT IGNORE INTO u(n) VALUES (5)", result(0, None)),
        ("INSERT INTO u(n) VALUES (7), (8)", result(2, None)),
        ("DELETE FROM u", result(3, None)),
    ] {
        assert_eq!(database.execute(sql, []).unwrap(), expected, "{sql}");
    }
}

#[needs(mariadb)]
#[test]
fn a_description_does_not_run_the_statement() {
    let mut database = with_table();
    let insert = database
        .connection
        .describe("INSERT INTO t VALUES (?, ?, 0)")
        .unwrap();
    assert_eq!((insert.parameters, insert.read_only), (2, false));
    let select = database
        .connection
        .describe("SELECT name AS label FROM t")
        .unwrap();
    assert_eq!((select.parameters, select.read_only), (0, true));
    assert_eq!(select.columns[0].name, "label");
    assert_eq!(select.columns[0].declared_type, "VARCHAR(80)");
    assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
    let error = database
        .connection
        .describe("SELECT * FROM nowhere")
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::NotFound);
}

#[needs(mariadb)]
#[test]
fn a_long_result_takes_no_more_memory_than_a_short_one() {
    memory::alone(
        "statement::tests::a_long_result_takes_no_more_memory_than_a_short_one",
        || {
            let mut database = TestDatabase::new();
            let sql = "SELECT seq, repeat('x', 200) FROM seq_1_to_500000";
            let mut counted = memory::Counted::default();
            let growth = memory::growth(|| database.query_into(sql, [], &mut counted).unwrap());
            assert_eq!(counted.rows, 500_000);
            assert!(growth < 16 << 20, "{growth}");
            // All of it at once would be more than that.
            let growth = memory::growth(|| drop(database.query(sql, []).unwrap()));
            assert!(growth > 100 << 20, "{growth}");
        },
    );
}
