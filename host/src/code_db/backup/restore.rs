//! Reads a portable backup, to see that it is whole, or to put it in the place of what a database holds.

use std::io::Read;

use driver_api::{Dialect, RowBlock, RowBlockRef};

use super::container::FrameReader;
use super::error::{BackupError, Result};
use super::record::{self, Record, Sums, TableHead};
use super::save::{Saved, Watch};
use crate::code_db::copy::cell::Cell;
use crate::code_db::copy::error::{CopyError, During, Side};
use crate::code_db::copy::fingerprint::Fingerprinter;
use crate::code_db::copy::pages::Pages;
use crate::code_db::copy::{claim, counters, in_transaction, statements};
use crate::code_db::database::CodeDatabase;
use crate::code_db::full_text;
use crate::code_db::schema::model::{Column, Table};
use crate::code_db::schema::{VERSION, table, tables};
use crate::driver::session::Session;

/// Reads a whole backup of so many bytes, and answers what it holds when every sum in it is right.
///
/// # Errors
/// [`BackupError::NotABackup`], [`BackupError::NewerForm`], [`BackupError::NewerSchema`], [`BackupError::Damaged`],
/// [`BackupError::Io`].
pub fn verify(file: impl Read, bytes: u64, watch: &Watch<'_>) -> Result<Saved> {
    read_all(file, bytes, &mut Checking { watch })
}

impl CodeDatabase {
    /// Puts a backup in the place of everything that this database holds, whose schema is expected to be complete,
    /// in one transaction. `open` opens the file, which has so many bytes, once for each attempt.
    ///
    /// # Errors
    /// [`BackupError`]; the database is as it was then, unless a driver's error says that its outcome is unknown.
    pub fn restore_from<R: Read>(
        &self,
        mut open: impl FnMut() -> std::io::Result<(R, u64)>,
        watch: &Watch<'_>,
    ) -> Result<Saved> {
        let (file, bytes) = open()?;
        verify(file, bytes, watch)?;
        let dialect = self.database.dialect();
        let mut failed = None;
        let restored = in_transaction(
            &self.database,
            |session| {
                failed = None;
                let restored = open()
                    .map_err(BackupError::from)
                    .and_then(|(file, bytes)| restore(session, dialect, file, bytes, watch));
                restored.map_err(|error| match error {
                    BackupError::Database(error) => error,
                    other => {
                        failed = Some(other);
                        CopyError::Cancelled
                    }
                })
            },
            |session| claim::release(session, dialect),
        );
        match failed {
            Some(error) => Err(error),
            None => Ok(restored?),
        }
    }
}

fn restore(
    session: &mut Session,
    dialect: Dialect,
    file: impl Read,
    bytes: u64,
    watch: &Watch<'_>,
) -> Result<Saved> {
    let during = |doing: &'static str| move || doing.to_owned();
    if !claim::claim(session, dialect).during(Side::Target, during("claiming it"))? {
        return Err(CopyError::TargetClaimed.into());
    }
    let all: Vec<&Table> = tables().collect();
    for table in all.iter().rev() {
        session
            .execute(&statements::delete(table, dialect), &[])
            .during(Side::Target, || format!("clearing `{}`", table.name))?;
    }
    let mut writing = Writing {
        session,
        dialect,
        watch,
        written: Vec::new(),
    };
    let saved = read_all(file, bytes, &mut writing)?;
    let written = writing.written;
    full_text::rebuild(session, dialect)
        .during(Side::Target, during("building the full-text index"))?;
    for (table, columns, sums) in written {
        if counters::has_counter(table) {
            counters::go_on_behind(session, dialect, table, sums.greatest_id)
                .during(Side::Target, || {
                    format!("setting the counter of `{}`", table.name)
                })?;
        }
        read_back(session, dialect, table, columns, &sums, watch)?;
    }
    watch.progress.done();
    Ok(saved)
}

fn read_back(
    session: &mut Session,
    dialect: Dialect,
    table: &'static Table,
    columns: Vec<&'static Column>,
    sums: &Sums,
    watch: &Watch<'_>,
) -> Result<()> {
    let mut pages = Pages::of_columns(table, columns, Side::Target, dialect, dialect);
    let mut page = RowBlock::default();
    while pages.next(session, &mut page)? {
        watch.go_on()?;
        watch
            .progress
            .rows("reading back", table.name, page.rows() as u64);
    }
    let found = pages.finish();
    if (found.rows, found.hash()) == (sums.rows, sums.hash.clone()) {
        return Ok(());
    }
    Err(CopyError::Mismatch {
        table: table.name,
        source_rows: sums.rows,
        source_hash: sums.hash.chars().take(12).collect(),
        target_rows: found.rows,
        target_hash: found.short_hash(),
    }
    .into())
}

/// What is done with the tables of a backup.
trait Taking {
    /// These rows are those of the table, in these columns.
    fn rows(
        &mut self,
        table: &'static Table,
        columns: &[&'static Column],
        rows: RowBlockRef<'_>,
    ) -> Result<()>;

    /// The table is complete.
    fn end(&mut self, table: &'static Table, columns: Vec<&'static Column>, sums: Sums);

    fn watch(&self) -> &Watch<'_>;
}

struct Checking<'a> {
    watch: &'a Watch<'a>,
}

impl Taking for Checking<'_> {
    fn rows(
        &mut self,
        table: &'static Table,
        _: &[&'static Column],
        rows: RowBlockRef<'_>,
    ) -> Result<()> {
        self.watch
            .progress
            .rows("checking", table.name, rows.rows() as u64);
        Ok(())
    }

    fn end(&mut self, _: &'static Table, _: Vec<&'static Column>, _: Sums) {}

    fn watch(&self) -> &Watch<'_> {
        self.watch
    }
}

