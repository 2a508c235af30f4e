//! A result's cells: from PostgreSQL's binary forms to the host's kinds, without loss.

use std::error::Error;

use driver_api::{DriverError, ErrorClass, Flow, Result, RowSink, SinkRow, ValueRef};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use crate::error::{from_postgres, invalid_value};
use crate::numeric;
use crate::parameter::{EPOCH_DAYS, EPOCH_MICROS, JSONB_VERSION};
use crate::types::Sort;

/// The bytes of a cell, as the server sent them; `None` is null.
struct Cell<'r>(Option<&'r [u8]>);

impl<'r> FromSql<'r> for Cell<'r> {
    fn from_sql(
        _: &Type,
        raw: &'r [u8],
    ) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Pushes one row of a result whose columns are of these sorts.
#[inline]
pub(crate) fn push_row(row: &Row, sorts: &[Sort], rows: &mut RowSink<'_>) -> Result<Flow> {
    let mut out = rows.row()?;
    for (index, sort) in sorts.iter().enumerate() {
        let cell: Cell<'_> = row
            .try_get(index)
            .map_err(|error| from_postgres(error, ""))?;
        match cell.0 {
            None => out.push(ValueRef::Null),
            Some(bytes) => {
                push_cell(bytes, *sort, &mut out).map_err(|fault| fault.named(row, index))?;
            }
        }
    }
    out.finish()
}

/// Why a cell cannot be given.
enum Fault {
    /// PostgreSQL's `infinity`.
    Infinite,
    /// Beyond what the host counts.
    OutOfRange,
    /// Text that is not UTF-8.
    NotText,
    /// The bytes are not of the form that the type has.
    Damaged,
}

impl Fault {
    #[cold]
    fn named(self, row: &Row, index: usize) -> DriverError {
        let column = row.columns().get(index);
        let name = column.map(|column| column.name()).unwrap_or_default();
        let ty = column
            .map(|column| column.type_().name())
            .unwrap_or_default();
        let text = "select it as CAST(... AS text) to get it as text";
        match self {
            Self::Infinite => invalid_value(
                format!("the column `{name}` holds an infinite {ty}"),
                "22008",
            )
            .with_detail(text),
            Self::OutOfRange => invalid_value(
                format!("the column `{name}` holds a {ty} beyond the host's range"),
                "22008",
            )
            .with_detail(text),
            Self::NotText => invalid_value(
                format!("the column `{name}` holds text that is not UTF-8"),
                "22021",
            ),
            Self::Damaged => DriverError::new(
                ErrorClass::Protocol,
                format!("the column `{name}` of type {ty} came in an unknown form"),
            )
            .with_sqlstate("08P01"),
        }
    }
}

#[inline]
fn push_cell(bytes: &[u8], sort: Sort, out: &mut SinkRow<'_>) -> std::result::Result<(), Fault> {
    match sort {
        Sort::Text | Sort::Label => out.push(text(bytes)?),
        Sort::Int8 => out.push(i64::from_be_bytes(sized(bytes)?)),
        Sort::Int4 => out.push(i32::from_be_bytes(sized(bytes)?)),
        Sort::Int2 => out.push(i64::from(i16::from_be_bytes(sized(bytes)?))),
        Sort::Oid => out.push(u32::from_be_bytes(sized(bytes)?)),
        Sort::Bool => out.push(sized::<1>(bytes)? != [0]),
        Sort::Float8 => out.push(f64::from_be_bytes(sized(bytes)?)),
        Sort::Float4 => out.push(f64::from(f32::from_be_bytes(sized(bytes)?))),
        Sort::Bytea => out.push(bytes),
        Sort::Numeric => push_numeric(bytes, out)?,
        Sort::Date => out.push(ValueRef::Date(days(i32::from_be_bytes(sized(bytes)?))?)),
        Sort::Time => out.push(ValueRef::Time(i64::from_be_bytes(sized(bytes)?))),
        Sort::Timestamp => {
            out.push(ValueRef::Timestamp(micros(i64::from_be_bytes(sized(
                bytes,
            )?))?));
        }
        Sort::TimestampTz => {
            out.push(ValueRef::TimestampTz(micros(i64::from_be_bytes(sized(
                bytes,
            )?))?));
        }
        Sort::Uuid => out.push(ValueRef::Uuid(sized(bytes)?)),
        Sort::Json => out.push(ValueRef::Json(text(bytes)?)),
        Sort::Jsonb => match bytes {
            [JSONB_VERSION, document @ ..] => out.push(ValueRef::Json(text(document)?)),
            _ => return Err(Fault::Damaged),
        },
        Sort::Void => out.push(ValueRef::Null),
        // Refused before the statement ran.
        Sort::Other => return Err(Fault::Damaged),
    }
    Ok(())
}

