//! What was found wrong or unfinished in each file when it was looked for last, in the table of the older program.

use driver_api::{RowBlock, ValueRef};

use super::database::CodeDatabase;
use super::dialect::lock_project;
use super::error::{Doing, Result};

/// Files whose results are stored in one transaction, so that nobody waits long.
const FILES_AT_ONCE: usize = 500;

/// What was found in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalysisResults {
    /// The id of the file.
    pub file_id: i64,
    /// Findings by kind, as JSON.
    pub results: String,
    /// How many there are of each kind, as JSON.
    pub summary: String,
}

impl CodeDatabase {
    /// Stores what was found in files of a project, with the time of their last change that is stored, in place of what
    /// was found in them before. Files that are gone by now are left out.
    ///
    /// # Errors
    /// The driver's; what was stored before the error stays.
    pub fn store_analysis_results(
        &self,
        project_id: &str,
        found: &[AnalysisResults],
    ) -> Result<()> {
        let dialect = self.database.dialect();
        for found in found.chunks(FILES_AT_ONCE) {
            let stored = self.database.transaction(|session| {
                lock_project(session, dialect, project_id)?;
                let (mut files, mut rows) = (RowBlock::new(1), RowBlock::new(3));
                for file in found {
                    files.push_row([file.file_id.into()]);
                    let texts = [&file.results, &file.summary].map(|text| ValueRef::Text(text));
                    rows.push_row([texts[0], texts[1], file.file_id.into()]);
                }
                let sql = "DELETE FROM comprehensive_analysis_results WHERE file_id = ?";
                session.execute_many(sql, &mut files)?;
                let sql = "INSERT INTO comprehensive_analysis_results(results_json, summary_json, file_id, project_id, \
                           file_mtime) SELECT ?, ?, f.id, f.project_id, COALESCE(f.last_modified, 0) FROM files f \
                           WHERE f.id = ?";
                session.execute_many(sql, &mut rows).map(drop)
            });
            stored.doing("storing what was found in files")?;
        }
        Ok(())
    }
}
