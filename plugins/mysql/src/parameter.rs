//! Parameters to what the server is sent; `docs/mysql.md` has the table.

use driver_api::{DriverError, Result, RowRef, ValueRef};
use mysql::Value as Cell;

use crate::datetime::{self, MICROS_PER_DAY};
use crate::error::invalid_value;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Bytes that a value takes beside its text: length, type, bit for null.
const OVERHEAD: usize = 16;

/// Bytes that these values take in a statement, at most.
pub(crate) fn size(cells: &[Cell]) -> usize {
    let of_cell = |cell: &Cell| match cell {
        Cell::Bytes(bytes) => bytes.len() + OVERHEAD,
        _ => OVERHEAD,
    };
    cells.iter().map(of_cell).sum()
}

/// Appends all values of a row.
pub(crate) fn append(row: RowRef<'_>, cells: &mut Vec<Cell>) -> Result<()> {
    for index in 0..row.len() {
        cells.push(cell(index, row.get(index)?)?);
    }
    Ok(())
}

fn cell(index: usize, value: ValueRef<'_>) -> Result<Cell> {
    Ok(match value {
        ValueRef::Null => Cell::NULL,
        ValueRef::Bool(v) => Cell::Int(v.into()),
        ValueRef::I64(v) => Cell::Int(v),
        ValueRef::F64(v) if !v.is_finite() => {
            return Err(refused(
                index,
                "is NaN or infinite, which the server cannot store",
            ));
        }
        ValueRef::F64(v) => Cell::Double(v),
        ValueRef::Decimal(v) => decimal(v),
        ValueRef::Text(v) | ValueRef::Json(v) => Cell::Bytes(v.as_bytes().to_vec()),
        ValueRef::Bytes(v) => Cell::Bytes(v.to_vec()),
        ValueRef::Uuid(v) => Cell::Bytes(uuid(v)),
        ValueRef::Date(v) => moment(i64::from(v), 0).ok_or_else(|| out_of_range(index))?,
        ValueRef::Time(v) => {
            let clock = datetime::clock(v).ok_or_else(|| out_of_range(index))?;
            Cell::Time(false, 0, clock.0, clock.1, clock.2, clock.3)
        }
        ValueRef::Timestamp(v) | ValueRef::TimestampTz(v) => {
            moment(v.div_euclid(MICROS_PER_DAY), v.rem_euclid(MICROS_PER_DAY))
                .ok_or_else(|| out_of_range(index))?
        }
        other => {
            return Err(refused(
                index,
                &format!("has the unknown kind {}", other.kind()),
            ));
        }
    })
}

/// An integer goes as one: the server would compare text with a number as two floats.
fn decimal(text: &str) -> Cell {
    if let Ok(number) = text.parse::<u64>()
        && number.to_string() == text
    {
        return Cell::UInt(number);
    }
    Cell::Bytes(text.as_bytes().to_vec())
}

fn moment(days: i64, micros: i64) -> Option<Cell> {
    let (year, month, day) = datetime::civil(days)?;
    let (hour, minute, second, fraction) = datetime::clock(micros)?;
    Some(Cell::Date(year, month, day, hour, minute, second, fraction))
}

fn out_of_range(index: usize) -> DriverError {
    let number = index + 1;
    let message = format!("parameter {number} is outside the years 0000 to 9999, or one day");
    invalid_value(message, "22008")
}

fn refused(index: usize, why: &str) -> DriverError {
    invalid_value(format!("parameter {} {why}", index + 1), "22023")
}

fn uuid(bytes: [u8; 16]) -> Vec<u8> {
    let mut text = Vec::with_capacity(36);
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push(b'-');
        }
        text.push(HEX[usize::from(byte >> 4)]);
        text.push(HEX[usize::from(byte & 15)]);
    }
    text
}
