//! Values of every column type, as a real server gives them.

use driver_api::ValueKind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use test_needs::needs;

use super::*;
use crate::testing::TestDatabase;

const UUID: [u8; 16] = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x11\x22\x33\x44\x55\x66\x77";

#[needs(mariadb)]
#[test]
fn every_type_gives_its_kind() {
    let mut database = TestDatabase::new();
    let decimal = |text: &str| Value::Decimal(text.into());
    for (declared, literal, expected) in [
        ("BOOLEAN", "TRUE", Value::Bool(true)),
        ("TINYINT(1)", "-7", Value::I64(-7)),
        ("TINYINT", "1", Value::I64(1)),
        ("TINYINT UNSIGNED", "255", Value::I64(255)),
        ("SMALLINT", "-32768", Value::I64(-32768)),
        ("MEDIUMINT UNSIGNED", "16777215", Value::I64(16_777_215)),
        ("INT", "-2147483648", Value::I64(-2_147_483_648)),
        ("INT UNSIGNED", "4294967295", Value::I64(4_294_967_295)),
        ("BIGINT", "-9223372036854775808", Value::I64(i64::MIN)),
        (
            "BIGINT UNSIGNED",
            "9223372036854775807",
            Value::I64(i64::MAX),
        ),
        (
            "BIGINT UNSIGNED",
            "18446744073709551615",
            decimal("18446744073709551615"),
        ),
        (
            "DECIMAL(30,10)",
            "-12345678901234567890.1",
            decimal("-12345678901234567890.1000000000"),
        ),
        ("FLOAT", "0.5", Value::F64(0.5)),
        ("DOUBLE", "1e308", Value::F64(1e308)),
        ("BIT(1)", "b'1'", Value::I64(1)),
        (
            "BIT(64)",
            "x'ffffffffffffffff'",
            decimal("18446744073709551615"),
        ),
        ("CHAR(5)", "'a'", "a".into()),
        ("VARCHAR(20)", "'Grüße 🦀 '", "Grüße 🦀 ".into()),
        ("LONGTEXT", "'x'", "x".into()),
        ("ENUM('a','b')", "'b'", "b".into()),
        ("SET('a','b')", "'a,b'", "a,b".into()),
        ("JSON", "'{\"a\": [1]}'", "{\"a\": [1]}".into()),
        (
            "UUID",
            "'01234567-89AB-cdef-0011-223344556677'",
            "01234567-89ab-cdef-0011-223344556677".into(),
        ),
        ("BINARY(3)", "x'00ff'", Value::Bytes(vec![0, 255, 0])),
        ("VARBINARY(9)", "x'00ff00'", Value::Bytes(vec![0, 255, 0])),
        ("LONGBLOB", "x''", Value::Bytes(vec![])),
        ("DATE", "'2024-02-29'", Value::Date(19_782)),
        ("DATE", "'9999-12-31'", Value::Date(2_932_896)),
        ("TIME(6)", "'23:59:59.999999'", Value::Time(86_399_999_999)),
        ("TIME", "'00:00:00'", Value::Time(0)),
        (
            "DATETIME(6)",
            "'1969-12-31 23:59:59.999999'",
            Value::Timestamp(-1),
        ),
        (
            "DATETIME",
            "'2024-02-29'",
            Value::Timestamp(19_782 * MICROS_PER_DAY),
        ),
        (
            "TIMESTAMP(6)",
            "'1970-01-02 00:00:00.000001'",
            Value::TimestampTz(MICROS_PER_DAY + 1),
        ),
        ("YEAR", "2024", Value::I64(2024)),
        ("INT", "NULL", Value::Null),
    ] {
        database.run(&[
            &format!("CREATE OR REPLACE TABLE t(v {declared} NULL)"),
            &format!("INSERT INTO t VALUES ({literal})"),
        ]);
        let kept = database.query("SELECT v FROM t", []).unwrap();
        assert_eq!(kept.rows, [[expected.clone()]], "{declared} {literal}");
        if let (Some(kind), false) = (kept.columns[0].kind, expected == Value::Null) {
            assert_eq!(kind, expected.as_ref().kind(), "{declared}");
        }
    }
}

