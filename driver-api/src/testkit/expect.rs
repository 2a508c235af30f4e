//! What a step is expected to do, and whether what it did is that.

use std::fmt;

use super::dialect::{self, Weaker};
use super::found::{Found, Kept, listed, shown};
use super::names::Names;
use super::step::Datum;
use crate::descriptor::Dialect;
use crate::driver::ColumnInfo;
use crate::error::ErrorClass;
use crate::value::Value;

/// What is expected. Names of tables are templates of [`Names`].
pub(super) enum Expect {
    /// No error.
    Success,
    /// So many changed rows.
    Changed(u64),
    /// So many changed rows, the last with this generated key.
    Keys { rows: u64, last: i64 },
    /// These rows in this order.
    Rows(Vec<Vec<Want>>),
    /// So many rows.
    Count(u64),
    /// So many rows, whose integers in the first column have this sum.
    Sum { rows: u64, sum: i128 },
    /// Some rows, and no block beyond so many.
    Stopped { blocks: usize },
    /// Columns of these names, and no row.
    Empty(Vec<String>),
    /// No columns and no rows: the statement has no result.
    NoResult,
    /// This value, or an error that refuses it: never another value.
    ValueOrRefusal(Want),
    /// A description.
    Described {
        parameters: u32,
        columns: Vec<&'static str>,
        read_only: bool,
    },
    /// Tables of these names and kinds are listed, in this order among others.
    Lists(Vec<(&'static str, &'static str)>),
    /// No table of this name is listed.
    Lacks(&'static str),
    /// A table has these columns.
    Columns(Vec<WantColumn>),
    /// Whether the database was created.
    Created(bool),
    /// One of these errors.
    Fails(Vec<ErrorClass>),
    /// Success, or this error.
    SuccessOr(ErrorClass),
}

/// A value that is expected in a cell.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// This value, or the dialect's weaker form of it, which for some is this text.
    Stored(Datum, &'static str),
    /// A whole number of any kind: databases differ in what counts and sums are.
    Number(i64),
}

impl<T: Into<Value>> From<T> for Want {
    fn from(value: T) -> Self {
        Self::Stored(Datum::Value(value.into()), "")
    }
}

/// A column that is expected in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WantColumn {
    pub(super) name: &'static str,
    pub(super) not_null: bool,
    pub(super) has_default: bool,
    pub(super) primary_key: Option<u32>,
}

impl WantColumn {
    /// A column that may be null, without default, outside the key.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            not_null: false,
            has_default: false,
            primary_key: None,
        }
    }
}

impl Expect {
    /// Whether `found` is what is expected.
    pub(super) fn is_met(&self, found: &Found, names: &Names<'_>, dialect: Dialect) -> bool {
        match (self, found) {
            (_, Found::Result(Kept { fault: Some(_), .. }) | Found::Mismatch { .. }) => false,
            (Self::Fails(classes), Found::Error(error)) => classes.contains(&error.class()),
            (Self::SuccessOr(class), Found::Error(error)) => error.class() == *class,
            (Self::ValueOrRefusal(_), Found::Error(error)) => refuses_value(error.class()),
            (_, Found::Error(_)) | (Self::Fails(_), _) => false,
            (Self::Success | Self::SuccessOr(_), _) => true,
            (Self::Changed(rows), Found::Changed(result)) => result.rows_affected == *rows,
            (Self::Keys { rows, last }, Found::Changed(result)) => {
                (result.rows_affected, result.last_insert_id) == (*rows, Some(*last))
            }
            (_, Found::Result(kept)) => self.is_met_by_result(kept, dialect),
            (
                Self::Described {
                    parameters,
                    columns,
                    read_only,
                },
                Found::Description(described),
            ) => {
                let found: Vec<&str> = described.columns.iter().map(|c| c.name.as_str()).collect();
                (described.parameters, described.read_only) == (*parameters, *read_only)
                    && found == *columns
            }
            (Self::Lists(wanted), Found::Tables(tables)) => {
                let is_ours = |name: &str| wanted.iter().any(|(key, _)| names.plain(key) == name);
                let ours = tables.iter().filter(|table| is_ours(&table.name));
                let ours: Vec<_> = ours.map(|t| (t.name.clone(), t.kind.as_str())).collect();
                let wanted = wanted.iter().map(|(key, kind)| (names.plain(key), *kind));
                ours == wanted.collect::<Vec<_>>()
            }
            (Self::Lacks(key), Found::Tables(tables)) => {
                let name = names.plain(key);
                tables.iter().all(|table| table.name != name)
            }
            (Self::Columns(wanted), Found::Columns(columns)) => {
                columns.iter().map(seen).collect::<Vec<_>>()
                    == wanted.iter().map(wanted_column).collect::<Vec<_>>()
            }
            (Self::Created(created), Found::Created(found)) => created == found,
            _ => false,
        }
    }

