//! Files that are gone from disk: marked, so that answers leave them out, and kept, so that they can come back.

use driver_api::RowBlock;

use super::database::CodeDatabase;
use super::dependencies::CAME_OR_WENT;
use super::error::{Doing, Result};
use super::records::FileState;
use super::registration::julian_now;
use crate::driver::session::Session;

impl CodeDatabase {
    /// Marks files as deleted: their rows stay, and no answer mentions them. Returns how many were not before.
    ///
    /// # Errors
    /// The driver's.
    pub fn mark_deleted(&self, file_ids: &[i64]) -> Result<u64> {
        self.mark(file_ids, true).doing("marking files deleted")
    }

    /// Takes the mark back from files that are on disk again, unchanged. Returns how many had it.
    ///
    /// # Errors
    /// The driver's.
    pub fn revive_files(&self, file_ids: &[i64]) -> Result<u64> {
        self.mark(file_ids, false).doing("reviving files")
    }

    /// Notes that files were touched but hold the same: only what tells a later change is written, and the time of the
    /// last one in seconds since 1970.
    ///
    /// # Errors
    /// The driver's.
    pub fn touch_files(&self, touched: &[(i64, FileState, f64)]) -> Result<()> {
        if touched.is_empty() {
            return Ok(());
        }
        let mut rows = RowBlock::new(3);
        let mut times = RowBlock::new(2);
        for (id, state, modified) in touched {
            times.push_row([(*modified).into(), (*id).into()]);
            let size = i64::try_from(state.size).unwrap_or(i64::MAX);
            rows.push_row([size.into(), state.mtime_ns.into(), (*id).into()]);
        }
        let sql = "UPDATE file_states SET size = ?, mtime_ns = ? WHERE file_id = ?";
        self.database
            .transaction(|session| {
                session.execute_many(sql, &mut rows)?;
                let sql = "UPDATE files SET last_modified = ? WHERE id = ?";
                session.execute_many(sql, &mut times).map(drop)
            })
            .doing("noting what files are like")
    }

    fn mark(&self, file_ids: &[i64], deleted: bool) -> driver_api::Result<u64> {
        if file_ids.is_empty() {
            return Ok(0);
        }
        self.database
            .transaction(|session| mark(session, file_ids, deleted))
    }
}

fn mark(session: &mut Session, file_ids: &[i64], deleted: bool) -> driver_api::Result<u64> {
    let now = julian_now();
    let mut rows = RowBlock::new(4);
    for id in file_ids {
        rows.push_row([deleted.into(), now.into(), (*id).into(), deleted.into()]);
    }
    let sql = "UPDATE files SET deleted = ?, updated_at = ? WHERE id = ? AND COALESCE(deleted, FALSE) <> ?";
    let marked = session.execute_many(sql, &mut rows)?.rows_affected;
    let mut moved = RowBlock::new(2);
    for id in file_ids {
        moved.push_row([CAME_OR_WENT.into(), (*id).into()]);
    }
    let sql = "UPDATE file_states SET unlinked = ? WHERE file_id = ?";
    session.execute_many(sql, &mut moved)?;
    Ok(marked)
}
