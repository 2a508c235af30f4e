//! Syntax trees that an older program stored.

use super::database::CodeDatabase;
use super::error::{Doing, Result};
use super::scope::Conditions;

impl CodeDatabase {
    /// How many syntax trees are stored of a project, or of one file.
    ///
    /// # Errors
    /// The driver's.
    pub fn stored_trees(&self, project_id: &str, file_id: Option<i64>) -> Result<u64> {
        let mut conditions = Conditions::live_files(Some(project_id));
        if let Some(id) = file_id {
            conditions.and("f.id = ?", [id.into()]);
        }
        let sql = format!(
            "SELECT count(*) FROM ast_trees a JOIN files f ON f.id = a.file_id WHERE {}",
            conditions.sql()
        );
        let read = |row: driver_api::RowRef<'_>| Ok(u64::try_from(row.i64(0)?).unwrap_or(0));
        let count = self
            .database
            .read(|session| session.query_first(&sql, conditions.params(), read))
            .doing("counting syntax trees")?;
        Ok(count.unwrap_or(0))
    }
}
