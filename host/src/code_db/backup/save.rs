//! Makes a portable backup: every declared table that the database has, in the columns that it has.

use std::io::Write;

use driver_api::RowBlock;
use serde::Serialize;

use super::container::FrameWriter;
use super::error::{BackupError, Result};
use super::record::{self, End, Head, Record, Sums, TableHead};
use crate::code_db::copy::contents::Contents;
use crate::code_db::copy::counters;
use crate::code_db::copy::error::{CopyError, During, Side};
use crate::code_db::copy::in_snapshot;
use crate::code_db::copy::pages::Pages;
use crate::code_db::database::CodeDatabase;
use crate::code_db::schema::UNRECORDED;
use crate::code_db::schema::apply::recorded;
use crate::code_db::schema::model::{Column, Table};
use crate::driver::session::Session;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::progress::{RowProgress, Silent};

/// What a backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// Rows of all tables.
    pub rows: u64,
    /// The version of the schema.
    pub schema_version: i64,
}

/// Who hears of a backup, and who may stop it.
#[derive(Clone)]
pub struct Watch<'a> {
    /// Hears how far it is.
    pub progress: &'a dyn RowProgress,
    /// Stops it.
    pub cancellation: Cancellation,
}

impl Watch<'static> {
    /// Nobody hears of it, and nobody stops it.
    pub fn silent() -> Self {
        Self {
            progress: &Silent,
            cancellation: Cancellation::default(),
        }
    }
}

impl Watch<'_> {
    pub(super) fn go_on(&self) -> std::result::Result<(), CopyError> {
        match self.cancellation.is_cancelled() {
            true => Err(CopyError::Cancelled),
            false => Ok(()),
        }
    }
}

impl CodeDatabase {
    /// Writes all rows of one moment to `file`, which is complete when this returns. Others write meanwhile.
    ///
    /// # Errors
    /// [`BackupError`]. Work that a lost connection cut off is not begun anew, because a part was written.
    pub fn save_to<W: Write>(&self, file: W, watch: &Watch<'_>) -> Result<(Saved, W)> {
        let dialect = self.database.dialect();
        let mut writer = Some(FrameWriter::new(file)?);
        let mut failed = None;
        let saved = in_snapshot(&self.database, Side::Source, |session| {
            let Some(mut frames) = writer.take() else {
                return Err(CopyError::Cancelled);
            };
            let mut saving = Saving {
                session,
                dialect,
                frames: &mut frames,
                watch,
            };
            let saved = saving.all();
            writer = Some(frames);
            saved.map_err(|error| match error {
                BackupError::Database(error) => error,
                other => {
                    failed = Some(other);
                    CopyError::Cancelled
                }
            })
        });
        match (saved, failed, writer) {
            (_, Some(error), _) => Err(error),
            (Ok(saved), None, Some(frames)) => Ok((saved, frames.finish()?)),
            (Err(error), ..) => Err(error.into()),
            (Ok(_), None, None) => Err(CopyError::Cancelled.into()),
        }
    }
}

struct Saving<'s, 'f, W: Write> {
    session: &'s mut Session,
    dialect: driver_api::Dialect,
    frames: &'f mut FrameWriter<W>,
    watch: &'f Watch<'f>,
}

impl<W: Write> Saving<'_, '_, W> {
    fn all(&mut self) -> Result<Saved> {
        let contents = Contents::read(self.session, Side::Source, self.dialect)?;
        if !contents.is_code_database() {
            return Err(CopyError::NoCodeDatabase.into());
        }
        let version =
            recorded(self.session).during(Side::Source, || "looking for its version".into())?;
        let head = Head {
            program: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            schema_version: version.map_or(UNRECORDED, |found| found.version),
            dialect: format!("{:?}", self.dialect).to_lowercase(),
        };
        let mut saved = Saved {
            rows: 0,
            schema_version: head.schema_version,
        };
        record::write(self.frames, &Record::Head(head))?;
        self.watch.progress.begin(contents.rows());
        for (table, rows) in contents.tables() {
            if rows.is_some() {
                saved.rows += self.table(table)?;
            }
        }
        record::write(self.frames, &Record::End(End { rows: saved.rows }))?;
        self.watch.progress.done();
        Ok(saved)
    }

    fn table(&mut self, table: &'static Table) -> Result<u64> {
        let found = self
            .session
            .columns(table.name)
            .during(Side::Source, || format!("looking at `{}`", table.name))?;
        let columns: Vec<&'static Column> = table
            .columns
            .iter()
            .filter(|column| found.iter().any(|found| found.name == column.name))
            .collect();
        let head = TableHead {
            name: table.name.to_owned(),
            columns: columns
                .iter()
                .map(|column| column.name.to_owned())
                .collect(),
        };
        record::write(self.frames, &Record::Table(head))?;
        let mut pages = Pages::of_columns(table, columns, Side::Source, self.dialect, self.dialect);
        let mut page = RowBlock::default();
        while pages.next(self.session, &mut page)? {
            self.watch.go_on()?;
            record::write_rows(self.frames, page.as_bytes())?;
            self.watch
                .progress
                .rows("saving", table.name, page.rows() as u64);
        }
        let print = pages.finish();
        let greatest_id = match counters::has_counter(table) {
            true => counters::greatest_id(self.session, self.dialect, table)
                .during(Side::Source, || {
                    format!("reading the ids of `{}`", table.name)
                })?,
            false => 0,
        };
        let sums = Sums {
            rows: print.rows,
            hash: print.hash(),
            greatest_id,
        };
        record::write(self.frames, &Record::Sums(sums))?;
        Ok(print.rows)
    }
}
