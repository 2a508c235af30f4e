//! The counters from which engines assign ids: a copied table goes on where the source would have, so that no id
//! is ever used twice.

use driver_api::{Dialect, Result, ValueRef};

use super::super::dialect::sequence;
use super::super::schema::RESERVED_IDS;
use super::super::schema::model::{ColumnKind, Table};
use super::statements::quoted;
use crate::driver::session::Session;

/// Whether the database assigns the ids of this table.
pub(in crate::code_db) fn has_counter(table: &Table) -> bool {
    table.columns[0].kind == ColumnKind::AutoId
}

/// The greatest id that the table has or ever had, as far as the engine remembers; 0 where there was none.
pub(in crate::code_db) fn greatest_id(
    session: &mut Session,
    dialect: Dialect,
    table: &Table,
) -> Result<i64> {
    let sql = format!(
        "SELECT COALESCE(max({}), 0) FROM {}",
        quoted(dialect, table.columns[0].name),
        quoted(dialect, table.name)
    );
    let present = first_number(session, &sql)?.unwrap_or(0);
    Ok(remembered(session, dialect, table)?
        .unwrap_or(0)
        .max(present))
}

fn remembered(session: &mut Session, dialect: Dialect, table: &Table) -> Result<Option<i64>> {
    match dialect {
        Dialect::Sqlite => {
            // The engine makes its table of counters with the first table that has one.
            let exists = "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'";
            if first_number(session, exists)? == Some(0) {
                return Ok(None);
            }
            let sql = format!(
                "SELECT seq FROM sqlite_sequence WHERE name = '{}'",
                table.name
            );
            first_number(session, &sql)
        }
        Dialect::Postgres => match sequence(session, table.name)? {
            Some(sequence) => {
                let sql = format!(
                    "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {sequence}"
                );
                first_number(session, &sql)
            }
            None => Ok(None),
        },
        Dialect::Mysql => Ok(assigned(session, table)?.max(reserved(session, table)?)),
        _ => Ok(None),
    }
}

/// The greatest id that MySQL's own counter gave.
fn assigned(session: &mut Session, table: &Table) -> Result<Option<i64>> {
    let sql = format!(
        "SELECT CAST(auto_increment AS SIGNED) - 1 FROM information_schema.tables \
         WHERE table_schema = database() AND table_name = '{}'",
        table.name
    );
    first_number(session, &sql)
}

/// The greatest id that a host reserved, where the engine's own counter cannot.
fn reserved(session: &mut Session, table: &Table) -> Result<Option<i64>> {
    let sql = format!(
        "SELECT greatest_id FROM {} WHERE id = '{}'",
        RESERVED_IDS.name, table.name
    );
    first_number(session, &sql)
}

/// Lets the table's ids go on behind `greatest`, within the transaction in which its rows came.
pub(in crate::code_db) fn go_on_behind(
    session: &mut Session,
    dialect: Dialect,
    table: &Table,
    greatest: i64,
) -> Result<()> {
    match dialect {
        Dialect::Sqlite => {
            let name = ValueRef::Text(table.name);
            session.execute("DELETE FROM sqlite_sequence WHERE name = ?", &[name])?;
            session.execute(
                "INSERT INTO sqlite_sequence(name, seq) VALUES (?, ?)",
                &[name, greatest.into()],
            )?;
        }
        Dialect::Postgres => {
            // Unlike setval, this is taken back with the transaction.
            if let Some(sequence) = sequence(session, table.name)? {
                let next = greatest.saturating_add(1).max(1);
                let sql = format!("ALTER SEQUENCE {sequence} RESTART WITH {next}");
                session.execute(&sql, &[])?;
            }
        }
        Dialect::Mysql => {
            let (books, name) = (RESERVED_IDS.name, ValueRef::Text(table.name));
            session.execute(&format!("DELETE FROM {books} WHERE id = ?"), &[name])?;
            let insert = format!("INSERT INTO {books}(id, greatest_id) VALUES (?, ?)");
            session.execute(&insert, &[name, greatest.into()])?;
        }
        _ => {}
    }
    Ok(())
}

/// What of [`go_on_behind`] an engine cannot do within a transaction: MySQL's counter is part of the table's
/// definition. It stands behind the greatest id that is present already; ids of deleted rows are behind that.
pub(in crate::code_db) fn remember(
    session: &mut Session,
    dialect: Dialect,
    table: &Table,
    greatest: i64,
) -> Result<()> {
    if dialect == Dialect::Mysql && assigned(session, table)?.unwrap_or(0) < greatest {
        let next = greatest.saturating_add(1);
        let sql = format!("ALTER TABLE `{}` AUTO_INCREMENT = {next}", table.name);
        session.execute(&sql, &[])?;
    }
    Ok(())
}

fn first_number(session: &mut Session, sql: &str) -> Result<Option<i64>> {
    let number = session.query_first(sql, &[], |row| Ok(row.opt(0, |row, at| row.i64(at))?))?;
    Ok(number.flatten())
}
