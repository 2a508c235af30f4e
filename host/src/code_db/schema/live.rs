//! What of the declared schema a database lacks, and the one transaction that adds it.

use std::collections::HashSet;

use driver_api::{Dialect, Result};
use serde::Serialize;

use super::emit;
use super::{FULL_TEXT, tables};
use crate::driver::session::Session;

/// A table or index that a database lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingObject {
    /// `table`, `index` or `full_text`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The statement that creates it.
    #[serde(skip)]
    pub statement: String,
}

/// What is missing, in the order in which it has to be created.
pub(in crate::code_db) fn missing(
    session: &mut Session,
    dialect: Dialect,
) -> Result<Vec<MissingObject>> {
    let present = present_tables(session)?;
    let indexes = present_indexes(session, dialect)?;
    let mut missing = Vec::new();
    for table in tables() {
        if !present.contains(table.name) {
            let statement = emit::create_table(table, dialect);
            missing.push(MissingObject {
                kind: "table",
                name: table.name,
                statement,
            });
        }
    }
    for table in tables() {
        for index in table
            .indexes
            .iter()
            .filter(|index| !indexes.contains(index.name))
        {
            let statement = emit::create_index(table, index, dialect);
            missing.push(MissingObject {
                kind: "index",
                name: index.name,
                statement,
            });
        }
    }
    if !present.contains(FULL_TEXT.name)
        && let Some(statement) = emit::create_full_text(&FULL_TEXT, dialect)
    {
        missing.push(MissingObject {
            kind: "full_text",
            name: FULL_TEXT.name,
            statement,
        });
    }
    Ok(missing)
}

/// Creates what is missing and says what that was. The caller's transaction makes it all or nothing.
pub(in crate::code_db) fn create(
    session: &mut Session,
    dialect: Dialect,
) -> Result<Vec<MissingObject>> {
    let missing = missing(session, dialect)?;
    for object in &missing {
        session.execute(&object.statement, &[])?;
    }
    Ok(missing)
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
