//! Ids for new rows, taken ahead of their insertion, so that rows can refer to each other within one batch.

use std::ops::Range;

use driver_api::{Dialect, Result};

use crate::code_db::dialect::sequence;
use crate::code_db::records::FileRecord;
use crate::code_db::schema::RESERVED_IDS;
use crate::driver::database::Database;
use crate::driver::session::Session;

/// Free ids of each table whose rows others refer to.
///
/// Ids are never used twice, deleted rows' included.
#[derive(Clone)]
pub(super) struct NextIds {
    pub(super) file: Ids,
    pub(super) class: Ids,
    pub(super) method: Ids,
    pub(super) function: Ids,
    /// Of `code_content`.
    pub(super) text: Ids,
}

/// Free ids of one table, in rising order.
#[derive(Clone)]
pub(super) struct Ids {
    /// The next to be used is the last; none is empty.
    ranges: Vec<Range<i64>>,
}

impl Ids {
    /// All from `first` on.
    pub(super) fn from(first: i64) -> Self {
        Self {
            ranges: std::iter::once(first..i64::MAX).collect(),
        }
    }

    /// Takes an id.
    pub(super) fn take(&mut self) -> i64 {
        let id = self.next();
        if let Some(range) = self.ranges.last_mut() {
            range.start += 1;
            if range.is_empty() {
                self.ranges.pop();
            }
        }
        id
    }

    /// The id that is taken next. As many were reserved as there are records, so there always is one; the
    /// greatest of all stands for none, which the table refuses to hold twice.
    pub(super) fn next(&self) -> i64 {
        self.ranges.last().map_or(i64::MAX, |range| range.start)
    }

    /// Those of a list in rising order.
    fn listed(ids: &[i64]) -> Self {
        let mut ranges: Vec<Range<i64>> = Vec::new();
        for id in ids {
            match ranges.last_mut() {
                Some(range) if range.end == *id => range.end += 1,
                _ => ranges.push(*id..id + 1),
            }
        }
        ranges.reverse();
        Self { ranges }
    }
}

/// Reserves ids for all rows of `files` on servers, where others insert at the same time. Not part of the
/// transaction that uses them: what it holds no lock on, nobody waits for. None on SQLite, which has one write
/// transaction at a time: there, [`NextIds::read`] within it is enough.
pub(super) fn reserve(database: &Database, files: &[FileRecord]) -> Result<Option<NextIds>> {
    let wanted = Wanted::of(files);
    match database.dialect() {
        Dialect::Postgres => wanted.each(|table, count| take_from_sequence(database, table, count)),
        Dialect::Mysql => database
            .transaction(|session| wanted.each(|table, count| count_up(session, table, count))),
        _ => return Ok(None),
    }
    .map(Some)
}

/// How many ids are needed at most: rows that stay keep theirs.
#[derive(Default)]
struct Wanted {
    files: usize,
    classes: usize,
    methods: usize,
    functions: usize,
}

impl Wanted {
    fn of(records: &[FileRecord]) -> Self {
        let mut wanted = Self {
            files: records.len(),
            ..Self::default()
        };
        for record in records {
            wanted.classes += record.classes.len();
            wanted.functions += record.functions.len();
            wanted.methods += record
                .classes
                .iter()
                .map(|class| class.methods.len())
                .sum::<usize>();
        }
        wanted
    }

