//! The columns of a result: what the server says of them, as the host is told and as cells are read.

use driver_api::{Column, ValueKind};
use mysql::consts::{ColumnFlags, ColumnType};

/// The number of the character set that stands for bytes.
const BINARY: u16 = 63;

/// The longest character in bytes: lengths of text are told in bytes.
const CHARACTER: u32 = 4;

/// How the cells of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// `TINYINT(1)`, which is `BOOLEAN`: 0 and 1 are truth values, other numbers stay numbers.
    Bool,
    Integer,
    Float,
    Decimal,
    Text,
    Bytes,
    Bits,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Json,
    /// There is no counterpart for this type.
    Refused,
}

impl Reading {
    /// What the column's type asks for.
    pub(crate) fn of(column: &mysql::Column) -> Self {
        use ColumnType::{
            MYSQL_TYPE_BIT, MYSQL_TYPE_BLOB, MYSQL_TYPE_DATE, MYSQL_TYPE_DATETIME,
            MYSQL_TYPE_DATETIME2, MYSQL_TYPE_DECIMAL, MYSQL_TYPE_DOUBLE, MYSQL_TYPE_ENUM,
            MYSQL_TYPE_FLOAT, MYSQL_TYPE_INT24, MYSQL_TYPE_JSON, MYSQL_TYPE_LONG,
            MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_NEWDATE,
            MYSQL_TYPE_NEWDECIMAL, MYSQL_TYPE_NULL, MYSQL_TYPE_SET, MYSQL_TYPE_SHORT,
            MYSQL_TYPE_STRING, MYSQL_TYPE_TIME, MYSQL_TYPE_TIME2, MYSQL_TYPE_TIMESTAMP,
            MYSQL_TYPE_TIMESTAMP2, MYSQL_TYPE_TINY, MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_VAR_STRING,
            MYSQL_TYPE_VARCHAR, MYSQL_TYPE_YEAR,
        };
        match column.column_type() {
            MYSQL_TYPE_TINY if column.column_length() == 1 => Self::Bool,
            MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_LONG | MYSQL_TYPE_LONGLONG
            | MYSQL_TYPE_INT24 | MYSQL_TYPE_YEAR => Self::Integer,
            MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => Self::Float,
            MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => Self::Decimal,
            MYSQL_TYPE_VARCHAR
            | MYSQL_TYPE_VAR_STRING
            | MYSQL_TYPE_STRING
            | MYSQL_TYPE_TINY_BLOB
            | MYSQL_TYPE_MEDIUM_BLOB
            | MYSQL_TYPE_LONG_BLOB
            | MYSQL_TYPE_BLOB => {
                if column.character_set() == BINARY && !is_words(column) {
                    Self::Bytes
                } else {
                    Self::Text
                }
            }
            MYSQL_TYPE_ENUM | MYSQL_TYPE_SET | MYSQL_TYPE_NULL => Self::Text,
            MYSQL_TYPE_BIT => Self::Bits,
            MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => Self::Date,
            MYSQL_TYPE_TIME | MYSQL_TYPE_TIME2 => Self::Time,
            MYSQL_TYPE_DATETIME | MYSQL_TYPE_DATETIME2 => Self::Timestamp,
            MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIMESTAMP2 => Self::TimestampTz,
            MYSQL_TYPE_JSON => Self::Json,
            _ => Self::Refused,
        }
    }

    /// The kind of every cell, where all cells have the same.
    fn kind(self, column: &mysql::Column) -> Option<ValueKind> {
        let unsigned_long = column.column_type() == ColumnType::MYSQL_TYPE_LONGLONG
            && column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
        Some(match self {
            Self::Integer if !unsigned_long => ValueKind::I64,
            Self::Float => ValueKind::F64,
            Self::Decimal => ValueKind::Decimal,
            Self::Text if column.column_type() != ColumnType::MYSQL_TYPE_NULL => ValueKind::Text,
            Self::Bytes => ValueKind::Bytes,
            Self::Date => ValueKind::Date,
            Self::Time => ValueKind::Time,
            Self::Timestamp => ValueKind::Timestamp,
            Self::TimestampTz => ValueKind::TimestampTz,
            Self::Json => ValueKind::Json,
            _ => return None,
        })
    }
}

fn is_words(column: &mysql::Column) -> bool {
    column
        .flags()
        .intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG)
}

/// The column as the host is told of it.
pub(crate) fn describe(column: &mysql::Column) -> Column {
    let mut described = Column::new(column.name_str());
    described.declared_type = declared_type(column);
    described.kind = Reading::of(column).kind(column);
    described
}

