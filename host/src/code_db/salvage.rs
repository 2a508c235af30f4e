//! Brings over what can still be read of a damaged SQLite file: row by row where it is sound, and around what is not.
//!
//! A range of row numbers that cannot be read is halved until what is left of it are the rows of the damaged pages. Whole
//! files are brought over or nothing of them: what the target holds of a file is of one moment, and indexing replaces it
//! as a whole.

use std::collections::{BTreeMap, HashSet, VecDeque};

use driver_api::Dialect::Sqlite;
use driver_api::{DriverError, ErrorClass, Flow, RowBlock, RowRef, Value, ValueRef};
use schemars::JsonSchema;
use serde::Serialize;

use super::backup::save::Watch;
use super::copy::statements::quoted;
use super::database::CodeDatabase;
use super::error::{Doing, Result};
use super::schema::model::{Column, Table};
use super::schema::tables;
use crate::driver::database::Database;

/// Rows, and bytes, that are read together.
const ROWS_AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;

/// Failed reads of one table after which the rest of it is given up: some hundred damaged pages.
const MOST_FAILURES: usize = 50_000;

/// Failed reads after which a table is given up of which nothing could be read at all: the way to its rows is damaged.
const MOST_FAILURES_WITHOUT_A_ROW: usize = 500;

/// The greatest row number that is looked for where the file does not tell one.
const GREATEST_GUESS: i64 = i32::MAX as i64;

/// Ranges of a table that are told.
const MOST_RANGES: usize = 20;

/// Tables whose rows others may refer to although they were there before.
const KEPT_OWNERS: [&str; 2] = ["projects", "datasets"];

/// What was brought over from a damaged file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Salvaged {
    /// Whether every row of the damaged file could be read.
    pub complete: bool,
    /// Rows that were brought over.
    pub rows: u64,
    /// Why nothing could be read, where that is so.
    pub problem: Option<String>,
    /// Each table that the damaged file has.
    pub tables: Vec<SalvagedTable>,
}

/// What was brought over of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SalvagedTable {
    /// Its name.
    pub table: String,
    /// Rows that could be read.
    pub read: u64,
    /// Those that were brought over. The others were there already, belong to a file that was, or lost their owner.
    pub added: u64,
    /// First and last row number of the ranges in which rows could not be read, at most twenty.
    pub unreadable: Vec<[i64; 2]>,
    /// Row numbers in all such ranges. Not each of them was that of a row.
    pub unreadable_numbers: u64,
}

impl CodeDatabase {
    /// Brings over what can be read in the file of `damaged`, and what this database, whose schema is complete, does not
    /// have: projects, files, and the rows of these files. Files of which something was lost are read again when they are
    /// indexed next.
    ///
    /// # Errors
    /// Those of this database; and cancellation. Damage is part of the answer.
    pub fn salvage_from(&self, damaged: &Database, watch: &Watch<'_>) -> Result<Salvaged> {
        let mut salvaged = Salvaged {
            complete: true,
            ..Salvaged::default()
        };
        let mut ids = BTreeMap::new();
        for table in tables() {
            let before = self.owned_ids(table)?;
            let columns = match live_columns(damaged, table) {
                Err(error) if is_damage(&error) => {
                    salvaged.complete = false;
                    salvaged.problem = Some(format!("the list of tables cannot be read: {error}"));
                    return Ok(salvaged);
                }
                columns => columns.doing("looking at a damaged file")?,
            };
            if !columns.is_empty() {
                watch.progress.rows("salvaging", table.name, 0);
                let bringing = Bringing {
                    target: &self.database,
                    statement: insert(table, &columns),
                    owners: owner_columns(table, &columns),
                    table,
                    columns,
                    ids: &ids,
                    watch,
                };
                let done = bringing.all(damaged)?;
                salvaged.complete &= done.unreadable.is_empty();
                salvaged.rows += done.added;
                salvaged.tables.push(done);
            }
            if let Some(before) = before {
                let mut added = self.owned_ids(table)?.unwrap_or_default();
                added.retain(|id| !before.contains(id));
                ids.insert(table.name, Ids { before, added });
            }
        }
        if !salvaged.complete
            && let Some(files) = ids.get("files")
        {
            self.forget_states(&files.added)?;
        }
        self.mend_rows(&mut |_| ())?;
        Ok(salvaged)
    }

    /// The ids of a table that others refer to.
    fn owned_ids(&self, owner: &Table) -> Result<Option<HashSet<Id>>> {
        if !tables().any(|table| table.owners.iter().any(|each| each.table == owner.name)) {
            return Ok(None);
        }
        let sql = format!("SELECT \"id\" FROM \"{}\"", owner.name);
        let ids = self.database.read(|session| {
            let mut ids = HashSet::new();
            session.query_each(&sql, &[], |row| {
                ids.extend(Id::of(row.get(0)?));
                Ok(Flow::Continue)
            })?;
            Ok(ids)
        });
        ids.map(Some).doing("listing what is there")
    }

