//! Rows for one statement, sent whenever a few megabytes of them have come together.

use driver_api::{Result, RowBlock, ValueRef};

use super::plan::Slot;
use crate::driver::session::Session;

/// Bytes after which rows are sent: few calls, and far from what a message to the DB worker may hold.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Rows for one statement.
pub(super) struct Batch {
    sql: &'static str,
    rows: RowBlock,
}

impl Batch {
    /// No rows yet for this statement, whose every `?` is a column of them.
    pub(super) fn new(sql: &'static str) -> Self {
        Self {
            sql,
            rows: RowBlock::new(sql.matches('?').count()),
        }
    }

    /// Adds a row, and sends what has come together when it is enough.
    pub(super) fn add<'v>(
        &mut self,
        session: &mut Session,
        row: impl IntoIterator<Item = ValueRef<'v>>,
    ) -> Result<()> {
        self.rows.push_row(row);
        if self.rows.len() < BATCH_BYTES {
            return Ok(());
        }
        let columns = self.rows.columns();
        session.execute_many(self.sql, &mut self.rows)?;
        self.rows.clear(columns);
        Ok(())
    }

    /// Sends the rest.
    pub(super) fn finish(mut self, session: &mut Session) -> Result<()> {
        session.execute_many(self.sql, &mut self.rows).map(drop)
    }
}

/// Rows of which some are inserted and some take over an existing row.
pub(super) struct Upsert {
    insert: Batch,
    update: Batch,
}

impl Upsert {
    /// `update` takes the values and the id; `insert` takes those, and then what never changes.
    pub(super) fn new(insert: &'static str, update: &'static str) -> Self {
        Self {
            insert: Batch::new(insert),
            update: Batch::new(update),
        }
    }

    /// Adds the row for `slot`, unless it is dropped.
    pub(super) fn add(
        &mut self,
        session: &mut Session,
        slot: Slot,
        values: &[ValueRef<'_>],
        fixed: &[ValueRef<'_>],
    ) -> Result<()> {
        let with_id = |id: i64| values.iter().copied().chain([ValueRef::from(id)]);
        match slot {
            Slot::New(id) => self
                .insert
                .add(session, with_id(id).chain(fixed.iter().copied())),
            Slot::Kept(id) => self.update.add(session, with_id(id)),
            Slot::Dropped => Ok(()),
        }
    }

    /// Sends the rest.
    pub(super) fn finish(self, session: &mut Session) -> Result<()> {
        self.update.finish(session)?;
        self.insert.finish(session)
    }
}
