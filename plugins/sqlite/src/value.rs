//! Values between the host's kinds and SQLite's five storage classes.
//!
//! | parameter | stored as |
//! |---|---|
//! | null, i64, text, bytes | the same |
//! | bool | INTEGER 0 or 1 |
//! | f64 | REAL; NaN is refused, because SQLite would store NULL |
//! | decimal, json | TEXT as it is (a column of numeric affinity turns it into a number: declare TEXT to keep every digit) |
//! | date | TEXT `2024-02-29` |
//! | time | TEXT `23:59:59`, `23:59:59.000001` |
//! | timestamp | TEXT `2024-02-29 23:59:59`, with a fraction only where there is one |
//! | timestamp with zone | the same in UTC, with `+00:00` |
//! | uuid | TEXT in lower case with hyphens |
//!
//! A result has what is stored: INTEGER is i64, REAL f64, TEXT text, BLOB bytes. The declared type
//! of a column is in the result's header and changes nothing: BOOLEAN stays i64, DATE stays text.

use driver_api::{DriverError, ErrorClass, Flow, Result, RowSink, SinkRow, ValueRef};
use rusqlite::types::{Null, ToSql, ValueRef as SqliteRef};
use rusqlite::{Row, Statement};

use crate::datetime;
use crate::error::{IntoDriverResult, invalid_value};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Binds a value to a placeholder; the first has the index 1.
pub(crate) fn bind(statement: &mut Statement<'_>, index: usize, value: ValueRef<'_>) -> Result<()> {
    match value {
        ValueRef::Null => put(statement, index, Null),
        ValueRef::Bool(v) => put(statement, index, v),
        ValueRef::I64(v) => put(statement, index, v),
        ValueRef::F64(v) if v.is_nan() => Err(refused(index, "is NaN, which SQLite cannot store")),
        ValueRef::F64(v) => put(statement, index, v),
        ValueRef::Text(v) | ValueRef::Decimal(v) | ValueRef::Json(v) => put(statement, index, v),
        ValueRef::Bytes(v) => put(statement, index, v),
        ValueRef::Uuid(v) => put(statement, index, uuid(v)),
        ValueRef::Date(v) => put_moment(statement, index, datetime::date(v.into())),
        ValueRef::Time(v) => put_moment(statement, index, datetime::time(v)),
        ValueRef::Timestamp(v) => put_moment(statement, index, datetime::timestamp(v)),
        ValueRef::TimestampTz(v) => put_moment(statement, index, datetime::timestamp_tz(v)),
        other => Err(refused(
            index,
            &format!("has the unknown kind {}", other.kind()),
        )),
    }
}

#[inline]
fn put(statement: &mut Statement<'_>, index: usize, value: impl ToSql) -> Result<()> {
    statement.raw_bind_parameter(index, value).driver_result()
}

fn put_moment(statement: &mut Statement<'_>, index: usize, text: Option<String>) -> Result<()> {
    let text = text.ok_or_else(|| {
        let message = format!("parameter {index} is outside the years 0000 to 9999, or one day");
        invalid_value(message, "22008")
    })?;
    put(statement, index, text)
}

fn refused(index: usize, why: &str) -> DriverError {
    invalid_value(format!("parameter {index} {why}"), "22023")
}

fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(HEX[usize::from(byte >> 4)].into());
        text.push(HEX[usize::from(byte & 15)].into());
    }
    text
}

/// Pushes one row of a result.
#[inline]
pub(crate) fn push_row(row: &Row<'_>, columns: usize, rows: &mut RowSink<'_>) -> Result<Flow> {
    let mut out = rows.row()?;
    for index in 0..columns {
        push_cell(row, index, &mut out)?;
    }
    out.finish()
}

#[inline]
fn push_cell(row: &Row<'_>, index: usize, out: &mut SinkRow<'_>) -> Result<()> {
    match row.get_ref(index).driver_result()? {
        SqliteRef::Null => out.push(ValueRef::Null),
        SqliteRef::Integer(v) => out.push(v),
        SqliteRef::Real(v) => out.push(v),
        SqliteRef::Text(v) => out.push(std::str::from_utf8(v).map_err(|_| not_utf8(row, index))?),
        SqliteRef::Blob(v) => out.push(v),
    }
    Ok(())
}

