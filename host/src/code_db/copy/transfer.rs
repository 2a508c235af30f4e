//! The work of a copy within its one transaction: clear, write, derive, read back, compare.

use std::time::Instant;

use driver_api::{Dialect, ErrorClass, RowBlock};

use super::super::full_text;
use super::super::schema::model::Table;
use super::super::schema::tables;
use super::contents::{Contents, absent_columns};
use super::error::{CopyError, During, OrphanRow, Result, Side};
use super::fingerprint::Fingerprint;
use super::pages::{Pages, shown};
use super::report::{CopiedTable, CopyReport, NotCopied};
use super::{CopyOptions, claim, counters, in_snapshot, statements};
use crate::driver::database::Database;
use crate::driver::session::Session;

/// One copy.
pub(super) struct Transfer<'a> {
    source: &'a Database,
    target: &'a Database,
    options: &'a CopyOptions<'a>,
    started: Instant,
}

/// A table that was written.
struct Written {
    table: &'static Table,
    fingerprint: Fingerprint,
    /// The greatest id that the source ever assigned.
    greatest_id: i64,
    seconds: f64,
}

/// What was read in one snapshot of the source and written to the target.
pub(super) struct Filled {
    written: Vec<Written>,
    not_copied: Vec<NotCopied>,
    replaced_rows: u64,
    seconds: f64,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(
        source: &'a Database,
        target: &'a Database,
        options: &'a CopyOptions<'a>,
    ) -> Self {
        Self {
            source,
            target,
            options,
            started: Instant::now(),
        }
    }

    /// Fills the target and reads it back, all within the transaction of `target`.
    pub(super) fn run(&self, target: &mut Session) -> Result<Filled> {
        let dialect = self.target.dialect();
        let claimed = claim::claim(target, dialect).during(Side::Target, claiming)?;
        if !claimed {
            return Err(CopyError::TargetClaimed);
        }
        self.require_another_source(target)?;
        let replaced_rows = self.rows_to_replace(target)?;
        let mut filled = in_snapshot(self.source, Side::Source, |source| {
            // A source that went away and came back is read again from the start.
            self.clear(target)?;
            self.write_all(source, target)
        })?;
        self.derive(target, &filled.written)?;
        for written in &mut filled.written {
            self.read_back(target, written)?;
        }
        filled.replaced_rows = replaced_rows;
        filled.seconds = self.started.elapsed().as_secs_f64();
        self.options.progress.done();
        Ok(filled)
    }

    /// The source is the target where the target's session has claimed it; others may copy into it meanwhile.
    fn require_another_source(&self, target: &mut Session) -> Result<()> {
        let dialect = self.source.dialect();
        let claimant = self
            .source
            .read(|source| claim::claimant(source, dialect))
            .during(Side::Source, claiming)?;
        let own =
            claim::session_id(target, self.target.dialect()).during(Side::Target, claiming)?;
        if claimant.is_some() && claimant == own && dialect == self.target.dialect() {
            return Err(CopyError::SameDatabase);
        }
        Ok(())
    }

    /// Gives back on the target's connection what the end of the transaction does not.
    pub(super) fn release(&self, target: &mut Session) -> driver_api::Result<()> {
        claim::release(target, self.target.dialect())
    }

    fn rows_to_replace(&self, target: &mut Session) -> Result<u64> {
        let held = Contents::read(target, Side::Target, self.target.dialect())?;
        match held.first_with_rows() {
            Some(table) if !self.options.replace => Err(CopyError::NotEmpty {
                table: table.name,
                rows: held.rows(),
            }),
            _ => Ok(held.rows()),
        }
    }

    fn clear(&self, target: &mut Session) -> Result<()> {
        let tables: Vec<&Table> = tables().collect();
        for table in tables.into_iter().rev() {
            target
                .execute(&statements::delete(table, self.target.dialect()), &[])
                .during(Side::Target, || format!("clearing `{}`", table.name))?;
        }
        Ok(())
    }

    fn write_all(&self, source: &mut Session, target: &mut Session) -> Result<Filled> {
        let dialect = self.source.dialect();
        let contents = Contents::read(source, Side::Source, dialect)?;
        if !contents.is_code_database() {
            return Err(CopyError::NoCodeDatabase);
        }
        let not_copied = contents.without_place(source, Side::Source, dialect)?;
        self.options.progress.begin(contents.rows() * 2);
        let mut written = Vec::new();
        for (table, rows) in contents.tables() {
            written.push(match rows {
                Some(rows) => self.write(table, *rows, source, target)?,
                None => Written {
                    table,
                    fingerprint: Fingerprint::default(),
                    greatest_id: 0,
                    seconds: 0.0,
                },
            });
        }
        Ok(Filled {
            written,
            not_copied,
            replaced_rows: 0,
            seconds: 0.0,
        })
    }

