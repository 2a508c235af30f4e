//! Cells of a result to the host's kinds; `docs/mysql.md` has the table.

use driver_api::{DriverError, ErrorClass, Flow, Result, RowSink, SinkRow, Value, ValueRef};
use mysql::{Row, Value as Cell};

use crate::column::{Reading, declared_type};
use crate::datetime::{self, Civil, MICROS_PER_DAY};
use crate::error::invalid_value;

/// Pushes one row of a result.
#[inline]
pub(crate) fn push_row(
    row: &Row,
    readings: &[Reading],
    columns: &[mysql::Column],
    rows: &mut RowSink<'_>,
) -> Result<Flow> {
    let mut out = rows.row()?;
    for (index, reading) in readings.iter().enumerate() {
        let cell = row.as_ref(index).unwrap_or(&Cell::NULL);
        push_cell(cell, *reading, &mut out).map_err(|why| match columns.get(index) {
            Some(column) => why.of(column),
            None => DriverError::new(ErrorClass::Protocol, "a row has more cells than columns"),
        })?;
    }
    out.finish()
}

/// Whether a cell was told.
type Told = std::result::Result<(), Why>;

/// Why a cell has no counterpart.
#[derive(Clone, Copy, Debug)]
enum Why {
    /// Its bytes are not text.
    NotUtf8,
    /// A date that is none, such as `0000-00-00`.
    NoDate,
    /// A duration: negative, or a day or more.
    NoTimeOfDay,
    /// The type has none.
    Type,
    /// The type has one, but this statement's result is in text, which is not read.
    InText,
}

impl Why {
    #[cold]
    fn of(self, column: &mysql::Column) -> DriverError {
        let (name, declared) = (column.name_str(), declared_type(column));
        let (what, hint, sqlstate) = match self {
            Self::NotUtf8 => (
                "text that is not UTF-8",
                "select it as CAST(... AS BINARY) to get its bytes",
                "22021",
            ),
            Self::NoDate => (
                "a value that is no date, such as 0000-00-00",
                "select it as CAST(... AS CHAR) to get its text",
                "22007",
            ),
            Self::NoTimeOfDay => (
                "a time that is negative, or a day or more",
                "select it as CAST(... AS CHAR) to get its text",
                "22007",
            ),
            Self::Type => (
                "values that have no counterpart",
                "select them in another form, as with ST_AsText or CAST",
                "0A000",
            ),
            Self::InText => (
                "values that this statement gives only as text",
                "the server does not prepare this statement",
                "0A000",
            ),
        };
        invalid_value(
            format!("the column `{name}` of type {declared} holds {what}"),
            sqlstate,
        )
        .with_detail(hint)
    }
}

#[inline]
fn push_cell(cell: &Cell, reading: Reading, out: &mut SinkRow<'_>) -> Told {
    match (cell, reading) {
        (Cell::NULL, _) => out.push(ValueRef::Null),
        (_, Reading::Refused) => return Err(Why::Type),
        (Cell::Int(0), Reading::Bool) => out.push(false),
        (Cell::Int(1), Reading::Bool) => out.push(true),
        (Cell::Int(v), _) => out.push(*v),
        (Cell::UInt(v), Reading::Bool) if *v < 2 => out.push(*v == 1),
        (Cell::UInt(v), _) => out.push(&Value::from(*v)),
        (Cell::Float(v), _) => out.push(f64::from(*v)),
        (Cell::Double(v), _) => out.push(*v),
        (Cell::Bytes(v), _) => push_bytes(v, reading, out)?,
        (Cell::Date(year, month, day, hour, minute, second, micros), _) => {
            let time = datetime::micros((*hour, *minute, *second, *micros));
            out.push(moment((*year, *month, *day), time, reading).ok_or(Why::NoDate)?);
        }
        (Cell::Time(negative, days, hour, minute, second, micros), _) => {
            let time = datetime::micros((*hour, *minute, *second, *micros));
            if *days > 0 || time >= MICROS_PER_DAY || (*negative && time > 0) {
                return Err(Why::NoTimeOfDay);
            }
            out.push(ValueRef::Time(time));
        }
    }
    Ok(())
}

fn push_bytes(bytes: &[u8], reading: Reading, out: &mut SinkRow<'_>) -> Told {
    let text = || std::str::from_utf8(bytes).map_err(|_| Why::NotUtf8);
    match reading {
        Reading::Bytes => out.push(bytes),
        Reading::Text => out.push(text()?),
        Reading::Decimal => out.push(ValueRef::Decimal(text()?)),
        Reading::Json => out.push(ValueRef::Json(text()?)),
        Reading::Bits => {
            let bits = bytes
                .iter()
                .fold(0, |bits: u64, byte| bits << 8 | u64::from(*byte));
            out.push(&Value::from(bits));
        }
        Reading::Integer => push_integer(text()?, out)?,
        Reading::Bool => match text()? {
            "0" => out.push(false),
            "1" => out.push(true),
            other => push_integer(other, out)?,
        },
        Reading::Float => out.push(text()?.parse::<f64>().map_err(|_| Why::InText)?),
        Reading::Date
        | Reading::Time
        | Reading::Timestamp
        | Reading::TimestampTz
        | Reading::Refused => return Err(Why::InText),
    }
    Ok(())
}

fn push_integer(text: &str, out: &mut SinkRow<'_>) -> Told {
    match text.parse::<i64>() {
        Ok(number) => out.push(number),
        Err(_) => out.push(&Value::from(text.parse::<u64>().map_err(|_| Why::InText)?)),
    }
    Ok(())
}

fn moment(date: Civil, time: i64, reading: Reading) -> Option<ValueRef<'static>> {
    let days = datetime::days(date)?;
    if reading == Reading::Date {
        return Some(ValueRef::Date(i32::try_from(days).ok()?));
    }
    let micros = days * MICROS_PER_DAY + time;
    Some(match reading {
        Reading::TimestampTz => ValueRef::TimestampTz(micros),
        _ => ValueRef::Timestamp(micros),
    })
}

#[cfg(test)]
mod tests;
