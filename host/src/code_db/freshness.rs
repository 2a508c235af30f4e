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
    /// The version of the analysis that its rows were made by.
    pub analysis: Option<i64>,
}

impl CodeDatabase {
    /// These files as they were indexed, by path.
    ///
    /// # Errors
    /// The driver's.
    pub fn indexed_files(&self, file_ids: &BTreeSet<i64>) -> Result<Vec<IndexedFile>> {
        self.indexed("f.id", file_ids.iter().map(|id| ValueRef::from(*id)))
    }

    /// The files at these absolute paths as they were indexed, by path.
    ///
    /// # Errors
    /// The driver's.
    pub fn indexed_paths(&self, paths: &BTreeSet<&str>) -> Result<Vec<IndexedFile>> {
        self.indexed("f.path", paths.iter().map(|path| ValueRef::from(*path)))
    }

    fn indexed<'v>(
        &self,
        column: &'static str,
        values: impl Iterator<Item = ValueRef<'v>>,
    ) -> Result<Vec<IndexedFile>> {
        let mut conditions = Conditions::live_files(None);
        conditions.and_in(column, values);
        let sql = format!(
            "SELECT f.path, p.root_path, s.size, f.last_modified, s.parse_errors IS NOT NULL, f.updated_at, s.analysis \
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
                analysis: row.opt(6, RowRef::i64)?,
            })
        };
        self.database
            .read(|session| session.query_all(&sql, conditions.params(), read))
            .doing("looking at files")
    }
}
