//! What a database holds before a copy: rows of the declared tables, and what the schema has no place for.

use std::collections::HashSet;

use driver_api::{ColumnInfo, Dialect};

use super::super::schema::model::{Column, Table};
use super::super::schema::{FULL_TEXT, bookkeeping, table, tables};
use super::error::{CopyError, During, Result, Side};
use super::report::NotCopied;
use super::statements;
use crate::driver::session::Session;

/// What a database holds.
pub(in crate::code_db) struct Contents {
    /// Every declared table with its rows; none where the table does not exist.
    tables: Vec<(&'static Table, Option<u64>)>,
    /// Names of the tables that are not declared.
    others: Vec<String>,
}

impl Contents {
    /// Counts the rows of the declared tables.
    pub(in crate::code_db) fn read(
        session: &mut Session,
        side: Side,
        dialect: Dialect,
    ) -> Result<Self> {
        let present = session.tables().during(side, || "listing tables".into())?;
        let names: HashSet<&str> = present.iter().map(|table| table.name.as_str()).collect();
        let mut counted = Vec::new();
        for table in tables() {
            let rows = match names.contains(table.name) {
                true => Some(count(
                    session,
                    side,
                    &statements::count(table.name, dialect),
                )?),
                false => None,
            };
            counted.push((table, rows));
        }
        let others = present
            .iter()
            .filter(|found| found.kind == "table" && is_foreign(&found.name, dialect))
            .map(|found| found.name.clone())
            .collect();
        Ok(Self {
            tables: counted,
            others,
        })
    }

    /// The tables with their rows, each after those that it refers to; none where a table does not exist.
    pub(in crate::code_db) fn tables(&self) -> &[(&'static Table, Option<u64>)] {
        &self.tables
    }

    /// Rows of all declared tables.
    pub(in crate::code_db) fn rows(&self) -> u64 {
        self.tables.iter().filter_map(|(_, rows)| *rows).sum()
    }

    /// A declared table with rows.
    pub(in crate::code_db) fn first_with_rows(&self) -> Option<&'static Table> {
        let with_rows = |(_, rows): &&(_, Option<u64>)| rows.is_some_and(|rows| rows > 0);
        self.tables.iter().find(with_rows).map(|(table, _)| *table)
    }

    /// Whether any of the declared tables exists.
    pub(in crate::code_db) fn is_code_database(&self) -> bool {
        self.tables.iter().any(|(_, rows)| rows.is_some())
    }

    /// Makes sure that every table has all columns that rows need, and answers what has no place in the schema: tables with
    /// rows, and columns with values.
    pub(in crate::code_db) fn without_place(
        &self,
        session: &mut Session,
        side: Side,
        dialect: Dialect,
    ) -> Result<Vec<NotCopied>> {
        let mut found = Vec::new();
        for name in &self.others {
            let rows = count(session, side, &statements::count(name, dialect))?;
            found.push(NotCopied {
                table: name.clone(),
                column: None,
                rows,
            });
        }
        for (table, rows) in &self.tables {
            if rows.is_some() {
                found.extend(columns_without_place(session, side, dialect, table)?);
            }
        }
        found.retain(|left| left.rows > 0);
        Ok(found)
    }
}

/// Whether a table is not ours. The full-text index is derived, and its parts carry its name; an engine's own books
/// are kept anew.
fn is_foreign(name: &str, dialect: Dialect) -> bool {
    let is_book = bookkeeping(dialect).any(|book| book.name == name);
    table(name).is_none() && !is_book && !name.starts_with(FULL_TEXT.name)
}

/// Whether a column is derived from a declared one: the digests under MySQL's unique keys.
fn is_derived(table: &Table, name: &str, dialect: Dialect) -> bool {
    let of = name.strip_suffix("_digest").unwrap_or_default();
    dialect == Dialect::Mysql && is_declared(table, of)
}

fn is_declared(table: &Table, name: &str) -> bool {
    table.columns.iter().any(|column| column.name == name)
}

/// The declared columns that a table lacks, because an older program created it; rows hold null there.
///
/// # Errors
/// [`CopyError::ColumnMissing`] where the schema refuses null.
pub(in crate::code_db) fn absent_columns(
    session: &mut Session,
    side: Side,
    table: &'static Table,
) -> Result<Vec<&'static str>> {
    let columns = session
        .columns(table.name)
        .during(side, || format!("looking at `{}`", table.name))?;
    absent_of(&columns, side, table)
}

fn absent_of(
    present: &[ColumnInfo],
    side: Side,
    table: &'static Table,
) -> Result<Vec<&'static str>> {
    let is_absent = |declared: &&Column| !present.iter().any(|column| column.name == declared.name);
    let mut absent = Vec::new();
    for declared in table.columns.iter().filter(is_absent) {
        if declared.not_null || declared.is_primary_key() {
            return Err(CopyError::ColumnMissing {
                side,
                table: table.name,
                column: declared.name,
            });
        }
        absent.push(declared.name);
    }
    Ok(absent)
}

fn columns_without_place(
    session: &mut Session,
    side: Side,
    dialect: Dialect,
    table: &'static Table,
) -> Result<Vec<NotCopied>> {
    let columns = session
        .columns(table.name)
        .during(side, || format!("looking at `{}`", table.name))?;
    absent_of(&columns, side, table)?;
    let has_place = |name: &str| is_declared(table, name) || is_derived(table, name, dialect);
    let mut found = Vec::new();
    for column in columns.iter().filter(|column| !has_place(&column.name)) {
        let sql = statements::count_values(table.name, &column.name, dialect);
        found.push(NotCopied {
            table: table.name.to_owned(),
            column: Some(column.name.clone()),
            rows: count(session, side, &sql)?,
        });
    }
    Ok(found)
}

fn count(session: &mut Session, side: Side, sql: &str) -> Result<u64> {
    let counted = session.query_first(sql, &[], |row| Ok(row.i64(0)?));
    let counted = counted.during(side, || "counting rows".into())?;
    Ok(counted.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_text_index_is_ours_and_other_tables_are_not() {
        let foreign =
            |name| [Dialect::Sqlite, Dialect::Mysql].map(|dialect| is_foreign(name, dialect));
        assert_eq!(foreign("files"), [false; 2]);
        assert_eq!(foreign("code_content_fts_docsize"), [false; 2]);
        assert_eq!(foreign("file_edits"), [true; 2]);
        assert_eq!(foreign("reserved_ids"), [true, false]);
    }

    #[test]
    fn digests_of_declared_columns_are_derived_on_mysql() {
        let files = table("files").unwrap();
        assert!(is_derived(files, "path_digest", Dialect::Mysql));
        assert!(!is_derived(files, "path_digest", Dialect::Postgres));
        assert!(!is_derived(files, "other_digest", Dialect::Mysql));
        assert!(!is_derived(files, "_digest", Dialect::Mysql));
    }
}