#[inline]
fn sized<const N: usize>(bytes: &[u8]) -> std::result::Result<[u8; N], Fault> {
    bytes.try_into().map_err(|_| Fault::Damaged)
}

#[inline]
fn text(bytes: &[u8]) -> std::result::Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::NotText)
}

fn push_numeric(bytes: &[u8], out: &mut SinkRow<'_>) -> std::result::Result<(), Fault> {
    let mut digits = String::new();
    if !numeric::to_text(bytes, &mut digits) {
        return Err(Fault::Damaged);
    }
    out.push(ValueRef::Decimal(&digits));
    Ok(())
}

fn days(days: i32) -> std::result::Result<i32, Fault> {
    if matches!(days, i32::MIN | i32::MAX) {
        return Err(Fault::Infinite);
    }
    days.checked_add(EPOCH_DAYS).ok_or(Fault::OutOfRange)
}

fn micros(micros: i64) -> std::result::Result<i64, Fault> {
    if matches!(micros, i64::MIN | i64::MAX) {
        return Err(Fault::Infinite);
    }
    micros.checked_add(EPOCH_MICROS).ok_or(Fault::OutOfRange)
}

#[cfg(test)]
mod tests {
    use driver_api::Value;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    use test_needs::needs;

    use crate::testing::TestDatabase;

    #[needs(postgresql)]
    #[test]
    fn every_type_comes_back_as_the_documented_kind() {
        let mut database = TestDatabase::new();
        database.run("CREATE TYPE mood AS ENUM ('sad', 'ok')");
        database.run("CREATE DOMAIN small AS int CHECK (VALUE < 10)");
        let uuid = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x11\x22\x33\x44\x55\x66\x77";
        for (sql, expected) in [
            ("true", Value::Bool(true)),
            ("'-32768'::int2", Value::I64(-32768)),
            ("'-2147483648'::int4", Value::I64(-2_147_483_648)),
            ("'-9223372036854775808'::int8", Value::I64(i64::MIN)),
            ("4294967295::oid", Value::I64(4_294_967_295)),
            ("1.5::float4", Value::F64(1.5)),
            ("'-Infinity'::float8", Value::F64(f64::NEG_INFINITY)),
            ("5e-324::float8", Value::F64(5e-324)),
            ("-12.3400::numeric", Value::Decimal("-12.3400".into())),
            (
                "18446744073709551615::numeric",
                Value::Decimal("18446744073709551615".into()),
            ),
            (
                "1e-20::numeric",
                Value::Decimal("0.00000000000000000001".into()),
            ),
            ("'NaN'::numeric", Value::Decimal("NaN".into())),
            ("'Infinity'::numeric", Value::Decimal("Infinity".into())),
            ("'Grüße 🦀'::text", "Grüße 🦀".into()),
            ("'ab'::varchar(5)", "ab".into()),
            ("'ab'::char(4)", "ab  ".into()),
            ("'ab'::name", "ab".into()),
            ("'a'::\"char\"", "a".into()),
            ("'ok'::mood", "ok".into()),
            ("7::small", Value::I64(7)),
            ("'\\x00ff'::bytea", Value::Bytes(vec![0, 255])),
            ("'2024-02-29'::date", Value::Date(19_782)),
            ("'0001-01-01'::date", Value::Date(-719_162)),
            ("'24:00:00'::time", Value::Time(86_400_000_000)),
            (
                "'1969-12-31 23:59:59'::timestamp",
                Value::Timestamp(-1_000_000),
            ),
            (
                "'1970-01-01 01:00:00.5+01'::timestamptz",
                Value::TimestampTz(500_000),
            ),
            (
                "'01234567-89ab-cdef-0011-223344556677'::uuid",
                Value::Uuid(uuid),
            ),
            ("'{\"a\":  1}'::json", Value::Json("{\"a\":  1}".into())),
            ("'{\"a\":  1}'::jsonb", Value::Json("{\"a\": 1}".into())),
            ("NULL::int", Value::Null),
        ] {
            assert_eq!(
                database.value(&format!("SELECT {sql}"), []),
                expected,
                "{sql}"
            );
        }
    }

