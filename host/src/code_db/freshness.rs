//! What was known of files when they were indexed, to tell whether an answer about them is still true.

use std::collections::BTreeSet;

use driver_api::{RowRef, ValueRef};

use super::database::CodeDatabase;
use super::error::{Doing, Result};
use super::scope::{Conditions, relative_to};

/// A file as it was indexed.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexedFile {
    /// Absolute path.
    pub path: String,
    /// That path below the root of its project.
    pub relative_path: String,
    /// Size in bytes; none in files that only the older program indexed.
    pub size: Option<i64>,
    /// Time of the last change in seconds since 1970.
    pub last_modified: Option<f64>,
    /// Whether parts of it do not parse.
    pub has_errors: bool,
    /// When it was stored, as a Julian day.
    pub indexed_at: Option<f64>,
}

impl CodeDatabase {
    /// These files as they were indexed, by path.
    ///
    /// # Errors
    /// The driver's.
    pub fn indexed_files(&self, file_ids: &BTreeSet<i64>) -> Result<Vec<IndexedFile>> {
        let mut conditions = Conditions::live_files(None);
        conditions.and_in("f.id", file_ids.iter().map(|id| ValueRef::from(*id)));
        let sql = format!(
            "SELECT f.path, p.root_path, s.size, f.last_modified, s.parse_errors IS NOT NULL, f.updated_at \
             FROM files f JOIN projects p ON p.id = f.project_id LEFT JOIN file_states s ON s.file_id = f.id \
             WHERE {} ORDER BY f.path",
            conditions.sql()
        );
        let read = |row: RowRef<'_>| {
            Ok(IndexedFile {
                path: row.text(0)?.to_owned(),
                relative_path: relative_to(row.text(1)?, row.text(0)?),
                size: row.opt(2, RowRef::i64)?,
                last_modified: row.opt(3, RowRef::f64)?,
                has_errors: row.bool(4)?,
                indexed_at: row.opt(5, RowRef::f64)?,
            })
        };
        self.database
            .read(|session| session.query_all(&sql, conditions.params(), read))
            .doing("looking at files")
    }
}
