//! Rows for one statement, sent whenever a few megabytes of them have come together.

use driver_api::{Result, RowBlock, ValueRef};

use super::plan::Slot;
use crate::driver::session::Session;

/// Bytes after which rows are sent: few calls, and far from what a message to the DB worker may hold.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Rows for one statement.
pub(super) struct Batch {
    sql: String,
    rows: RowBlock,
}

impl Batch {
    /// No rows yet for this statement, whose every `?` is a column of them.
    pub(super) fn new(sql: impl Into<String>) -> Self {
        let sql = sql.into();
        let rows = RowBlock::new(sql.matches('?').count());
        Self { sql, rows }
    }

    /// Adds a row, and sends what has come together when it is enough.
    pub(super) fn add<'v>(
        &mut self,
        session: &mut Session,
        row: impl IntoIterator<Item = ValueRef<'v>>,
    ) -> Result<()> {
        self.push(row);
        if self.is_full() {
            self.send(session)?;
        }
        Ok(())
    }

    /// Adds a row, and sends nothing.
    pub(super) fn push<'v>(&mut self, row: impl IntoIterator<Item = ValueRef<'v>>) {
        self.rows.push_row(row);
    }

    /// Whether enough has come together to be sent.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= BATCH_BYTES
    }

    /// Sends what has come together.
    pub(super) fn send(&mut self, session: &mut Session) -> Result<()> {
        let columns = self.rows.columns();
        session.execute_many(&self.sql, &mut self.rows)?;
        self.rows.clear(columns);
        Ok(())
    }

    /// Sends the rest.
    pub(super) fn finish(mut self, session: &mut Session) -> Result<()> {
        session.execute_many(&self.sql, &mut self.rows).map(drop)
    }
}

/// Rows of which some are inserted and some take over an existing row.
pub(super) struct Upsert {
    insert: Batch,
    update: Batch,
}

impl Upsert {
    /// `update` takes the values and the id; `insert` takes those, and then what never changes.
    pub(super) fn new(insert: impl Into<String>, update: impl Into<String>) -> Self {
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
