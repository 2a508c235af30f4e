//! Ids for new rows, taken ahead of their insertion, so that rows can refer to each other within one batch.

use driver_api::{Dialect, Result};

use crate::driver::session::Session;

/// The next free id of each table whose rows others refer to. Taking one counts it up.
///
/// Ids are never used twice, deleted rows' included. On SQLite the tables are AUTOINCREMENT: the engine
/// remembers the greatest id ever used, counts ids that were given as well, and we start after it. Reading and
/// inserting happen in one write transaction, of which SQLite has one at a time, so nobody else takes the same.
pub(super) struct NextIds {
    pub(super) file: i64,
    pub(super) class: i64,
    pub(super) method: i64,
    pub(super) function: i64,
    /// Of `code_content`; consecutive within a transaction, which the full-text index relies on.
    pub(super) text: i64,
}

impl NextIds {
    pub(super) fn read(session: &mut Session, dialect: Dialect) -> Result<Self> {
        Ok(Self {
            file: next(session, dialect, "files")?,
            class: next(session, dialect, "classes")?,
            method: next(session, dialect, "methods")?,
            function: next(session, dialect, "functions")?,
            text: next(session, dialect, "code_content")?,
        })
    }
}

/// Takes an id.
pub(super) fn take(next: &mut i64) -> i64 {
    let id = *next;
    *next += 1;
    id
}

fn next(session: &mut Session, dialect: Dialect, table: &'static str) -> Result<i64> {
    let greatest = format!("COALESCE((SELECT max(id) FROM {table}), 0)");
    let sql = match dialect {
        // The greatest present id is asked for as well: a table may have been filled by other means.
        Dialect::Sqlite => {
            format!(
                "SELECT max({greatest}, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0))"
            )
        }
        _ => format!("SELECT {greatest}"),
    };
    let used = session.query_first(&sql, &[], |row| Ok(row.i64(0)?))?;
    Ok(used.unwrap_or(0) + 1)
}
