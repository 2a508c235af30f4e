//! What a copy did, or would do.

use serde::Serialize;

/// What a copy did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CopyReport {
    /// Rows of all tables.
    pub rows: u64,
    /// Rows that the target held before.
    pub replaced_rows: u64,
    /// How long it took.
    pub seconds: f64,
    /// Every table of the schema, in the order in which they were copied.
    pub tables: Vec<CopiedTable>,
    /// What the source holds besides; it was left behind.
    pub not_copied: Vec<NotCopied>,
    /// What could not be done after the commit, in sentences; the rows are whole all the same.
    pub warnings: Vec<String>,
}

/// One table after the copy: the same in both databases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// Its rows.
    pub rows: u64,
    /// The hash of its content, the same on every engine: 64 hexadecimal digits.
    pub hash: String,
    /// How long copying it and reading it back took.
    pub seconds: f64,
}

/// Something in the source for which the schema has no place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotCopied {
    /// The table.
    pub table: String,
    /// The column, where only that has no place.
    pub column: Option<String>,
    /// Rows of the table, or those with a value in the column.
    pub rows: u64,
}

/// What a copy would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CopyPlan {
    /// Rows of all tables.
    pub rows: u64,
    /// Every table of the schema.
    pub tables: Vec<PlannedTable>,
    /// What would be left behind.
    pub not_copied: Vec<NotCopied>,
    /// Rows that the target holds; a copy is refused, or replaces them. None where there is no target yet.
    pub target_rows: Option<u64>,
}

/// One table before a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedTable {
    /// Its name.
    pub name: &'static str,
    /// Its rows in the source.
    pub rows: u64,
}