struct Writing<'a> {
    session: &'a mut Session,
    dialect: Dialect,
    watch: &'a Watch<'a>,
    written: Vec<(&'static Table, Vec<&'static Column>, Sums)>,
}

impl Taking for Writing<'_> {
    fn rows(
        &mut self,
        table: &'static Table,
        columns: &[&'static Column],
        rows: RowBlockRef<'_>,
    ) -> Result<()> {
        let mut block = RowBlock::new(columns.len());
        for row in rows.iter() {
            let row = row.map_err(damaged)?;
            let mut taken = block.row();
            for (at, column) in columns.iter().enumerate() {
                let value = row.get(at).map_err(damaged)?;
                let cell = Cell::read(column.kind, value).ok_or_else(|| strange(table, column))?;
                if let Some(expected) = cell.unfit(column, self.dialect) {
                    return Err(
                        CopyError::unfit(table.name, column.name, row, value, expected).into(),
                    );
                }
                taken.push(cell.value());
            }
            taken.finish();
        }
        let insert = statements::insert(table, columns, self.dialect);
        self.session
            .execute_many(&insert, &mut block)
            .during(Side::Target, || format!("writing rows of `{}`", table.name))?;
        self.watch
            .progress
            .rows("restoring", table.name, rows.rows() as u64);
        Ok(())
    }

    fn end(&mut self, table: &'static Table, columns: Vec<&'static Column>, sums: Sums) {
        self.written.push((table, columns, sums));
    }

    fn watch(&self) -> &Watch<'_> {
        self.watch
    }
}

/// Reads a file from its head to its checksum, and compares every sum in it.
fn read_all(file: impl Read, bytes: u64, taking: &mut dyn Taking) -> Result<Saved> {
    let mut reader = FrameReader::new(file, bytes)?;
    let mut buffer = Vec::new();
    let Record::Head(head) = record::read(&mut reader, &mut buffer)? else {
        return Err(BackupError::Damaged(
            "it does not begin with its head".to_owned(),
        ));
    };
    if head.schema_version > VERSION {
        return Err(BackupError::NewerSchema {
            found: head.schema_version,
            known: VERSION,
        });
    }
    let mut saved = Saved {
        rows: 0,
        schema_version: head.schema_version,
    };
    loop {
        match record::read(&mut reader, &mut buffer)? {
            Record::Table(head) => {
                saved.rows += read_table(&mut reader, &mut buffer, &head, taking)?
            }
            Record::End(end) if end.rows == saved.rows => break,
            other => return Err(BackupError::Damaged(format!("{other:?} is out of place"))),
        }
    }
    reader.finish()?;
    Ok(saved)
}

fn read_table(
    reader: &mut FrameReader<impl Read>,
    buffer: &mut Vec<u8>,
    head: &TableHead,
    taking: &mut dyn Taking,
) -> Result<u64> {
    let (table, columns) = declared(head)?;
    let mut printer = Fingerprinter::default();
    loop {
        match record::read(reader, buffer)? {
            Record::Rows => {
                taking.watch().go_on()?;
                let rows = RowBlockRef::parse(buffer).map_err(damaged)?;
                if rows.columns() != columns.len() {
                    return Err(BackupError::Damaged(format!(
                        "rows of `{}` have other columns",
                        table.name
                    )));
                }
                for row in rows.iter() {
                    let row = row.map_err(damaged)?;
                    for (at, column) in columns.iter().enumerate() {
                        let value = row.get(at).map_err(damaged)?;
                        let cell = Cell::read(column.kind, value);
                        printer.cell(cell.ok_or_else(|| strange(table, column))?);
                    }
                    printer.end_row();
                }
                taking.rows(table, &columns, rows)?;
            }
            Record::Sums(sums) => {
                let found = printer.finish();
                if (found.rows, found.hash()) != (sums.rows, sums.hash.clone()) {
                    return Err(BackupError::Damaged(format!(
                        "the sums of `{}` are wrong",
                        table.name
                    )));
                }
                let rows = sums.rows;
                taking.end(table, columns, sums);
                return Ok(rows);
            }
            other => return Err(BackupError::Damaged(format!("{other:?} is out of place"))),
        }
    }
}

/// The table and its columns, as they are declared.
fn declared(head: &TableHead) -> Result<(&'static Table, Vec<&'static Column>)> {
    let unknown = |what: &str| BackupError::Damaged(format!("there is no {what} of this name"));
    let table = table(&head.name).ok_or_else(|| unknown(&format!("table `{}`", head.name)))?;
    let column = |name: &String| {
        let mut declared = table.columns.iter();
        declared
            .find(|column| column.name == name)
            .ok_or_else(|| unknown(&format!("column `{name}` of `{}`", table.name)))
    };
    let columns: Vec<&'static Column> = head.columns.iter().map(column).collect::<Result<_>>()?;
    let has_key = columns
        .first()
        .is_some_and(|first| first.name == table.columns[0].name);
    match has_key {
        true => Ok((table, columns)),
        false => Err(unknown(&format!("key in `{}`", table.name))),
    }
}

fn damaged(error: driver_api::BlockError) -> BackupError {
    BackupError::Damaged(error.to_string())
}

fn strange(table: &Table, column: &Column) -> BackupError {
    BackupError::Damaged(format!(
        "`{}` of `{}` holds a kind of value that the schema does not know",
        column.name, table.name
    ))
}
