//! One value as every engine means it, whatever kind its driver gives: a truth value that SQLite keeps as a
//! number is the truth value that PostgreSQL keeps.

use driver_api::{Dialect, ValueRef};

use super::super::schema::model::{Column, ColumnKind};

/// A value of the declared schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::code_db) enum Cell<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// Characters of a word where the engine's keys need a limit, as the schema has it.
const WORD_CHARACTERS: usize = 255;

/// Whole numbers up to this are doubles without loss.
const EXACT: u64 = 1 << 53;

impl<'a> Cell<'a> {
    /// What a driver gave for a column of this kind; none for kinds of values that no column is declared for.
    pub(in crate::code_db) fn read(kind: ColumnKind, value: ValueRef<'a>) -> Option<Self> {
        Some(match (kind, value) {
            (_, ValueRef::Null) => Self::Null,
            (ColumnKind::Boolean, ValueRef::Bool(v)) => Self::Bool(v),
            (ColumnKind::Boolean, ValueRef::I64(v @ (0 | 1))) => Self::Bool(v == 1),
            (ColumnKind::Real, ValueRef::I64(v)) if v.unsigned_abs() <= EXACT => {
                Self::Real(v as f64)
            }
            (_, ValueRef::Bool(v)) => Self::Integer(v.into()),
            (_, ValueRef::I64(v)) => Self::Integer(v),
            (_, ValueRef::F64(v)) => Self::Real(v),
            (_, ValueRef::Text(v) | ValueRef::Json(v)) => Self::Text(v),
            (_, ValueRef::Bytes(v)) => Self::Bytes(v),
            _ => return None,
        })
    }

    /// What `column` needs in a database of this dialect, where that is not this value.
    pub(in crate::code_db) fn unfit(
        self,
        column: &Column,
        dialect: Dialect,
    ) -> Option<&'static str> {
        if self == Self::Null {
            let needed = column.not_null || column.is_primary_key();
            return needed.then_some("a value");
        }
        if dialect == Dialect::Sqlite {
            // Any column takes any kind.
            return self.unfit_number(dialect);
        }
        let (fits, expected) = match column.kind {
            ColumnKind::AutoId | ColumnKind::GivenId | ColumnKind::Integer => {
                (matches!(self, Self::Integer(_)), "a whole number")
            }
            ColumnKind::Bytes => (matches!(self, Self::Bytes(_)), "bytes"),
            ColumnKind::Real => (matches!(self, Self::Real(_)), "a double"),
            ColumnKind::Boolean => (matches!(self, Self::Bool(_)), "a truth value, 0 or 1"),
            ColumnKind::WordId | ColumnKind::Word | ColumnKind::Text => {
                (matches!(self, Self::Text(_)), "text")
            }
        };
        if !fits {
            return Some(expected);
        }
        match self {
            Self::Text(text) if dialect == Dialect::Postgres && text.contains('\0') => {
                Some("text without a NUL character")
            }
            Self::Text(text) if dialect == Dialect::Mysql && is_too_long(column, text) => {
                Some("a word of at most 255 characters")
            }
            _ => self.unfit_number(dialect),
        }
    }

    fn unfit_number(self, dialect: Dialect) -> Option<&'static str> {
        let Self::Real(v) = self else { return None };
        match dialect {
            Dialect::Sqlite if v.is_nan() => Some("a number"),
            // It is stored as the integer 0.
            Dialect::Sqlite if v == 0.0 && v.is_sign_negative() => Some("0, not -0"),
            Dialect::Mysql if !v.is_finite() => Some("a finite number"),
            _ => None,
        }
    }

    /// The form in which drivers take it.
    pub(in crate::code_db) fn value(self) -> ValueRef<'a> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(v) => ValueRef::Bool(v),
            Self::Integer(v) => ValueRef::I64(v),
            Self::Real(v) => ValueRef::F64(v),
            Self::Text(v) => ValueRef::Text(v),
            Self::Bytes(v) => ValueRef::Bytes(v),
        }
    }
}

fn is_too_long(column: &Column, text: &str) -> bool {
    let is_word = matches!(column.kind, ColumnKind::WordId | ColumnKind::Word);
    is_word && text.chars().nth(WORD_CHARACTERS).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::super::schema::model::{boolean, integer, real, text, word};
    use super::*;

    #[test]
    fn a_truth_value_is_one_whether_the_engine_keeps_it_as_a_number_or_not() {
        let read = |value| Cell::read(ColumnKind::Boolean, value);
        assert_eq!(read(ValueRef::I64(1)), read(ValueRef::Bool(true)));
        assert_eq!(read(ValueRef::I64(0)), Some(Cell::Bool(false)));
        assert_eq!(read(ValueRef::I64(2)), Some(Cell::Integer(2)));
        assert_eq!(read(ValueRef::Null), Some(Cell::Null));
        // In a column of numbers, 1 is a number.
        let one = Cell::read(ColumnKind::Integer, ValueRef::I64(1));
        assert_eq!(one, Some(Cell::Integer(1)));
    }

    #[test]
    fn a_whole_number_is_a_double_only_where_nothing_is_lost() {
        let read = |v| Cell::read(ColumnKind::Real, ValueRef::I64(v));
        assert_eq!(read(-3), Some(Cell::Real(-3.0)));
        assert_eq!(
            read((1 << 53) + 1),
            Some(Cell::Integer(9_007_199_254_740_993))
        );
    }

    #[test]
    fn loose_values_stay_on_sqlite_and_fit_nowhere_else() {
        for (column, cell, expected) in [
            (integer("n"), Cell::Text("x"), "a whole number"),
            (integer("n"), Cell::Real(0.5), "a whole number"),
            (real("r"), Cell::Bytes(b"x"), "a double"),
            (boolean("b"), Cell::Integer(2), "a truth value, 0 or 1"),
            (text("t"), Cell::Bytes(b"x"), "text"),
        ] {
            assert_eq!(cell.unfit(&column, Dialect::Sqlite), None, "{cell:?}");
            for dialect in [Dialect::Postgres, Dialect::Mysql] {
                assert_eq!(cell.unfit(&column, dialect), Some(expected), "{cell:?}");
            }
        }
    }

    #[test]
    fn what_an_engine_would_change_in_silence_is_unfit_for_it() {
        let unfit = |cell: Cell<'_>, column: &Column| {
            [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql]
                .map(|dialect| cell.unfit(column, dialect).is_some())
        };
        assert_eq!(unfit(Cell::Text("a\0b"), &text("t")), [false, true, false]);
        assert_eq!(unfit(Cell::Real(f64::NAN), &real("r")), [true, false, true]);
        assert_eq!(
            unfit(Cell::Real(f64::INFINITY), &real("r")),
            [false, false, true]
        );
        assert_eq!(unfit(Cell::Real(-0.0), &real("r")), [true, false, false]);
        assert_eq!(unfit(Cell::Real(0.0), &real("r")), [false; 3]);
        let long = "é".repeat(256);
        assert_eq!(unfit(Cell::Text(&long), &word("w")), [false, false, true]);
        assert_eq!(
            unfit(Cell::Text(&long["é".len()..]), &word("w")),
            [false; 3]
        );
        assert_eq!(unfit(Cell::Text(&long), &text("t")), [false; 3]);
        assert_eq!(unfit(Cell::Null, &text("t")), [false; 3]);
        assert_eq!(unfit(Cell::Null, &text("t").not_null()), [true; 3]);
    }
}
