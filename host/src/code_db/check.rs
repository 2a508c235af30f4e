//! Looks for rows that contradict each other, and mends what can be mended without a guess.

use driver_api::{Dialect, DriverError, ErrorClass, Result as DriverResult, RowRef};
use schemars::JsonSchema;
use serde::Serialize;

use super::copy::contents::Contents;
use super::copy::error::Side;
use super::database::CodeDatabase;
use super::dialect::quoted;
use super::error::{Doing, Result};
use super::full_text;
use super::projects::count;
use super::schema::model::{Owner, Table};
use super::schema::{FULL_TEXT, tables};
use crate::driver::session::Session;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Which check found it: `schema`, `orphans`, `projects`, `full_text`, `missing_files`, `files_back`, `roots`.
    pub check: String,
    /// The table, where it is about one.
    pub table: Option<String>,
    /// How many rows or files.
    pub count: u64,
    /// What is wrong, in a sentence.
    pub problem: String,
    /// What `repair` would do; none where only a person can decide.
    pub repair: Option<String>,
}

/// A file as the database has it, to be compared with the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its id.
    pub id: i64,
    /// Its absolute path.
    pub path: String,
    /// Whether it is marked deleted.
    pub deleted: bool,
    /// The root of its project.
    pub root: String,
}

impl CodeDatabase {
    /// Rows of each declared table that the database has.
    ///
    /// # Errors
    /// The driver's.
    pub fn count_rows(&self) -> Result<Vec<(&'static str, u64)>> {
        let dialect = self.database.dialect();
        let counted = self.database.read(|session| {
            let contents = Contents::read(session, Side::Source, dialect)
                .map_err(|error| error.as_failure_of(Side::Source))?;
            let tables = contents.tables().iter();
            Ok(tables
                .filter_map(|(table, rows)| Some((table.name, (*rows)?)))
                .collect())
        });
        counted.doing("counting rows")
    }