/// The type in the words of SQL, as far as the server tells it with a result.
pub(crate) fn declared_type(column: &mysql::Column) -> String {
    use ColumnType::{
        MYSQL_TYPE_BIT, MYSQL_TYPE_BLOB, MYSQL_TYPE_DATE, MYSQL_TYPE_DATETIME, MYSQL_TYPE_DECIMAL,
        MYSQL_TYPE_DOUBLE, MYSQL_TYPE_FLOAT, MYSQL_TYPE_GEOMETRY, MYSQL_TYPE_INT24,
        MYSQL_TYPE_JSON, MYSQL_TYPE_LONG, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_LONGLONG,
        MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_NEWDECIMAL, MYSQL_TYPE_NULL, MYSQL_TYPE_SHORT,
        MYSQL_TYPE_STRING, MYSQL_TYPE_TIME, MYSQL_TYPE_TIMESTAMP, MYSQL_TYPE_TINY,
        MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_VAR_STRING, MYSQL_TYPE_VARCHAR, MYSQL_TYPE_YEAR,
    };
    if column.flags().contains(ColumnFlags::ENUM_FLAG) {
        return "ENUM".into();
    }
    if column.flags().contains(ColumnFlags::SET_FLAG) {
        return "SET".into();
    }
    let length = column.column_length();
    let bytes = column.character_set() == BINARY;
    let unsigned = |name: &str| {
        let sign = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
        if sign {
            format!("{name} UNSIGNED")
        } else {
            name.to_owned()
        }
    };
    match column.column_type() {
        MYSQL_TYPE_TINY if length == 1 => "TINYINT(1)".into(),
        MYSQL_TYPE_TINY => unsigned("TINYINT"),
        MYSQL_TYPE_SHORT => unsigned("SMALLINT"),
        MYSQL_TYPE_INT24 => unsigned("MEDIUMINT"),
        MYSQL_TYPE_LONG => unsigned("INT"),
        MYSQL_TYPE_LONGLONG => unsigned("BIGINT"),
        MYSQL_TYPE_FLOAT => "FLOAT".into(),
        MYSQL_TYPE_DOUBLE => "DOUBLE".into(),
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => decimal(column),
        MYSQL_TYPE_STRING if bytes => format!("BINARY({length})"),
        MYSQL_TYPE_STRING => format!("CHAR({})", length / CHARACTER),
        MYSQL_TYPE_VARCHAR | MYSQL_TYPE_VAR_STRING if bytes => format!("VARBINARY({length})"),
        MYSQL_TYPE_VARCHAR | MYSQL_TYPE_VAR_STRING => format!("VARCHAR({})", length / CHARACTER),
        MYSQL_TYPE_TINY_BLOB | MYSQL_TYPE_BLOB | MYSQL_TYPE_MEDIUM_BLOB | MYSQL_TYPE_LONG_BLOB => {
            large(length, bytes).into()
        }
        MYSQL_TYPE_DATE => "DATE".into(),
        MYSQL_TYPE_TIME => "TIME".into(),
        MYSQL_TYPE_DATETIME => "DATETIME".into(),
        MYSQL_TYPE_TIMESTAMP => "TIMESTAMP".into(),
        MYSQL_TYPE_YEAR => "YEAR".into(),
        MYSQL_TYPE_BIT => format!("BIT({length})"),
        MYSQL_TYPE_JSON => "JSON".into(),
        MYSQL_TYPE_GEOMETRY => "GEOMETRY".into(),
        MYSQL_TYPE_NULL => String::new(),
        other => format!("{other:?}")
            .trim_start_matches("MYSQL_TYPE_")
            .to_owned(),
    }
}

/// The length counts the sign and the point.
fn decimal(column: &mysql::Column) -> String {
    let scale = u32::from(column.decimals());
    let sign = u32::from(!column.flags().contains(ColumnFlags::UNSIGNED_FLAG));
    let precision = column
        .column_length()
        .saturating_sub(sign + u32::from(scale > 0));
    format!("DECIMAL({precision},{scale})")
}

/// The server tells the four sizes of text and bytes by their lengths only.
fn large(length: u32, bytes: bool) -> &'static str {
    let unit = if bytes { 1 } else { CHARACTER };
    match (length / unit, bytes) {
        (..=0xff, true) => "TINYBLOB",
        (..=0xff, false) => "TINYTEXT",
        (..=0xffff, true) => "BLOB",
        (..=0xffff, false) => "TEXT",
        (..=0xff_ffff, true) => "MEDIUMBLOB",
        (..=0xff_ffff, false) => "MEDIUMTEXT",
        (_, true) => "LONGBLOB",
        (_, false) => "LONGTEXT",
    }
}