    /// Always in the same order: who locks one table's counter waits for nobody who has the next.
    fn each(&self, mut reserve: impl FnMut(&'static str, usize) -> Result<Ids>) -> Result<NextIds> {
        let texts = self.files + self.classes + self.methods + self.functions;
        Ok(NextIds {
            file: reserve("files", self.files)?,
            class: reserve("classes", self.classes)?,
            method: reserve("methods", self.methods)?,
            function: reserve("functions", self.functions)?,
            text: reserve("code_content", texts)?,
        })
    }
}

/// From PostgreSQL's sequence, which never goes back. Ids that rows were given by other means do not move it:
/// where it lies behind them, it is set behind the greatest first.
fn take_from_sequence(database: &Database, table: &'static str, count: usize) -> Result<Ids> {
    let draw = format!(
        "SELECT nextval(pg_get_serial_sequence('{table}', 'id')) FROM generate_series(1, CAST(? AS bigint))"
    );
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    loop {
        let (present, mut ids) = database.read(|session| {
            let present = greatest(session, table)?;
            let ids = session.query_all(&draw, &[count.into()], |row| Ok(row.i64(0)?))?;
            Ok((present, ids))
        })?;
        ids.sort_unstable();
        if ids.first().is_none_or(|first| *first > present) {
            return Ok(Ids::listed(&ids));
        }
        database.transaction(|session| pass_present(session, table))?;
    }
}

/// Sets the sequence behind the greatest id of the table. Unlike `setval`, a change of the sequence keeps others
/// from drawing until the end of the transaction, so that what was drawn meanwhile is not drawn again.
fn pass_present(session: &mut Session, table: &'static str) -> Result<()> {
    let Some(sequence) = sequence(session, table)? else {
        return Ok(());
    };
    // It is one already; what counts is that others wait from here on.
    session.execute(&format!("ALTER SEQUENCE {sequence} NO CYCLE"), &[])?;
    let last = format!("SELECT last_value FROM {sequence}");
    let last = session.query_first(&last, &[], |row| Ok(row.i64(0)?))?;
    let present = greatest(session, table)?;
    if last.is_some_and(|last| last <= present) {
        let next = present.saturating_add(1);
        session.execute(
            &format!("ALTER SEQUENCE {sequence} RESTART WITH {next}"),
            &[],
        )?;
    }
    Ok(())
}

/// From a counter, for engines whose own counters give one id for one row.
fn count_up(session: &mut Session, table: &'static str, count: usize) -> Result<Ids> {
    let counters = RESERVED_IDS.name;
    let locked = format!("SELECT greatest_id FROM {counters} WHERE id = ? FOR UPDATE");
    let reserved = session.query_first(&locked, &[table.into()], |row| Ok(row.i64(0)?))?;
    let first = reserved.unwrap_or(0).max(greatest(session, table)?) + 1;
    let after = first.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
    let sql = match reserved {
        Some(_) => format!("UPDATE {counters} SET greatest_id = ? WHERE id = ?"),
        None => format!("INSERT INTO {counters}(greatest_id, id) VALUES (?, ?)"),
    };
    session.execute(&sql, &[(after - 1).into(), table.into()])?;
    Ok(Ids {
        ranges: (after > first)
            .then_some(first..after)
            .into_iter()
            .collect(),
    })
}

impl NextIds {
    /// On SQLite the tables are AUTOINCREMENT: the engine remembers the greatest id ever used, counts ids that
    /// were given as well, and we start after it. Reading and inserting happen in one write transaction, of which
    /// SQLite has one at a time, so nobody else takes the same.
    pub(super) fn read(session: &mut Session, dialect: Dialect) -> Result<Self> {
        let mut next = |table| {
            let used = match dialect {
                Dialect::Sqlite => remembered(session, table)?,
                _ => 0,
            };
            // A table may have been filled by other means.
            Ok::<_, driver_api::DriverError>(Ids::from(used.max(greatest(session, table)?) + 1))
        };
        Ok(Self {
            file: next("files")?,
            class: next("classes")?,
            method: next("methods")?,
            function: next("functions")?,
            text: next("code_content")?,
        })
    }
}

fn remembered(session: &mut Session, table: &'static str) -> Result<i64> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = ?";
    let used = session.query_first(sql, &[table.into()], |row| Ok(row.i64(0)?))?;
    Ok(used.unwrap_or(0))
}

fn greatest(session: &mut Session, table: &'static str) -> Result<i64> {
    let sql = format!("SELECT COALESCE(max(id), 0) FROM {table}");
    let used = session.query_first(&sql, &[], |row| Ok(row.i64(0)?))?;
    Ok(used.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_were_listed_are_taken_once_in_their_order() {
        let mut ids = Ids::listed(&[3, 4, 5, 9, 11, 12]);
        assert_eq!(ids.ranges.len(), 3);
        assert_eq!((ids.next(), ids.next()), (3, 3));
        let taken: Vec<i64> = (0..6).map(|_| ids.take()).collect();
        assert_eq!(taken, [3, 4, 5, 9, 11, 12]);
    }
}
