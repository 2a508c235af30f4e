//! What of the declared schema a database lacks, and the one at a time who adds it.

use std::collections::HashSet;

use driver_api::{Dialect, DriverError, ErrorClass, Result, RowRef};
use serde::Serialize;

use super::emit;
use super::{FULL_TEXT, bookkeeping, tables};
use crate::code_db::full_text;
use crate::driver::session::Session;

/// A table or index that a database lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingObject {
    /// `table`, `index` or `full_text`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The statements that create it.
    #[serde(skip)]
    pub statements: Vec<String>,
}

/// What is missing, in the order in which it has to be created.
pub(in crate::code_db) fn missing(
    session: &mut Session,
    dialect: Dialect,
) -> Result<Vec<MissingObject>> {
    let present = present_tables(session)?;
    let indexes = present_indexes(session, dialect)?;
    let collation = collation(session, dialect)?;
    let mut missing = Vec::new();
    let mut add = |kind, name, statements: Vec<String>| {
        missing.push(MissingObject {
            kind,
            name,
            statements,
        });
    };
    for table in tables().chain(bookkeeping(dialect)) {
        if !present.contains(table.name) {
            let statements = emit::create_table(table, dialect);
            add("table", table.name, collated(statements, collation));
        }
    }
    for table in tables() {
        for index in table.indexes {
            if indexes.contains(index.name) {
                continue;
            }
            let comes_with_table =
                emit::has_indexes_inline(dialect) && !present.contains(table.name);
            let statements = if comes_with_table {
                Vec::new()
            } else {
                vec![emit::create_index(table, index, dialect)]
            };
            add("index", index.name, statements);
        }
    }
    let full_text = emit::create_full_text(&FULL_TEXT, dialect);
    if !present.contains(FULL_TEXT.name) && !full_text.is_empty() {
        add("full_text", FULL_TEXT.name, collated(full_text, collation));
    }
    Ok(missing)
}

/// The collation by which MySQL compares text byte by byte, trailing spaces included: MariaDB and MySQL call it
/// differently. An old server that has neither ignores trailing spaces.
fn collation(session: &mut Session, dialect: Dialect) -> Result<Option<&'static str>> {
    if dialect != Dialect::Mysql {
        return Ok(None);
    }
    let sql = "SELECT collation_name FROM information_schema.collations WHERE collation_name = ?";
    for name in ["utf8mb4_nopad_bin", "utf8mb4_0900_bin"] {
        if session
            .query_first(sql, &[name.into()], |_| Ok(()))?
            .is_some()
        {
            return Ok(Some(name));
        }
    }
    Ok(Some("utf8mb4_bin"))
}

/// The statements, each creating a table with this collation, where the dialect wants one.
fn collated(mut statements: Vec<String>, collation: Option<&str>) -> Vec<String> {
    if let Some(collation) = collation {
        for statement in &mut statements {
            statement.push_str(" COLLATE ");
            statement.push_str(collation);
        }
    }
    statements
}

/// Creates what is missing and says what that was, while nobody else does. All or nothing where the caller has
/// a transaction and the dialect's can hold it; else, what was created before an error stays, and is not
/// missing the next time.
pub(in crate::code_db) fn create(
    session: &mut Session,
    dialect: Dialect,
) -> Result<Vec<MissingObject>> {
    lock(session, dialect)?;
    let created = create_missing(session, dialect);
    if dialect == Dialect::Mysql {
        // After an error as well: the lock belongs to the connection, which goes on to be used.
        let released = session.execute(&format!("DO RELEASE_LOCK({MYSQL_LOCK})"), &[]);
        return created.and_then(|created| released.map(|_| created));
    }
    created
}

fn create_missing(session: &mut Session, dialect: Dialect) -> Result<Vec<MissingObject>> {
    let missing = missing(session, dialect)?;
    for object in &missing {
        for statement in &object.statements {
            session.execute(statement, &[])?;
        }
        if object.kind == "full_text" {
            full_text::rebuild(session, dialect)?;
        }
    }
    Ok(missing)
}

/// Locks have names for the whole server, and the schema is one database's.
const MYSQL_LOCK: &str = "CONCAT('code_analysis.', MD5(DATABASE()))";

/// Seconds that a host waits for another one that creates the schema.
const LOCK_WAIT: u32 = 60;

/// Keeps other hosts from creating the schema at the same time. SQLite's write transaction does that alone.
fn lock(session: &mut Session, dialect: Dialect) -> Result<()> {
    match dialect {
        // Held until the end of the transaction. The number is of our choice.
        Dialect::Postgres => session
            .execute("SELECT pg_advisory_xact_lock(7079345519246180)", &[])
            .map(drop),
        Dialect::Mysql => {
            let sql = format!("SELECT GET_LOCK({MYSQL_LOCK}, {LOCK_WAIT})");
            let held = session.query_first(&sql, &[], |row| Ok(row.opt(0, RowRef::i64)?))?;
            if held.flatten() == Some(1) {
                return Ok(());
            }
            let message = format!("another host is creating the schema for {LOCK_WAIT} s");
            Err(DriverError::new(ErrorClass::Busy, message))
        }
        _ => Ok(()),
    }
}

fn present_tables(session: &mut Session) -> Result<HashSet<String>> {
    Ok(session
        .tables()?
        .into_iter()
        .map(|table| table.name)
        .collect())
}

fn present_indexes(session: &mut Session, dialect: Dialect) -> Result<HashSet<String>> {
    let sql = match dialect {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'index'",
        Dialect::Mysql => {
            "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = database()"
        }
        _ => "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()",
    };
    let names = session.query_all(sql, &[], |row| Ok(row.text(0)?.to_owned()))?;
    Ok(names.into_iter().collect())
}