    /// What the engine itself says of its files; none when that is nothing.
    ///
    /// SQLite checks every page and index, MySQL every table, and of PostgreSQL every row is read, which finds what its
    /// checksums find. `checked` hears the name of each table that is done.
    ///
    /// # Errors
    /// The driver's; damage that ends the check is an answer.
    pub fn engine_check(&self, checked: &mut dyn FnMut(&'static str)) -> Result<Option<String>> {
        let dialect = self.database.dialect();
        let mut check = |session: &mut Session| engine_check(session, dialect, checked);
        match self.database.read(&mut check) {
            Err(error) if error.class() == ErrorClass::Corrupt => Ok(Some(error.to_string())),
            checked => checked.doing("checking the database's files"),
        }
    }

    /// Rows without their owner, rows of other projects than their file, and a search index beside its text. `checked`
    /// hears the name of each table that is done.
    ///
    /// # Errors
    /// The driver's.
    pub fn check_rows(&self, checked: &mut dyn FnMut(&'static str)) -> Result<Vec<Finding>> {
        let dialect = self.database.dialect();
        let found = self.database.read(|session| {
            let mut found = Vec::new();
            for table in tables() {
                for owner in table.owners {
                    found.extend(orphans(session, dialect, table, owner)?);
                }
                found.extend(strays(session, table)?);
                checked(table.name);
            }
            Ok(found)
        });
        let mut found = found.doing("looking for contradictions")?;
        found.extend(self.check_full_text()?);
        Ok(found)
    }

    fn check_full_text(&self) -> Result<Option<Finding>> {
        let finding = |count: u64, problem: &str| Finding {
            check: "full_text".to_owned(),
            table: Some("code_content_fts".to_owned()),
            count,
            problem: problem.to_owned(),
            repair: Some("build the full-text index anew".to_owned()),
        };
        if self.database.dialect() == Dialect::Sqlite {
            // Compares every word of the index with the text; 1 asks for that where the text is in another table.
            let sql = "INSERT INTO code_content_fts(code_content_fts, rank) VALUES ('integrity-check', 1)";
            let checked = self.database.once(|session| session.execute(sql, &[]));
            return match checked {
                Ok(_) => Ok(None),
                Err(error) if error.class() == ErrorClass::Corrupt => Ok(Some(finding(
                    1,
                    "the full-text index does not fit its text",
                ))),
                Err(error) => Err(error).doing("checking the full-text index"),
            };
        }
        let sql = "SELECT (SELECT count(*) FROM code_content c WHERE NOT EXISTS \
                   (SELECT 1 FROM code_content_fts t WHERE t.id = c.id)) + \
                   (SELECT count(*) FROM code_content_fts t WHERE NOT EXISTS \
                   (SELECT 1 FROM code_content c WHERE c.id = t.id))";
        let missing = self.database.read(|session| number(session, sql));
        let missing = missing.doing("checking the full-text index")?;
        Ok((missing > 0).then(|| {
            finding(
                missing,
                "texts are missing in the full-text index, or words without text",
            )
        }))
    }

    /// Deletes rows without their owner, gives rows the project of their file, and builds the search index anew, in
    /// one transaction. Returns how many rows were deleted or changed; `mended` hears the name of each table that is done.
    ///
    /// # Errors
    /// The driver's; nothing is changed then.
    pub fn mend_rows(&self, mended: &mut dyn FnMut(&'static str)) -> Result<u64> {
        let dialect = self.database.dialect();
        let changed = self.database.transaction(|session| {
            let mut changed = 0;
            // A row that goes may have owned others, of tables that come later.
            for table in tables() {
                for owner in table.owners {
                    let sql = format!(
                        "DELETE FROM {} WHERE {}",
                        quoted(&format!("\"{}\"", table.name), dialect),
                        without_owner(table, owner, dialect)
                    );
                    changed += session.execute(&sql, &[])?.rows_affected;
                }
                if let Some(stray) = stray(table) {
                    let sql = format!(
                        "UPDATE {name} SET project_id = (SELECT f.project_id FROM files f WHERE f.id = {name}.file_id) \
                         WHERE {stray}",
                        name = table.name
                    );
                    changed += session.execute(&sql, &[])?.rows_affected;
                }
                mended(table.name);
            }
            if full_text::insert_words(dialect).is_some() {
                session.execute("DELETE FROM code_content_fts", &[])?;
            }
            full_text::rebuild(session, dialect)?;
            Ok(changed)
        });
        changed.doing("mending rows")
    }

    /// The files behind this id, by id, at most so many.
    ///
    /// # Errors
    /// The driver's.
    pub fn stored_files(&self, after: i64, most: u32) -> Result<Vec<StoredFile>> {
        let sql = "SELECT f.id, f.path, COALESCE(f.deleted, FALSE), p.root_path FROM files f \
                   JOIN projects p ON p.id = f.project_id WHERE f.id > ? ORDER BY f.id LIMIT ?";
        let read = |row: RowRef<'_>| {
            Ok(StoredFile {
                id: row.i64(0)?,
                path: row.text(1)?.to_owned(),
                deleted: row.bool(2)?,
                root: row.text(3)?.to_owned(),
            })
        };
        let params = [after.into(), i64::from(most).into()];
        let files = self
            .database
            .read(|session| session.query_all(sql, &params, read));
        files.doing("listing files")
    }
}

fn engine_check(
    session: &mut Session,
    dialect: Dialect,
    checked: &mut dyn FnMut(&'static str),
) -> DriverResult<Option<String>> {
    let mut said: Vec<String> = Vec::new();
    match dialect {
        Dialect::Sqlite => {
            said = session.query_all("PRAGMA integrity_check(20)", &[], |row| {
                Ok(row.text(0)?.to_owned())
            })?;
            // The full-text index has a check of its own, and is no part of the file that could not be made again.
            said.retain(|line| line != "ok" && !line.contains(FULL_TEXT.name));
            tables().for_each(|table| checked(table.name));
        }
        Dialect::Mysql => {
            for table in tables() {
                let sql = format!("CHECK TABLE `{}`", table.name);
                let answers = session.query_all(&sql, &[], |row| {
                    Ok((row.text(2)?.to_owned(), row.text(3)?.to_owned()))
                })?;
                let bad = |(kind, text): &(String, String)| {
                    kind == "error" || (kind == "status" && text != "OK")
                };
                said.extend(
                    answers
                        .iter()
                        .filter(|answer| bad(answer))
                        .map(|(_, text)| format!("{}: {text}", table.name)),
                );
                checked(table.name);
            }
        }
        _ => {
            for table in tables() {
                let columns: Vec<String> = table
                    .columns
                    .iter()
                    .map(|column| format!("count(\"{}\")", column.name))
                    .collect();
                let sql = format!("SELECT {} FROM \"{}\"", columns.join(" + "), table.name);
                number(session, &sql)?;
                checked(table.name);
            }
        }
    }
    Ok((!said.is_empty()).then(|| said.join("; ")))
}

pub(super) fn without_owner(table: &Table, owner: &Owner, dialect: Dialect) -> String {
    let sql = format!(
        "\"{column}\" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM \"{owner}\" o WHERE o.\"id\" = \"{table}\".\"{column}\")",
        column = owner.column,
        owner = owner.table,
        table = table.name,
    );
    quoted(&sql, dialect)
}

fn orphans(
    session: &mut Session,
    dialect: Dialect,
    table: &Table,
    owner: &Owner,
) -> DriverResult<Option<Finding>> {
    let sql = quoted(
        &format!("SELECT count(*) FROM \"{}\" WHERE ", table.name),
        dialect,
    ) + &without_owner(table, owner, dialect);
    let count = number(session, &sql)?;
    Ok((count > 0).then(|| Finding {
        check: "orphans".to_owned(),
        table: Some(table.name.to_owned()),
        count,
        problem: format!(
            "rows of `{}` refer by `{}` to rows of `{}` that do not exist",
            table.name, owner.column, owner.table
        ),
        repair: Some("delete these rows".to_owned()),
    }))
}

/// The condition on rows that belong to another project than their file, for tables that say both.
pub(super) fn stray(table: &Table) -> Option<String> {
    let has = |name: &str| table.columns.iter().any(|column| column.name == name);
    (has("project_id") && has("file_id")).then(|| {
        format!(
            "EXISTS (SELECT 1 FROM files f WHERE f.id = {name}.file_id AND f.project_id <> {name}.project_id)",
            name = table.name
        )
    })
}

fn strays(session: &mut Session, table: &Table) -> DriverResult<Option<Finding>> {
    let Some(stray) = stray(table) else {
        return Ok(None);
    };
    let count = number(
        session,
        &format!("SELECT count(*) FROM {} WHERE {stray}", table.name),
    )?;
    Ok((count > 0).then(|| Finding {
        check: "projects".to_owned(),
        table: Some(table.name.to_owned()),
        count,
        problem: format!(
            "rows of `{}` belong to another project than their file",
            table.name
        ),
        repair: Some("give them the project of their file".to_owned()),
    }))
}

fn number(session: &mut Session, sql: &str) -> DriverResult<u64> {
    let found = session.query_first(sql, &[], |row| count(row, 0))?;
    found.ok_or_else(|| DriverError::new(ErrorClass::Internal, "a count gave no row"))
}
