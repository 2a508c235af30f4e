//! Reads a table in the order of its key, one page after the other: no query stays open while its rows are
//! written elsewhere, and memory is bounded whatever the rows are like.

use driver_api::{Dialect, Flow, RowBlock, RowRef, Value, ValueRef};

use super::super::schema::model::{Column, Table};
use super::cell::Cell;
use super::error::{CopyError, During, Result, Side, UnfitValue};
use super::fingerprint::{Fingerprint, Fingerprinter};
use super::statements;
use crate::driver::session::Session;

/// Bytes after which a page ends: few calls, and far from what a message to the DB worker may hold.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Rows of the first page. A page that ends early leaves rows that an engine may have to throw away, so that
/// pages grow with what was seen of the rows.
const FIRST_ROWS: usize = 64;

/// Most rows of a page.
const MOST_ROWS: usize = 20_000;

/// The pages of a table.
pub(in crate::code_db) struct Pages {
    table: &'static Table,
    columns: Vec<&'static Column>,
    side: Side,
    /// What the rows have to fit.
    target: Dialect,
    first: String,
    next: String,
    /// Most rows of the next page.
    rows: usize,
    /// Keys of the first and the last row of the last page.
    keys: Option<(Value, Value)>,
    at_end: bool,
    printer: Fingerprinter,
}

impl Pages {
    /// The pages of `table` on a side of this dialect, in values that fit the dialect `target`; columns that are
    /// `absent` there hold null.
    pub(in crate::code_db) fn of(
        table: &'static Table,
        absent: &[&str],
        side: Side,
        dialect: Dialect,
        target: Dialect,
    ) -> Self {
        let columns = table.columns.iter().collect();
        Self::reading(table, columns, absent, side, dialect, target)
    }

    /// The same with these columns only, of which the first is the table's first.
    pub(in crate::code_db) fn of_columns(
        table: &'static Table,
        columns: Vec<&'static Column>,
        side: Side,
        dialect: Dialect,
        target: Dialect,
    ) -> Self {
        Self::reading(table, columns, &[], side, dialect, target)
    }

    fn reading(
        table: &'static Table,
        columns: Vec<&'static Column>,
        absent: &[&str],
        side: Side,
        dialect: Dialect,
        target: Dialect,
    ) -> Self {
        Self {
            table,
            side,
            target,
            first: statements::first_page(table, &columns, absent, dialect),
            next: statements::next_page(table, &columns, absent, dialect),
            columns,
            rows: FIRST_ROWS,
            keys: None,
            at_end: false,
            printer: Fingerprinter::default(),
        }
    }

    /// Reads the next page into `page`; false when there is none.
    pub(in crate::code_db) fn next(
        &mut self,
        session: &mut Session,
        page: &mut RowBlock,
    ) -> Result<bool> {
        page.clear(self.columns.len());
        if self.at_end {
            return Ok(false);
        }
        let mut taking = Taking {
            table: self.table,
            columns: &self.columns,
            target: self.target,
            printer: &mut self.printer,
            page,
            unfit: None,
            full: false,
        };
        let take = |row: RowRef<'_>| taking.row(row);
        let limit = ValueRef::I64(self.rows as i64);
        let read = match &self.keys {
            None => session.query_each(&self.first, &[limit], take),
            Some((_, last)) => session.query_each(&self.next, &[last.as_ref(), limit], take),
        };
        let (unfit, full) = (taking.unfit.take(), taking.full);
        read.during(self.side, || format!("reading `{}`", self.table.name))?;
        if let Some(unfit) = unfit {
            return Err(CopyError::Unfit(Box::new(unfit)));
        }
        self.at_end = !full && page.rows() < self.rows;
        self.keys = keys(page).during(self.side, || format!("reading `{}`", self.table.name))?;
        self.rows = next_rows(self.rows, page.rows(), page.len());
        Ok(!page.is_empty())
    }

    /// The rows of the last page, as people are told: "the rows 1 to 64 of `files`".
    pub(in crate::code_db) fn place(&self) -> String {
        match &self.keys {
            Some((first, last)) => format!(
                "the rows {} to {} of `{}`",
                shown(first.as_ref()),
                shown(last.as_ref()),
                self.table.name
            ),
            None => format!("`{}`", self.table.name),
        }
    }

    /// What all pages come to.
    pub(in crate::code_db) fn finish(self) -> Fingerprint {
        self.printer.finish()
    }
}

/// Rows on their way into a page.
struct Taking<'p> {
    table: &'static Table,
    columns: &'p [&'static Column],
    target: Dialect,
    printer: &'p mut Fingerprinter,
    page: &'p mut RowBlock,
    unfit: Option<UnfitValue>,
    /// The page ended before its rows did.
    full: bool,
}

impl Taking<'_> {
    fn row(&mut self, row: RowRef<'_>) -> driver_api::Result<Flow> {
        let mut taken = self.page.row();
        for (index, column) in self.columns.iter().enumerate() {
            let value = row.get(index)?;
            match fitting(column, value, self.target) {
                Ok(cell) => {
                    self.printer.cell(cell);
                    taken.push(cell.value());
                }
                Err(expected) => {
                    self.unfit = Some(UnfitValue {
                        table: self.table.name,
                        column: column.name,
                        row: shown(row.get(0)?),
                        found: value.kind(),
                        expected,
                    });
                    return Ok(Flow::Stop);
                }
            }
        }
        taken.finish();
        self.printer.end_row();
        self.full = self.page.len() >= PAGE_BYTES;
        Ok(Flow::from_wants_more(!self.full))
    }
}

fn fitting<'a>(
    column: &Column,
    value: ValueRef<'a>,
    target: Dialect,
) -> std::result::Result<Cell<'a>, &'static str> {
    let cell = Cell::read(column.kind, value).ok_or("a kind of value that the schema knows")?;
    match cell.unfit(column, target) {
        Some(expected) => Err(expected),
        None => Ok(cell),
    }
}

/// Keys of the first and last row.
fn keys(page: &mut RowBlock) -> driver_api::Result<Option<(Value, Value)>> {
    if page.is_empty() {
        return Ok(None);
    }
    let view = page.view();
    let key = |row| Ok::<_, driver_api::BlockError>(view.row(row)?.get(0)?.to_value());
    Ok(Some((key(0)?, key(view.rows() - 1)?)))
}

/// Rows that should fill the next page, judged by the last; at most twice as many as before.
fn next_rows(before: usize, rows: usize, bytes: usize) -> usize {
    let filling = rows.saturating_mul(PAGE_BYTES) / bytes.max(1);
    filling.clamp(1, (before * 2).min(MOST_ROWS))
}

/// A key as people are told.
pub(in crate::code_db) fn shown(key: ValueRef<'_>) -> String {
    match key {
        ValueRef::I64(v) => v.to_string(),
        ValueRef::Text(v) => v.to_owned(),
        other => other.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_by_steps_and_shrink_at_once() {
        // Small rows: twice as many, up to the limit.
        assert_eq!(next_rows(64, 64, 6_400), 128);
        assert_eq!(next_rows(16_000, 16_000, 1_600_000), MOST_ROWS);
        // Rows of a megabyte: four fill a page.
        assert_eq!(next_rows(20_000, 8, 8 * 1024 * 1024), 4);
        // A row larger than a page comes alone.
        assert_eq!(next_rows(4, 1, 64 * 1024 * 1024), 1);
    }
}
