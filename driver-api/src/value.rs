//! One database value, borrowed or owned, in the thirteen kinds that every driver maps its own types to.

use std::fmt;

/// The kind of a value, without the value.
///
/// The number of each kind is its tag in a [`RowBlock`](crate::RowBlock) and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[repr(u8)]
pub enum ValueKind {
    /// No value.
    Null = 0,
    /// True or false.
    Bool = 1,
    /// A signed 64-bit integer.
    I64 = 2,
    /// An IEEE 754 double.
    F64 = 3,
    /// A decimal number as text.
    Decimal = 4,
    /// Text in UTF-8.
    Text = 5,
    /// Bytes.
    Bytes = 6,
    /// A calendar date.
    Date = 7,
    /// A time of day.
    Time = 8,
    /// A date and time without zone.
    Timestamp = 9,
    /// An instant.
    TimestampTz = 10,
    /// A UUID.
    Uuid = 11,
    /// A JSON document as text.
    Json = 12,
}

impl ValueKind {
    /// The kind with this tag, or `None` for a tag that this version does not know.
    pub fn from_tag(tag: u8) -> Option<Self> {
        Some(match tag {
            0 => Self::Null,
            1 => Self::Bool,
            2 => Self::I64,
            3 => Self::F64,
            4 => Self::Decimal,
            5 => Self::Text,
            6 => Self::Bytes,
            7 => Self::Date,
            8 => Self::Time,
            9 => Self::Timestamp,
            10 => Self::TimestampTz,
            11 => Self::Uuid,
            12 => Self::Json,
            _ => return None,
        })
    }

    /// The kind's name in messages and documents: `i64`, `timestamp_tz`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::I64 => "i64",
            Self::F64 => "f64",
            Self::Decimal => "decimal",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamp_tz",
            Self::Uuid => "uuid",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value that borrows its text or bytes: what drivers write into rows and read from parameters.
///
/// - An unsigned 64-bit integer above [`i64::MAX`] travels as [`Decimal`](Self::Decimal) (see the
///   `From<u64>` implementation), so that it is never wrapped.
/// - `NaN` and infinities travel bit for bit; a driver whose database cannot store one refuses it
///   with [`ErrorClass::InvalidValue`](crate::ErrorClass::InvalidValue).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A signed 64-bit integer.
    I64(i64),
    /// An IEEE 754 double.
    F64(f64),
    /// A decimal number as text, digits kept as the database gave them: `-12.3400`.
    Decimal(&'a str),
    /// Text in UTF-8.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Days since 1970-01-01, negative before it (proleptic Gregorian calendar).
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01 00:00:00 of a clock without zone.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    TimestampTz(i64),
    /// The sixteen bytes of a UUID, in the order in which they are printed.
    Uuid([u8; 16]),
    /// A JSON document as text.
    Json(&'a str),
}

impl<'a> ValueRef<'a> {
    /// The kind of this value.
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Null => ValueKind::Null,
            Self::Bool(_) => ValueKind::Bool,
            Self::I64(_) => ValueKind::I64,
            Self::F64(_) => ValueKind::F64,
            Self::Decimal(_) => ValueKind::Decimal,
            Self::Text(_) => ValueKind::Text,
            Self::Bytes(_) => ValueKind::Bytes,
            Self::Date(_) => ValueKind::Date,
            Self::Time(_) => ValueKind::Time,
            Self::Timestamp(_) => ValueKind::Timestamp,
            Self::TimestampTz(_) => ValueKind::TimestampTz,
            Self::Uuid(_) => ValueKind::Uuid,
            Self::Json(_) => ValueKind::Json,
        }
    }

    /// A copy that owns its text or bytes.
    pub fn to_value(&self) -> Value {
        match *self {
            Self::Null => Value::Null,
            Self::Bool(v) => Value::Bool(v),
            Self::I64(v) => Value::I64(v),
            Self::F64(v) => Value::F64(v),
            Self::Decimal(v) => Value::Decimal(v.into()),
            Self::Text(v) => Value::Text(v.into()),
            Self::Bytes(v) => Value::Bytes(v.into()),
            Self::Date(v) => Value::Date(v),
            Self::Time(v) => Value::Time(v),
            Self::Timestamp(v) => Value::Timestamp(v),
            Self::TimestampTz(v) => Value::TimestampTz(v),
            Self::Uuid(v) => Value::Uuid(v),
            Self::Json(v) => Value::Json(v.into()),
        }
    }
}

/// A value that owns its text or bytes; see [`ValueRef`] for units.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A signed 64-bit integer.
    I64(i64),
    /// An IEEE 754 double.
    F64(f64),
    /// A decimal number as text.
    Decimal(String),
    /// Text in UTF-8.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01 00:00:00 of a clock without zone.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    TimestampTz(i64),
    /// The sixteen bytes of a UUID.
    Uuid([u8; 16]),
    /// A JSON document as text.
    Json(String),
}

impl Value {
    /// The same value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(v) => ValueRef::Bool(*v),
            Self::I64(v) => ValueRef::I64(*v),
            Self::F64(v) => ValueRef::F64(*v),
            Self::Decimal(v) => ValueRef::Decimal(v),
            Self::Text(v) => ValueRef::Text(v),
            Self::Bytes(v) => ValueRef::Bytes(v),
            Self::Date(v) => ValueRef::Date(*v),
            Self::Time(v) => ValueRef::Time(*v),
            Self::Timestamp(v) => ValueRef::Timestamp(*v),
            Self::TimestampTz(v) => ValueRef::TimestampTz(*v),
            Self::Uuid(v) => ValueRef::Uuid(*v),
            Self::Json(v) => ValueRef::Json(v),
        }
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        value.as_ref()
    }
}

macro_rules! from_scalar {
    ($($scalar:ty => $variant:ident as $as:ty),+ $(,)?) => {$(
        impl From<$scalar> for ValueRef<'_> {
            fn from(value: $scalar) -> Self {
                Self::$variant(<$as>::from(value))
            }
        }
        impl From<$scalar> for Value {
            fn from(value: $scalar) -> Self {
                Self::$variant(<$as>::from(value))
            }
        }
    )+};
}

from_scalar! {
    bool => Bool as bool,
    i64 => I64 as i64,
    i32 => I64 as i64,
    u32 => I64 as i64,
    f64 => F64 as f64,
}

impl<'a> From<&'a str> for ValueRef<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for ValueRef<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for ValueRef<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, T: Into<ValueRef<'a>>> From<Option<T>> for ValueRef<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<u64> for Value {
    /// An integer where it fits, its decimal digits where it does not: never a wrapped number.
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or_else(|_| Self::Decimal(value.to_string()), Self::I64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_integers_never_wrap() {
        assert_eq!(Value::from(7u64), Value::I64(7));
        assert_eq!(
            Value::from(u64::MAX),
            Value::Decimal("18446744073709551615".into())
        );
    }

    #[test]
    fn tags_round_trip_and_unknown_tags_are_refused() {
        for tag in 0..=12 {
            let kind = ValueKind::from_tag(tag).unwrap();
            assert_eq!(kind as u8, tag);
        }
        assert_eq!(ValueKind::from_tag(13), None);
    }

    #[test]
    fn absent_options_are_null() {
        assert_eq!(ValueRef::from(None::<i64>), ValueRef::Null);
        assert_eq!(ValueRef::from(Some("x")), ValueRef::Text("x"));
    }
}