    fn write(
        &self,
        table: &'static Table,
        rows: u64,
        source: &mut Session,
        target: &mut Session,
    ) -> Result<Written> {
        let started = Instant::now();
        let (from, to) = (self.source.dialect(), self.target.dialect());
        let columns: Vec<_> = table.columns.iter().collect();
        let insert = statements::insert(table, &columns, to);
        let absent = absent_columns(source, Side::Source, table)?;
        let mut pages = Pages::of(table, &absent, Side::Source, from, to);
        let mut page = RowBlock::default();
        while pages.next(source, &mut page)? {
            self.go_on()?;
            if let Err(error) = target.execute_many(&insert, &mut page) {
                if error.class() == ErrorClass::Constraint
                    && let Some(orphan) = orphan(source, from, table)?
                {
                    return Err(CopyError::Orphan(Box::new(orphan)));
                }
                return Err(error).during(Side::Target, || format!("writing {}", pages.place()));
            }
            let rows = page.rows() as u64;
            self.options.progress.rows("copying", table.name, rows);
        }
        let greatest_id = match counters::has_counter(table) {
            true => counters::greatest_id(source, from, table).during(Side::Source, || {
                format!("reading the ids of `{}`", table.name)
            })?,
            false => 0,
        };
        let fingerprint = pages.finish();
        if fingerprint.rows < rows {
            return Err(CopyError::NoKey {
                table: table.name,
                rows: rows - fingerprint.rows,
            });
        }
        Ok(Written {
            table,
            fingerprint,
            greatest_id,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Makes what follows from the rows: the full-text index, and the counters of ids.
    fn derive(&self, target: &mut Session, written: &[Written]) -> Result<()> {
        let dialect = self.target.dialect();
        self.go_on()?;
        full_text::rebuild(target, dialect)
            .during(Side::Target, || "building the full-text index".into())?;
        for each in written
            .iter()
            .filter(|each| counters::has_counter(each.table))
        {
            counters::go_on_behind(target, dialect, each.table, each.greatest_id)
                .during(Side::Target, || counting(each.table))?;
        }
        Ok(())
    }

    fn read_back(&self, target: &mut Session, written: &mut Written) -> Result<()> {
        let started = Instant::now();
        let found = self.fingerprint(target, written.table)?;
        written.seconds += started.elapsed().as_secs_f64();
        if found == written.fingerprint {
            return Ok(());
        }
        Err(CopyError::Mismatch {
            table: written.table.name,
            source_rows: written.fingerprint.rows,
            source_hash: written.fingerprint.short_hash(),
            target_rows: found.rows,
            target_hash: found.short_hash(),
        })
    }

    fn fingerprint(&self, target: &mut Session, table: &'static Table) -> Result<Fingerprint> {
        let dialect = self.target.dialect();
        let mut pages = Pages::of(table, &[], Side::Target, dialect, dialect);
        let mut page = RowBlock::default();
        while pages.next(target, &mut page)? {
            self.go_on()?;
            let rows = page.rows() as u64;
            self.options.progress.rows("reading back", table.name, rows);
        }
        Ok(pages.finish())
    }

    /// Finds out by reading, once the lost session has ended at the server, whether a commit came about that failed with `error`, which leaves that open: only the
    /// commit fails after everything was written.
    pub(super) fn settle(&self, error: CopyError, filled: Filled) -> Result<Filled> {
        match (self.is_in_target(&filled), error) {
            (Ok(true), _) => Ok(filled),
            (Ok(false), CopyError::Driver { error, .. }) => Err(CopyError::NotCommitted(error)),
            (_, error) => Err(error),
        }
    }

    fn is_in_target(&self, filled: &Filled) -> Result<bool> {
        let dialect = self.target.dialect();
        self.target
            .read(|target| claim::wait(target, dialect))
            .during(Side::Target, || "waiting for the lost session's end".into())?;
        in_snapshot(self.target, Side::Target, |target| {
            for written in &filled.written {
                if self.fingerprint(target, written.table)? != written.fingerprint {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Does after the commit what an engine cannot do before. The copy is complete already: what fails twice is a
    /// line for people.
    pub(super) fn remember_counters(&self, filled: &Filled) -> Vec<String> {
        let dialect = self.target.dialect();
        let with_counter = |written: &&Written| counters::has_counter(written.table);
        let mut warnings = Vec::new();
        for written in filled.written.iter().filter(with_counter) {
            let remember = || {
                self.target.once(|target| {
                    counters::remember(target, dialect, written.table, written.greatest_id)
                })
            };
            if let Err(error) = remember().or_else(|_| remember()) {
                warnings.push(format!(
                    "the copy is complete, but the counter of ids of `{}` could not be set ({error}): ids of rows \
                     that were deleted in the source may be given again",
                    written.table.name
                ));
            }
        }
        warnings
    }

    fn go_on(&self) -> Result<()> {
        if self.options.cancellation.is_cancelled() {
            return Err(CopyError::Cancelled);
        }
        Ok(())
    }
}

impl Filled {
    pub(super) fn into_report(self, warnings: Vec<String>) -> CopyReport {
        let tables: Vec<CopiedTable> = self
            .written
            .into_iter()
            .map(|written| CopiedTable {
                name: written.table.name,
                rows: written.fingerprint.rows,
                hash: written.fingerprint.hash(),
                seconds: written.seconds,
            })
            .collect();
        CopyReport {
            rows: tables.iter().map(|table| table.rows).sum(),
            replaced_rows: self.replaced_rows,
            seconds: self.seconds,
            tables,
            not_copied: self.not_copied,
            warnings,
        }
    }
}

/// A row of the table that refers to one that does not exist, if there is any.
fn orphan(
    source: &mut Session,
    dialect: Dialect,
    table: &'static Table,
) -> Result<Option<OrphanRow>> {
    for owner in table.owners {
        let sql = statements::orphan(table, owner.column, owner.table, dialect);
        let row = source
            .query_first(&sql, &[], |row| Ok(shown(row.get(0)?)))
            .during(Side::Source, || {
                format!("looking for owners in `{}`", owner.table)
            })?;
        if let Some(row) = row {
            return Ok(Some(OrphanRow {
                table: table.name,
                row,
                column: owner.column,
                owner: owner.table,
            }));
        }
    }
    Ok(None)
}

fn claiming() -> String {
    "claiming the target".to_owned()
}

fn counting(table: &Table) -> String {
    format!("setting the counter of ids of `{}`", table.name)
}