    fn is_met_by_result(&self, kept: &Kept, dialect: Dialect) -> bool {
        match self {
            Self::Rows(rows) => {
                kept.count == rows.len() as u64
                    && rows.iter().zip(&kept.rows).all(|(wanted, found)| {
                        wanted.len() == found.len()
                            && wanted.iter().zip(found).all(|(w, f)| w.is_met(f, dialect))
                    })
            }
            Self::Count(rows) => kept.columns.is_some() && kept.count == *rows,
            Self::Sum { rows, sum } => (kept.count, kept.sum) == (*rows, *sum),
            Self::Stopped { blocks } => kept.blocks <= *blocks && (kept.count > 0 || *blocks == 0),
            Self::Empty(names) => {
                let columns = kept.columns.iter().flatten().map(|column| &column.name);
                kept.columns.is_some() && kept.count == 0 && columns.eq(names)
            }
            Self::NoResult => kept.columns.is_none(),
            Self::ValueOrRefusal(want) => {
                let cell = kept.rows.first().and_then(|row| row.first());
                kept.count == 1 && cell.is_some_and(|found| want.is_met(found, dialect))
            }
            _ => false,
        }
    }
}

/// The classes with which a driver says that a value has no counterpart in its database.
fn refuses_value(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::InvalidValue | ErrorClass::LimitExceeded)
}

/// Name, not null, default, key; and that the type is told.
type Seen<'a> = (&'a str, bool, bool, Option<u32>, bool);

fn seen(column: &ColumnInfo) -> Seen<'_> {
    (
        &column.name,
        column.not_null,
        column.default.is_some(),
        column.primary_key,
        !column.declared_type.is_empty(),
    )
}

fn wanted_column(want: &WantColumn) -> Seen<'_> {
    (
        want.name,
        want.not_null,
        want.has_default,
        want.primary_key,
        true,
    )
}

impl Want {
    fn is_met(&self, found: &Value, dialect: Dialect) -> bool {
        let (datum, text) = match self {
            Self::Number(number) => return whole_number(found) == Some(*number),
            Self::Stored(datum, text) => (datum, *text),
        };
        let wanted = datum.value();
        if is_same(&wanted, found, dialect) {
            return true;
        }
        match (dialect::weaker(dialect, wanted.as_ref().kind()), found) {
            (Weaker::Integer, Value::I64(found)) => {
                wanted == Value::Bool(*found == 1) && (0..2).contains(found)
            }
            (Weaker::Text, Value::Text(found)) if matches!(wanted, Value::Json(_)) => {
                is_same_json(text, found)
            }
            (Weaker::Text, Value::Text(found)) => text == found,
            _ => false,
        }
    }
}

fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::I64(v) => Some(*v),
        Value::Bool(v) => Some((*v).into()),
        Value::Decimal(v) => trimmed(v).parse().ok(),
        Value::F64(v) if v.fract() == 0.0 => Some(*v as i64),
        _ => None,
    }
}

fn is_same(wanted: &Value, found: &Value, dialect: Dialect) -> bool {
    match (wanted, found) {
        (Value::F64(wanted), Value::F64(found)) => {
            let both_zero = *wanted == 0.0 && *found == 0.0;
            wanted.to_bits() == found.to_bits()
                || (wanted.is_nan() && found.is_nan())
                || (both_zero && !dialect::keeps_negative_zero(dialect))
        }
        // A column with a fixed number of digits fills up with zeros.
        (Value::Decimal(wanted), Value::Decimal(found)) => trimmed(wanted) == trimmed(found),
        (Value::Json(wanted), Value::Json(found)) => is_same_json(wanted, found),
        _ => wanted == found,
    }
}

/// Without zeros at the end of the fraction.
fn trimmed(decimal: &str) -> &str {
    match decimal.contains('.') {
        true => decimal.trim_end_matches('0').trim_end_matches('.'),
        false => decimal,
    }
}

/// Databases write the same document with other spaces.
fn is_same_json(wanted: &str, found: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    read(wanted).is_some_and(|wanted| read(found) == Some(wanted))
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "the number {number}"),
            Self::Stored(datum, _) => f.write_str(&shown(&datum.value())),
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("success"),
            Self::Changed(rows) => write!(f, "{rows} changed row(s)"),
            Self::Keys { rows, last } => write!(f, "{rows} changed row(s), key {last}"),
            Self::Rows(rows) => {
                let rows = listed(rows, |row| listed(row, Want::to_string));
                write!(f, "the rows {rows}")
            }
            Self::Count(rows) => write!(f, "{rows} row(s)"),
            Self::Sum { rows, sum } => write!(f, "{rows} row(s) with the sum {sum}"),
            Self::Stopped { blocks } => write!(f, "rows in at most {blocks} block(s)"),
            Self::Empty(names) => write!(f, "no row under {names:?}"),
            Self::NoResult => f.write_str("no result"),
            Self::ValueOrRefusal(want) => write!(f, "{want}, or an invalid_value error"),
            Self::Described {
                parameters,
                columns,
                read_only,
            } => write!(
                f,
                "a description with {parameters} parameter(s), columns {columns:?}, read_only {read_only}"
            ),
            Self::Lists(tables) => write!(f, "the tables {tables:?} in this order"),
            Self::Lacks(key) => write!(f, "no table {key}"),
            Self::Columns(columns) => write!(f, "{columns:?}, each with a type"),
            Self::Created(created) => write!(f, "created: {created}"),
            Self::Fails(classes) => {
                let classes: Vec<_> = classes.iter().map(ErrorClass::to_string).collect();
                write!(f, "an error of class {}", classes.join(" or "))
            }
            Self::SuccessOr(class) => write!(f, "success, or an error of class {class}"),
        }
    }
}

#[cfg(test)]
mod tests;