    /// Lets the next indexing read these files again.
    fn forget_states(&self, files: &HashSet<Id>) -> Result<()> {
        let mut batch = RowBlock::new(1);
        for id in files {
            if let Id::Number(id) = id {
                batch.push_row([ValueRef::I64(*id)]);
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let sql = "DELETE FROM file_states WHERE file_id = ?";
        let forgotten = self
            .database
            .once(|session| session.execute_many(sql, &mut batch));
        forgotten
            .map(drop)
            .doing("noting which files are to be read again")
    }
}

/// A primary key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Id {
    Number(i64),
    Word(String),
}

impl Id {
    fn of(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::I64(id) => Some(Self::Number(id)),
            ValueRef::Text(id) => Some(Self::Word(id.to_owned())),
            _ => None,
        }
    }
}

/// The rows of a table that others refer to.
struct Ids {
    /// Those that were there.
    before: HashSet<Id>,
    /// Those that were brought over.
    added: HashSet<Id>,
}

/// A column that refers to an owner: its place in a row, and the owner's table.
type OwnerColumn = (usize, &'static str);

/// One table that is brought over.
struct Bringing<'a> {
    target: &'a Database,
    table: &'static Table,
    columns: Vec<&'static Column>,
    owners: Vec<OwnerColumn>,
    statement: String,
    ids: &'a BTreeMap<&'static str, Ids>,
    watch: &'a Watch<'a>,
}

impl Bringing<'_> {
    fn all(&self, damaged: &Database) -> Result<SalvagedTable> {
        let mut done = SalvagedTable {
            table: self.table.name.to_owned(),
            ..SalvagedTable::default()
        };
        let greatest = match greatest_number(damaged, self.table) {
            Err(error) if is_damage(&error) => GREATEST_GUESS,
            found => found.doing("reading a damaged file")?,
        };
        let mut ranges = VecDeque::from([(1, greatest)]);
        let mut unreadable = Vec::new();
        let mut failures = 0;
        while let Some((first, last)) = ranges.pop_front() {
            let Some(from) = self.range(damaged, first, last, &mut done)? else {
                continue;
            };
            failures += 1;
            let hopeless = failures > MOST_FAILURES
                || (done.read == 0 && failures > MOST_FAILURES_WITHOUT_A_ROW);
            if hopeless || from >= last {
                unreadable.push([from, last]);
                continue;
            }
            // The large parts come first: what is sound is found soon.
            let middle = from + (last - from) / 2;
            ranges.extend([(from, middle), (middle + 1, last)]);
            if failures > MOST_FAILURES {
                unreadable.extend(ranges.drain(..).map(|(first, last)| [first, last]));
            }
        }
        let merged = merged(unreadable);
        done.unreadable_numbers = merged
            .iter()
            .map(|[first, last]| last.abs_diff(*first) + 1)
            .sum();
        done.unreadable = merged;
        done.unreadable.truncate(MOST_RANGES);
        Ok(done)
    }

    /// Brings over the rows with these numbers, until one cannot be read: answers from where on that is.
    fn range(
        &self,
        damaged: &Database,
        first: i64,
        last: i64,
        done: &mut SalvagedTable,
    ) -> Result<Option<i64>> {
        let sql = select(self.table, &self.columns);
        let mut from = first;
        while from <= last {
            if self.watch.cancellation.is_cancelled() {
                let stopped = DriverError::new(ErrorClass::Cancelled, "it was stopped");
                return Err(stopped).doing("salvaging");
            }
            let mut page = RowBlock::new(self.columns.len());
            let (mut rows, mut next) = (0, from);
            let params = [from.into(), last.into(), (ROWS_AT_ONCE as i64).into()];
            let read = damaged.read(|session| {
                page.clear(self.columns.len());
                (rows, next) = (0, from);
                session.query_each(&sql, &params, |row| {
                    next = row.i64(0)?.saturating_add(1);
                    rows += 1;
                    self.take(row, &mut page)?;
                    Ok(Flow::from_wants_more(page.len() < BYTES_AT_ONCE))
                })
            });
            done.read += rows as u64;
            done.added += self.put(&mut page)?;
            match read {
                Err(error) if is_damage(&error) => return Ok(Some(next)),
                read => read.map(drop).doing("reading a damaged file")?,
            }
            if rows < ROWS_AT_ONCE && page.len() < BYTES_AT_ONCE {
                break;
            }
            from = next;
        }
        Ok(None)
    }

    /// Takes a row that belongs to nothing that was there before, and whose owners are there.
    fn take(&self, row: RowRef<'_>, page: &mut RowBlock) -> driver_api::Result<()> {
        let is_root = self.owners.is_empty() || KEPT_OWNERS.contains(&self.table.name);
        let mut belongs = is_root || self.table.name == "files";
        for (place, owner) in &self.owners {
            // The number of the row comes first.
            let Some(id) = Id::of(row.get(place + 1)?) else {
                continue;
            };
            let Some(ids) = self.ids.get(owner) else {
                return Ok(());
            };
            let is_new = ids.added.contains(&id);
            let may_be_older = KEPT_OWNERS.contains(owner) && ids.before.contains(&id);
            if !is_new && !may_be_older {
                return Ok(());
            }
            belongs |= is_new;
        }
        if belongs {
            let mut taken = page.row();
            for place in 0..self.columns.len() {
                taken.push(row.get(place + 1)?);
            }
            taken.finish();
        }
        Ok(())
    }

    fn put(&self, page: &mut RowBlock) -> Result<u64> {
        if page.is_empty() {
            return Ok(0);
        }
        let put = self
            .target
            .once(|session| session.execute_many(&self.statement, page));
        let added = put.doing("storing what was salvaged")?.rows_affected;
        self.watch
            .progress
            .rows("salvaging", self.table.name, added);
        Ok(added)
    }
}

