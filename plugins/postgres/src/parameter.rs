//! A parameter on its way to the server: from the host's kinds to PostgreSQL's types, without loss.
//!
//! The server says which type it expects for every placeholder. A value goes in that type's binary
//! form; text goes as text to types that are not mere text, so that the server reads it as it would
//! a constant. What would change a value is refused.

use std::error::Error;
use std::fmt;

use bytes::{BufMut, BytesMut};
use driver_api::{DriverError, Result, ValueRef};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::error::invalid_value;
use crate::types::Sort;

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(crate) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;
/// The first byte of a binary `jsonb`.
pub(crate) const JSONB_VERSION: u8 = 1;

/// The largest whole number up to which a double, or a float, holds all.
const EXACT_F64: u64 = 1 << 53;
const EXACT_F32: u64 = 1 << 24;

/// A value for one placeholder.
#[derive(Clone, Copy)]
pub(crate) struct Parameter<'v> {
    pub(crate) value: ValueRef<'v>,
    /// What the server expects.
    pub(crate) sort: Sort,
    /// The number of the placeholder, from 1.
    pub(crate) number: usize,
}

impl Parameter<'_> {
    /// Whether the value goes as text that the server reads.
    pub(crate) fn goes_as_text(&self) -> bool {
        match (self.value, self.sort) {
            (
                ValueRef::Text(_) | ValueRef::Json(_),
                Sort::Text | Sort::Label | Sort::Json | Sort::Jsonb | Sort::Bytea,
            ) => false,
            (ValueRef::Text(_), _) => true,
            (ValueRef::Json(_), sort) => sort == Sort::Other,
            (ValueRef::Decimal(_), Sort::Float4 | Sort::Float8 | Sort::Text) => false,
            (ValueRef::Decimal(_), _) => true,
            (ValueRef::I64(_) | ValueRef::F64(_), Sort::Numeric) => true,
            _ => false,
        }
    }

    fn encode(&self, out: &mut BytesMut) -> Result<IsNull> {
        match self.value {
            ValueRef::Null => return Ok(IsNull::Yes),
            _ if self.goes_as_text() => self.put_as_text(out)?,
            ValueRef::Bool(v) => self.put_bool(v, out)?,
            ValueRef::I64(v) => self.put_integer(v, out)?,
            ValueRef::F64(v) => self.put_float(v, out)?,
            ValueRef::Decimal(v) => self.put_decimal(v, out)?,
            ValueRef::Text(v) | ValueRef::Json(v) => self.put_text(v, out)?,
            ValueRef::Bytes(v) if self.sort == Sort::Bytea => out.put_slice(v),
            ValueRef::Uuid(v) if self.sort == Sort::Uuid => out.put_slice(&v),
            ValueRef::Date(v) if self.sort == Sort::Date => out.put_i32(self.days(v)?),
            ValueRef::Time(v) if self.sort == Sort::Time => out.put_i64(v),
            ValueRef::Timestamp(v) if self.sort == Sort::Timestamp => out.put_i64(self.micros(v)?),
            ValueRef::TimestampTz(v) if self.sort == Sort::TimestampTz => {
                out.put_i64(self.micros(v)?);
            }
            _ => return Err(self.refused()),
        }
        Ok(IsNull::No)
    }

    fn put_as_text(&self, out: &mut BytesMut) -> Result<()> {
        match self.value {
            ValueRef::Text(v) | ValueRef::Json(v) => out.put_slice(self.no_nul(v)?.as_bytes()),
            ValueRef::Decimal(v) => match self.sort {
                Sort::Numeric | Sort::Int2 | Sort::Int4 | Sort::Int8 | Sort::Oid | Sort::Other => {
                    out.put_slice(self.no_nul(v)?.as_bytes());
                }
                _ => return Err(self.refused()),
            },
            ValueRef::I64(v) => out.put_slice(v.to_string().as_bytes()),
            ValueRef::F64(v) if v.is_infinite() => {
                let text: &[u8] = if v > 0.0 { b"Infinity" } else { b"-Infinity" };
                out.put_slice(text);
            }
            // The shortest digits that mean this double, and no other.
            ValueRef::F64(v) => out.put_slice(v.to_string().as_bytes()),
            _ => return Err(self.refused()),
        }
        Ok(())
    }

    fn put_bool(&self, value: bool, out: &mut BytesMut) -> Result<()> {
        if self.sort != Sort::Bool {
            return Err(self.refused());
        }
        out.put_u8(value.into());
        Ok(())
    }

    fn put_integer(&self, value: i64, out: &mut BytesMut) -> Result<()> {
        let magnitude = value.unsigned_abs();
        match self.sort {
            Sort::Int8 => out.put_i64(value),
            Sort::Int4 => out.put_i32(value.try_into().map_err(|_| self.too_large())?),
            Sort::Int2 => out.put_i16(value.try_into().map_err(|_| self.too_large())?),
            Sort::Oid => out.put_u32(value.try_into().map_err(|_| self.too_large())?),
            Sort::Bool => out.put_u8(match value {
                0 => 0,
                1 => 1,
                _ => return Err(self.too_large()),
            }),
            Sort::Float8 if magnitude <= EXACT_F64 => out.put_f64(value as f64),
            Sort::Float4 if magnitude <= EXACT_F32 => out.put_f32(value as f32),
            Sort::Float8 | Sort::Float4 => return Err(self.inexact()),
            _ => return Err(self.refused()),
        }
        Ok(())
    }

    fn put_float(&self, value: f64, out: &mut BytesMut) -> Result<()> {
        match self.sort {
            Sort::Float8 => out.put_f64(value),
            Sort::Float4 => {
                let narrow = value as f32;
                if f64::from(narrow) != value && !value.is_nan() {
                    return Err(self.inexact());
                }
                out.put_f32(narrow);
            }
            _ => return Err(self.refused()),
        }
        Ok(())
    }

    /// A decimal number goes into a float whose shortest digits are the same.
    fn put_decimal(&self, digits: &str, out: &mut BytesMut) -> Result<()> {
        match self.sort {
            Sort::Float8 => {
                let value: f64 = digits.parse().map_err(|_| self.refused())?;
                if !same_number(digits, &value.to_string()) {
                    return Err(self.inexact());
                }
                out.put_f64(value);
            }
            Sort::Float4 => {
                let value: f32 = digits.parse().map_err(|_| self.refused())?;
                if !same_number(digits, &value.to_string()) {
                    return Err(self.inexact());
                }
                out.put_f32(value);
            }
            _ => self.put_text(digits, out)?,
        }
        Ok(())
    }

    fn put_text(&self, text: &str, out: &mut BytesMut) -> Result<()> {
        match self.sort {
            Sort::Jsonb => out.put_u8(JSONB_VERSION),
            Sort::Text | Sort::Label | Sort::Json => {}
            _ => return Err(self.refused()),
        }
        out.put_slice(self.no_nul(text)?.as_bytes());
        Ok(())
    }

    fn no_nul<'t>(&self, text: &'t str) -> Result<&'t str> {
        if text.as_bytes().contains(&0) {
            return Err(self.fault(
                "contains the character NUL, which PostgreSQL cannot store",
                "22021",
            ));
        }
        Ok(text)
    }

    fn days(&self, days: i32) -> Result<i32> {
        days.checked_sub(EPOCH_DAYS)
            // The smallest number stands for `-infinity`.
            .filter(|days| *days != i32::MIN)
            .ok_or_else(|| self.fault("is a date before PostgreSQL's first", "22008"))
    }

    fn micros(&self, micros: i64) -> Result<i64> {
        micros
            .checked_sub(EPOCH_MICROS)
            .filter(|micros| *micros != i64::MIN)
            .ok_or_else(|| self.fault("is a moment before PostgreSQL's first", "22008"))
    }

    fn too_large(&self) -> DriverError {
        self.fault(&format!("does not fit {}", self.type_name()), "22003")
    }

    fn inexact(&self) -> DriverError {
        self.fault(
            &format!("would lose digits as {}", self.type_name()),
            "22003",
        )
    }

    fn refused(&self) -> DriverError {
        let kind = self.value.kind();
        let why = format!("is {kind}, which does not go into {}", self.type_name());
        self.fault(&why, "22018")
            .with_detail("write CAST(? AS ...) with a type that takes it")
    }

    fn fault(&self, why: &str, sqlstate: &str) -> DriverError {
        invalid_value(format!("parameter {} {why}", self.number), sqlstate)
    }

    fn type_name(&self) -> &'static str {
        self.sort.name()
    }
}

/// Whether two decimal numbers are the same, written in any way.
fn same_number(one: &str, other: &str) -> bool {
    match (normal_form(one), normal_form(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// Sign, digits without zeros on either side, and the place of the point after the first of them.
fn normal_form(number: &str) -> Option<(bool, String, i64)> {
    let (negative, rest) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let point = i64::try_from(whole.len())
        .ok()?
        .checked_sub(zeros)?
        .checked_add(exponent)?;
    let significant = significant.trim_end_matches('0').to_owned();
    match significant.is_empty() {
        true => Some((negative, significant, 0)),
        false => Some((negative, significant, point)),
    }
}

impl fmt::Debug for Parameter<'_> {
    /// The client crate logs parameters; their values stay private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value.kind())
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(self.encode(out)?)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        match self.goes_as_text() {
            true => Format::Text,
            false => Format::Binary,
        }
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests;