#[cold]
fn not_utf8(row: &Row<'_>, index: usize) -> DriverError {
    let name = row.as_ref().column_name(index).unwrap_or_default();
    DriverError::new(
        ErrorClass::InvalidValue,
        format!("the column `{name}` holds text that is not UTF-8"),
    )
    .with_detail("select it as CAST(... AS BLOB) to get its bytes")
    .with_sqlstate("22021")
}

#[cfg(test)]
mod tests {
    use driver_api::Value;

    use super::*;
    use crate::testing::TestDatabase;

    /// The value after a round trip through a column without affinity, and what SQLite stored.
    fn stored(value: Value) -> (Value, String) {
        let mut database = TestDatabase::new();
        database.execute("CREATE TABLE t(v)", []).unwrap();
        database
            .execute("INSERT INTO t VALUES (?)", [value])
            .unwrap();
        let rows = database.rows("SELECT v, typeof(v) FROM t", []);
        let Value::Text(storage) = &rows[0][1] else {
            panic!("{rows:?}")
        };
        (rows[0][0].clone(), storage.clone())
    }

    #[test]
    fn what_sqlite_has_comes_back_as_it_was() {
        for (value, storage) in [
            (Value::Null, "null"),
            (Value::I64(i64::MIN), "integer"),
            (Value::I64(i64::MAX), "integer"),
            (Value::I64(0), "integer"),
            (Value::F64(-0.5), "real"),
            (Value::F64(f64::MAX), "real"),
            (Value::F64(f64::INFINITY), "real"),
            (Value::F64(1.0), "real"),
            (Value::Text(String::new()), "text"),
            (Value::Text("a\0b\0".into()), "text"),
            (Value::Text("Grüße 你好 🦀".into()), "text"),
            (Value::Text("x".repeat(1 << 20)), "text"),
            (Value::Bytes(Vec::new()), "blob"),
            (Value::Bytes(vec![0, 255, 0]), "blob"),
            (Value::Bytes(vec![7; 1 << 20]), "blob"),
        ] {
            assert_eq!(stored(value.clone()), (value, storage.to_owned()));
        }
    }

    #[test]
    fn what_sqlite_has_not_is_stored_as_documented() {
        let uuid =
            Value::Uuid(*b"\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x11\x22\x33\x44\x55\x66\x77");
        for (value, back) in [
            (Value::Bool(true), Value::I64(1)),
            (Value::Bool(false), Value::I64(0)),
            (Value::Decimal("-12.3400".into()), "-12.3400".into()),
            (Value::from(u64::MAX), "18446744073709551615".into()),
            (Value::Json("{\"a\": [1]}".into()), "{\"a\": [1]}".into()),
            (Value::Date(19_782), "2024-02-29".into()),
            (Value::Time(86_399_000_001), "23:59:59.000001".into()),
            (Value::Timestamp(-1_000_000), "1969-12-31 23:59:59".into()),
            (
                Value::TimestampTz(500_000),
                "1970-01-01 00:00:00.500000+00:00".into(),
            ),
            (uuid, "01234567-89ab-cdef-0011-223344556677".into()),
        ] {
            assert_eq!(stored(value).0, back);
        }
    }

    #[test]
    fn what_would_be_changed_in_silence_is_refused() {
        let mut database = TestDatabase::new();
        for (value, sqlstate) in [
            (Value::F64(f64::NAN), "22023"),
            (Value::Date(i32::MAX), "22008"),
            (Value::Time(-1), "22008"),
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

    #[test]
    fn text_that_is_not_utf8_names_its_column() {
        let mut database = TestDatabase::new();
        let error = database
            .query("SELECT 1, CAST(x'ff41' AS TEXT) AS odd", [])
            .err()
            .unwrap();
        assert_eq!(
            (error.class(), error.sqlstate()),
            (ErrorClass::InvalidValue, Some("22021"))
        );
        assert_eq!(
            error.message(),
            "the column `odd` holds text that is not UTF-8"
        );
        let bytes = database.value("SELECT CAST(CAST(x'ff41' AS TEXT) AS BLOB)", []);
        assert_eq!(bytes, Value::Bytes(vec![0xff, 0x41]));
    }
}
