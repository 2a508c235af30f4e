//! Parameters of every type, bound on a real server and in the form of the protocol.

use driver_api::{ErrorClass, Value};
use test_needs::needs;

use super::*;
use crate::testing::TestDatabase;

#[test]
fn the_same_number_is_recognised_however_it_is_written() {
    for (one, other) in [
        ("1.50", "1.5"),
        ("1e3", "1000"),
        ("-0.010", "-1e-2"),
        ("0.0", "0"),
    ] {
        assert!(same_number(one, other), "{one} {other}");
    }
    for (one, other) in [
        ("1.5", "1.6"),
        ("1", "-1"),
        ("10", "1"),
        ("x", "x"),
        ("", ""),
    ] {
        assert!(!same_number(one, other), "{one} {other}");
    }
}

#[needs(postgresql)]
#[test]
fn what_fits_without_loss_is_taken_and_what_does_not_is_refused() {
    let mut database = TestDatabase::new();
    for (ty, value, expected) in [
        ("numeric", Value::I64(i64::MAX), "9223372036854775807"),
        ("numeric", Value::F64(0.1), "0.1"),
        ("numeric", Value::F64(f64::NEG_INFINITY), "-Infinity"),
        ("bigint", Value::Decimal("42".into()), "42"),
        ("float8", Value::I64(1 << 53), "9.007199254740992e+15"),
        ("float8", Value::Decimal("0.10".into()), "0.1"),
        ("boolean", Value::I64(1), "true"),
        (
            "uuid",
            "01234567-89AB-cdef-0011-223344556677".into(),
            "01234567-89ab-cdef-0011-223344556677",
        ),
        ("date", "2024-02-29".into(), "2024-02-29"),
        ("jsonb", "[1]".into(), "[1]"),
        ("interval", "36 hours".into(), "36:00:00"),
        ("int[]", "{1,2}".into(), "{1,2}"),
        ("integer", "17".into(), "17"),
    ] {
        let sql = format!("SELECT CAST(CAST(? AS {ty}) AS text)");
        assert_eq!(
            database.value(&sql, [value.clone()]),
            expected.into(),
            "{ty} {value:?}"
        );
    }
    for (ty, value, sqlstate) in [
        ("smallint", Value::I64(40_000), "22003"),
        ("integer", Value::I64(1 << 31), "22003"),
        ("boolean", Value::I64(2), "22003"),
        ("float8", Value::I64((1 << 53) + 1), "22003"),
        ("float4", Value::F64(0.1), "22003"),
        (
            "float8",
            Value::Decimal("0.10000000000000000001".into()),
            "22003",
        ),
        ("integer", Value::Bool(true), "22018"),
        ("integer", Value::F64(1.0), "22018"),
        ("bytea", "abc".into(), "22018"),
        ("timestamp", Value::TimestampTz(0), "22018"),
        ("text", "a\0b".into(), "22021"),
        ("date", "2024-02-30".into(), "22008"),
        ("uuid", "nonsense".into(), "22P02"),
        ("time", Value::Time(-1), "22008"),
        ("timestamp", Value::Timestamp(i64::MIN), "22008"),
    ] {
        let sql = format!("SELECT ?::int, CAST(? AS {ty})");
        let error = database
            .query(&sql, [Value::Null, value.clone()])
            .err()
            .unwrap();
        let found = (error.class(), error.sqlstate());
        assert_eq!(
            found,
            (ErrorClass::InvalidValue, Some(sqlstate)),
            "{ty} {value:?}: {error}"
        );
    }
    let error = database
        .query("SELECT ?::int2", [Value::I64(70_000)])
        .err()
        .unwrap();
    assert_eq!(error.message(), "parameter 1 does not fit smallint");
}

#[needs(postgresql)]
#[test]
fn values_of_other_kinds_go_into_text_columns_as_their_text() {
    let mut database = TestDatabase::new();
    database.run("CREATE TABLE t(a text)");
    for (value, expected) in [
        (Value::I64(-5), "-5"),
        (Value::Bool(true), "true"),
        (Value::Date(19_782), "2024-02-29"),
        (Value::Json("[1, 2]".into()), "[1, 2]"),
    ] {
        database
            .execute("INSERT INTO t VALUES (?)", [value])
            .unwrap();
        assert_eq!(
            database.value("DELETE FROM t RETURNING a", []),
            expected.into()
        );
    }
}
