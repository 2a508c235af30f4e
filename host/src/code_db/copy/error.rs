//! Why a copy cannot be made, told so that the row, table or side at fault is named.

use std::fmt;

use driver_api::{DriverError, ErrorClass, RowRef, ValueKind, ValueRef};

use super::pages::shown;

/// The result of a part of a copy.
pub(in crate::code_db) type Result<T> = std::result::Result<T, CopyError>;

/// One of the two databases of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The database that is read.
    Source,
    /// The database that is written.
    Target,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// A value that the target cannot keep as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfitValue {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's primary key.
    pub row: String,
    /// What the source holds.
    pub found: ValueKind,
    /// What the target would need, as in "`found`, where `expected` is needed".
    pub expected: &'static str,
}

/// A row whose owner does not exist. SQLite keeps such rows where foreign keys were not enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanRow {
    /// The table.
    pub table: &'static str,
    /// The row's primary key.
    pub row: String,
    /// The column that refers to the owner.
    pub column: &'static str,
    /// The table of the owner.
    pub owner: &'static str,
}

/// Why a copy cannot be made. After each of these the target is as it was before the copy, unless a driver's error
/// says that its outcome is unknown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A driver or a database failed.
    #[error("the {side}, {doing}: {error}")]
    Driver {
        /// Whose it is.
        side: Side,
        /// What was being done: "reading `files`".
        doing: String,
        /// What was said.
        error: DriverError,
    },
    /// The source has none of the tables.
    #[error("the source is no code database: it has none of the tables of the schema")]
    NoCodeDatabase,
    /// A table lacks a column whose values no row can do without.
    #[error(
        "the table `{table}` of the {side} lacks the column `{column}`, so rows of it cannot be copied; add it"
    )]
    ColumnMissing {
        /// Whose table it is.
        side: Side,
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The target holds code data.
    #[error(
        "the target holds code data already ({rows} rows, such as those of `{table}`); name an empty database, or \
         replace what it holds with --replace"
    )]
    NotEmpty {
        /// A table with rows.
        table: &'static str,
        /// Rows of all tables.
        rows: u64,
    },
    /// Both sides are one database.
    #[error("source and target are the same database; name another target")]
    SameDatabase,
    /// Somebody else copies into the target.
    #[error("another copy into the target is running; wait for its end")]
    TargetClaimed,
    /// A value of the source has no counterpart in the target.
    #[error(
        "the row `{}` of `{}` holds {} in the column `{}`, where the target needs {}; mend the row in the source",
        .0.row, .0.table, .0.found, .0.column, .0.expected
    )]
    Unfit(Box<UnfitValue>),
    /// A row refers to one that does not exist.
    #[error(
        "the row `{}` of `{}` refers by `{}` to a row of `{}` that does not exist; delete or mend it in the source",
        .0.row, .0.table, .0.column, .0.owner
    )]
    Orphan(Box<OrphanRow>),
    /// Rows without a key, which only SQLite allows.
    #[error(
        "{rows} rows of `{table}` in the source have no primary key and cannot be told apart; delete or mend them"
    )]
    NoKey {
        /// The table.
        table: &'static str,
        /// Their number.
        rows: u64,
    },
    /// What was read back is not what was read.
    #[error(
        "the table `{table}` differs after the copy: {source_rows} rows with the hash {source_hash} in the source, \
         {target_rows} with {target_hash} in the target; nothing was kept"
    )]
    Mismatch {
        /// The table.
        table: &'static str,
        /// Rows of the source.
        source_rows: u64,
        /// Their hash, shortened.
        source_hash: String,
        /// Rows of the target.
        target_rows: u64,
        /// Their hash, shortened.
        target_hash: String,
    },
    /// The connection broke at the commit, which did not come about.
    #[error(
        "the target's connection broke at the commit ({0}); the target was read again and does not hold the copy, so \
         the same command starts over"
    )]
    NotCommitted(DriverError),
    /// It was asked to stop.
    #[error(
        "the copy was stopped; the target is as it was before, so the same command starts over"
    )]
    Cancelled,
}

impl CopyError {
    /// A value that the target does not take, found while a row was read.
    pub(in crate::code_db) fn unfit(
        table: &'static str,
        column: &'static str,
        row: RowRef<'_>,
        found: ValueRef<'_>,
        expected: &'static str,
    ) -> Self {
        Self::Unfit(Box::new(UnfitValue {
            table,
            column,
            row: row.get(0).map_or_else(|_| "?".to_owned(), shown),
            found: found.kind(),
            expected,
        }))
    }

    /// The driver's error behind this one, if there is one.
    pub fn driver_error(&self) -> Option<&DriverError> {
        match self {
            Self::Driver { error, .. } | Self::NotCommitted(error) => Some(error),
            _ => None,
        }
    }

    /// What work on the connection of `side` fails with: the driver's own error, by which the work may run
    /// again, or one by which it does not.
    pub(in crate::code_db) fn as_failure_of(&self, side: Side) -> DriverError {
        match self {
            Self::Driver {
                side: failed,
                error,
                ..
            } if *failed == side => error.clone(),
            _ => DriverError::new(ErrorClass::Cancelled, "the copy has ended"),
        }
    }
}

/// Adds to a driver's error whose it is and what was being done.
pub(in crate::code_db) trait During<T> {
    /// `doing` is made only where there is an error.
    fn during(self, side: Side, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> During<T> for driver_api::Result<T> {
    fn during(self, side: Side, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| CopyError::Driver {
            side,
            doing: doing(),
            error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_failing_side_may_run_again() {
        let lost = DriverError::new(ErrorClass::ConnectionLost, "gone");
        let error = CopyError::Driver {
            side: Side::Source,
            doing: "reading `files`".into(),
            error: lost.clone(),
        };
        assert_eq!(error.to_string(), "the source, reading `files`: gone");
        assert_eq!(error.as_failure_of(Side::Source), lost);
        let other = error.as_failure_of(Side::Target);
        assert!(
            other.class() == ErrorClass::Cancelled && !other.is_retryable(),
            "{other}"
        );
    }

    #[test]
    fn an_unfit_value_is_named_to_the_cell() {
        let unfit = UnfitValue {
            table: "files",
            column: "lines",
            row: "7".into(),
            found: ValueKind::Text,
            expected: "a whole number",
        };
        assert_eq!(
            CopyError::Unfit(Box::new(unfit)).to_string(),
            "the row `7` of `files` holds text in the column `lines`, where the target needs a whole number; \
             mend the row in the source"
        );
    }
}