    #[needs(postgresql)]
    #[test]
    fn what_has_no_kind_is_refused_by_column_and_type() {
        let mut database = TestDatabase::new();
        for (sql, message) in [
            (
                "SELECT 1, '1 day'::interval AS wait",
                "the column `wait` has the type interval, which cannot be given without loss",
            ),
            (
                "SELECT '{1}'::int[] AS list",
                "the column `list` has the type _int4, which cannot be given without loss",
            ),
            (
                "SELECT '12:00+01'::timetz AS t",
                "the column `t` has the type timetz, which cannot be given without loss",
            ),
            (
                "SELECT 'infinity'::timestamptz AS t",
                "the column `t` holds an infinite timestamptz",
            ),
            (
                "SELECT '-infinity'::date AS d",
                "the column `d` holds an infinite date",
            ),
        ] {
            let error = database.query(sql, []).err().unwrap();
            assert_eq!(error.class(), driver_api::ErrorClass::InvalidValue, "{sql}");
            assert_eq!(error.message(), message, "{sql}");
        }
        // The connection goes on, and the documented way round works.
        assert_eq!(
            database.value("SELECT '1 day'::interval::text", []),
            "1 day".into()
        );
    }

    #[needs(postgresql)]
    #[test]
    fn a_returned_row_that_cannot_be_given_takes_the_change_back() {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE t(d date)");
        let result = database.query("INSERT INTO t VALUES ('infinity') RETURNING d", []);
        assert!(result.is_err());
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
    }

    fn any_value() -> impl Strategy<Value = (&'static str, Value)> {
        // What PostgreSQL can hold: 4713 BC to 294276 AD.
        let micros = -200_000_000_000_000_000i64..9_000_000_000_000_000_000;
        prop_oneof![
            any::<bool>().prop_map(|v| ("boolean", Value::Bool(v))),
            any::<i16>().prop_map(|v| ("smallint", Value::I64(v.into()))),
            any::<i32>().prop_map(|v| ("integer", Value::I64(v.into()))),
            any::<i64>().prop_map(|v| ("bigint", Value::I64(v))),
            any::<f64>().prop_map(|v| ("float8", Value::F64(v))),
            any::<f32>().prop_map(|v| ("float4", Value::F64(v.into()))),
            "-?[1-9][0-9]{0,40}\\.[0-9]{1,30}".prop_map(|v| ("numeric", Value::Decimal(v))),
            any::<String>().prop_map(|v| ("text", Value::Text(v.replace('\0', "")))),
            any::<Vec<u8>>().prop_map(|v| ("bytea", Value::Bytes(v))),
            (-2_000_000i32..2_000_000).prop_map(|v| ("date", Value::Date(v))),
            (0i64..86_400_000_000).prop_map(|v| ("time", Value::Time(v))),
            micros
                .clone()
                .prop_map(|v| ("timestamp", Value::Timestamp(v))),
            micros.prop_map(|v| ("timestamptz", Value::TimestampTz(v))),
            any::<[u8; 16]>().prop_map(|v| ("uuid", Value::Uuid(v))),
            any::<i64>().prop_map(|v| ("json", Value::Json(format!("[{v}]")))),
        ]
    }

    #[needs(postgresql)]
    #[test]
    fn values_survive_the_round_trip() {
        let database = TestDatabase::new();
        let database = std::cell::RefCell::new(database);
        let mut runner = TestRunner::new(Config {
            cases: 600,
            failure_persistence: None,
            ..Config::default()
        });
        let result = runner.run(&any_value(), |(ty, value)| {
            let mut database = database.borrow_mut();
            // Once through a typed placeholder, once through one that tells nothing of its type.
            let typed = database.value(&format!("SELECT CAST(? AS {ty})"), [value.clone()]);
            let bare = database.value("SELECT ?", [value.clone()]);
            for back in [typed, bare] {
                match (&value, &back) {
                    (Value::F64(a), Value::F64(b)) if a.is_nan() => prop_assert!(b.is_nan()),
                    _ => prop_assert_eq!(&back, &value),
                }
            }
            Ok(())
        });
        result.unwrap();
    }
}