#[needs(mariadb)]
#[test]
fn what_has_no_counterpart_names_column_and_type() {
    let mut database = TestDatabase::new();
    for (declared, literal, message, sqlstate) in [
        ("DATE", "0", "DATE holds a value that is no date", "22007"),
        (
            "DATETIME",
            "0",
            "DATETIME holds a value that is no date",
            "22007",
        ),
        (
            "TIMESTAMP",
            "0",
            "TIMESTAMP holds a value that is no date",
            "22007",
        ),
        (
            "TIME",
            "'-00:00:01'",
            "TIME holds a time that is negative",
            "22007",
        ),
        (
            "TIME",
            "'24:00:00'",
            "TIME holds a time that is negative, or a day or more",
            "22007",
        ),
        ("TIME", "'838:59:59'", "TIME holds a time", "22007"),
        (
            "GEOMETRY",
            "POINT(1, 2)",
            "GEOMETRY holds values that have no counterpart",
            "0A000",
        ),
    ] {
        database.run(&[
            &format!("CREATE OR REPLACE TABLE t(odd {declared} NULL)"),
            &format!("INSERT IGNORE INTO t VALUES ({literal})"),
        ]);
        let error = database
            .query("SELECT 1 AS a, odd FROM t", [])
            .err()
            .unwrap();
        let found = (error.class(), error.sqlstate());
        assert_eq!(found, (ErrorClass::InvalidValue, Some(sqlstate)), "{error}");
        let expected = format!("the column `odd` of type {message}");
        assert!(error.message().starts_with(&expected), "{error}");
        assert_eq!(database.value("SELECT 1", []), Value::I64(1));
    }
}

#[needs(mariadb)]
#[test]
fn what_the_server_has_not_is_stored_as_documented() {
    let mut database = TestDatabase::new();
    for (value, back) in [
        (Value::Bool(true), Value::I64(1)),
        (Value::Decimal("-12.3400".into()), "-12.3400".into()),
        (
            Value::from(u64::MAX),
            Value::Decimal("18446744073709551615".into()),
        ),
        (Value::Json("{\"a\": [1]}".into()), "{\"a\": [1]}".into()),
        (
            Value::Uuid(UUID),
            "01234567-89ab-cdef-0011-223344556677".into(),
        ),
        (Value::Timestamp(-1), Value::Timestamp(-1)),
        (Value::TimestampTz(500_000), Value::Timestamp(500_000)),
        (Value::Time(86_399_000_001), Value::Time(86_399_000_001)),
    ] {
        assert_eq!(database.value("SELECT ? AS v", [value]), back);
    }
}

#[needs(mariadb)]
#[test]
fn what_would_be_changed_in_silence_is_refused() {
    let mut database = TestDatabase::new();
    for (value, sqlstate) in [
        (Value::F64(f64::NAN), "22023"),
        (Value::F64(f64::INFINITY), "22023"),
        (Value::Date(i32::MAX), "22008"),
        (Value::Time(-1), "22008"),
        (Value::Time(MICROS_PER_DAY), "22008"),
        (Value::Timestamp(i64::MIN), "22008"),
    ] {
        let error = database
            .query("SELECT ?, ?", [Value::Null, value])
            .err()
            .unwrap();
        let found = (error.class(), error.sqlstate());
        assert_eq!(found, (ErrorClass::InvalidValue, Some(sqlstate)));
        assert!(error.message().starts_with("parameter 2 "), "{error}");
    }
}