/// The columns that a table of the file has and the schema knows; none where there is no such table.
fn live_columns(
    damaged: &Database,
    table: &'static Table,
) -> driver_api::Result<Vec<&'static Column>> {
    let sql = "SELECT name FROM pragma_table_info(?)";
    let names: Vec<String> = damaged.read(|session| {
        session.query_all(sql, &[table.name.into()], |row| Ok(row.text(0)?.to_owned()))
    })?;
    let columns = table.columns.iter();
    Ok(columns
        .filter(|column| names.iter().any(|name| name == column.name))
        .collect())
}

/// As the table's own pages say, else as the counter of its ids does.
fn greatest_number(damaged: &Database, table: &Table) -> driver_api::Result<i64> {
    let number = |sql: &str, params: &[ValueRef<'_>]| -> driver_api::Result<i64> {
        let found = damaged
            .read(|session| session.query_first(sql, params, |row| Ok(row.get(0)?.to_value())))?;
        Ok(match found {
            Some(Value::I64(number)) => number,
            _ => 0,
        })
    };
    let own = format!("SELECT max(rowid) FROM {}", quoted(Sqlite, table.name));
    match number(&own, &[]) {
        Err(error) if is_damage(&error) => {
            let counter = "SELECT max(seq) FROM sqlite_sequence WHERE name = ?";
            let counted = number(counter, &[table.name.into()])?;
            Ok(if counted > 0 { counted } else { GREATEST_GUESS })
        }
        found => found,
    }
}

/// Whether the file is to blame, and not the way to it: text that is none is damage, too.
fn is_damage(error: &DriverError) -> bool {
    matches!(
        error.class(),
        ErrorClass::Corrupt | ErrorClass::InvalidValue | ErrorClass::Io | ErrorClass::NotFound
    )
}

fn owner_columns(table: &'static Table, columns: &[&'static Column]) -> Vec<OwnerColumn> {
    let place = |name: &str| columns.iter().position(|column| column.name == name);
    let owners = table.owners.iter();
    owners
        .filter_map(|owner| Some((place(owner.column)?, owner.table)))
        .collect()
}

fn names(columns: &[&'static Column]) -> String {
    let names: Vec<String> = columns
        .iter()
        .map(|column| quoted(Sqlite, column.name))
        .collect();
    names.join(", ")
}

/// Parameters: the first and the last row number, and how many rows. No index is read, which may be damaged, too.
fn select(table: &Table, columns: &[&'static Column]) -> String {
    format!(
        "SELECT rowid, {} FROM {} NOT INDEXED WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?",
        names(columns),
        quoted(Sqlite, table.name)
    )
}

/// What is there already stays.
fn insert(table: &Table, columns: &[&'static Column]) -> String {
    format!(
        "INSERT OR IGNORE INTO {} ({}) VALUES ({})",
        quoted(Sqlite, table.name),
        names(columns),
        vec!["?"; columns.len()].join(", ")
    )
}

/// Ranges in order, those that touch as one.
fn merged(mut ranges: Vec<[i64; 2]>) -> Vec<[i64; 2]> {
    ranges.sort_unstable();
    let mut merged: Vec<[i64; 2]> = Vec::new();
    for [first, last] in ranges {
        match merged.last_mut() {
            Some(before) if first <= before[1].saturating_add(1) => before[1] = before[1].max(last),
            _ => merged.push([first, last]),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_db::schema::table;

    #[test]
    fn ranges_that_touch_are_told_as_one() {
        assert_eq!(
            merged(vec![[5, 6], [1, 2], [3, 3], [9, 9]]),
            [[1, 3], [5, 6], [9, 9]]
        );
    }

    #[test]
    fn rows_are_read_by_their_number_without_an_index() {
        let methods = table("methods").unwrap();
        let columns: Vec<&Column> = methods.columns.iter().take(3).collect();
        assert_eq!(
            select(methods, &columns),
            "SELECT rowid, \"id\", \"class_id\", \"name\" FROM \"methods\" NOT INDEXED \
             WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?"
        );
        assert_eq!(owner_columns(methods, &columns), [(1, "classes")]);
    }
}