/// The columns of the table of the test below, and what each takes.
fn columns() -> Vec<(&'static str, BoxedStrategy<Value>)> {
    let days = -719_528_i32..=2_932_896;
    let micros = -719_528 * MICROS_PER_DAY..=2_932_896 * MICROS_PER_DAY;
    vec![
        ("BOOLEAN", any::<bool>().prop_map(Value::Bool).boxed()),
        ("BIGINT", any::<i64>().prop_map(Value::I64).boxed()),
        (
            "BIGINT UNSIGNED",
            any::<u64>().prop_map(Value::from).boxed(),
        ),
        (
            "DOUBLE",
            proptest::num::f64::NORMAL.prop_map(Value::F64).boxed(),
        ),
        (
            "DECIMAL(40,5)",
            "-?[1-9][0-9]{0,30}\\.[0-9]{5}"
                .prop_map(Value::Decimal)
                .boxed(),
        ),
        ("LONGTEXT", any::<String>().prop_map(Value::Text).boxed()),
        ("LONGBLOB", any::<Vec<u8>>().prop_map(Value::Bytes).boxed()),
        ("DATE", days.prop_map(Value::Date).boxed()),
        ("TIME(6)", (0..MICROS_PER_DAY).prop_map(Value::Time).boxed()),
        ("DATETIME(6)", micros.prop_map(Value::Timestamp).boxed()),
        (
            "TIMESTAMP(6)",
            (1_000_000..2_147_483_647_000_000_i64)
                .prop_map(Value::TimestampTz)
                .boxed(),
        ),
    ]
}

#[needs(mariadb)]
#[test]
fn values_come_back_as_they_were() {
    let mut database = TestDatabase::new();
    let (types, strategies): (Vec<_>, Vec<_>) = columns().into_iter().unzip();
    let declared: Vec<_> = types
        .iter()
        .enumerate()
        .map(|(i, declared)| format!("c{i} {declared} NULL"))
        .collect();
    database.run(&[&format!("CREATE TABLE t({})", declared.join(", "))]);
    let insert = format!(
        "INSERT INTO t VALUES ({})",
        vec!["?"; types.len()].join(", ")
    );
    let cells: Vec<_> = strategies
        .into_iter()
        .map(|strategy| prop_oneof![9 => strategy, 1 => Just(Value::Null)])
        .collect();
    let rows = prop::collection::vec(cells, 1..4);
    let shared = std::cell::RefCell::new(database);
    let mut runner = TestRunner::new(Config::with_cases(100));
    runner
        .run(&rows, |rows| {
            shared.borrow_mut().run(&["DELETE FROM t"]);
            shared.borrow_mut().execute_many(&insert, &rows).unwrap();
            let back = shared.borrow_mut().rows("SELECT * FROM t", []);
            prop_assert_eq!(back, rows);
            Ok(())
        })
        .unwrap();
}

#[needs(mariadb)]
#[test]
fn large_values_pass_both_ways() {
    let mut database = TestDatabase::new();
    database.run(&["CREATE TABLE t(a LONGBLOB, b LONGTEXT)"]);
    let (bytes, text) = (vec![255; 10 << 20], "ü".repeat(2 << 20));
    let row = [Value::Bytes(bytes.clone()), Value::Text(text.clone())];
    database
        .execute("INSERT INTO t VALUES (?, ?)", row)
        .unwrap();
    let rows = database.rows("SELECT a, b FROM t", []);
    assert!(rows == [[Value::Bytes(bytes), Value::Text(text)]]);
    let huge = Value::Bytes(vec![1; 40 << 20]);
    let error = database
        .execute("INSERT INTO t(a) VALUES (?)", [huge])
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::LimitExceeded, "{error}");
}

#[needs(mariadb)]
#[test]
fn the_kind_is_told_before_the_rows() {
    let mut database = TestDatabase::new();
    let sql = "SELECT CAST('a' AS BINARY) a, 1.5 b, 1e0 c, CURRENT_DATE d, CURRENT_TIME e, NOW() f, NULL g";
    let kinds: Vec<_> = database
        .query(sql, [])
        .unwrap()
        .columns
        .into_iter()
        .map(|column| column.kind)
        .collect();
    use ValueKind::{Bytes, Date, Decimal, F64, Time, Timestamp};
    assert_eq!(
        kinds,
        [
            Some(Bytes),
            Some(Decimal),
            Some(F64),
            Some(Date),
            Some(Time),
            Some(Timestamp),
            None
        ]
    );
}
