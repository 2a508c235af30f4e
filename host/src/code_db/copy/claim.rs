//! Asks the engine what only it can answer: whether source and target are one database, however configurations
//! spell it, and whether somebody else copies into the target.
//!
//! A server keeps locks that have nothing to do with rows; the target's session takes one whose name belongs to
//! its database. A database file has one path and one owner, so that none is needed there.

use driver_api::{Dialect, DriverError, ErrorClass, Result};

use crate::driver::session::Session;

/// The first half of PostgreSQL's lock number; the second is made of the schema. It stands for nothing.
const LOCK_SPACE: i32 = 0x00c0_de01;

/// The name of MySQL's lock, which is the server's and so has the database in it; at most 64 characters.
const LOCK_NAME: &str = "concat('code-analysis-copy ', md5(database()))";

/// How long a session may take to end on MySQL; PostgreSQL waits as long as the driver's limit on locks says.
const PATIENCE_SECONDS: u32 = 20;

/// Claims the database as the target of a copy; false when somebody has.
pub(in crate::code_db) fn claim(session: &mut Session, dialect: Dialect) -> Result<bool> {
    match dialect {
        // Until the end of the transaction.
        Dialect::Postgres => answer(
            session,
            &format!(
                "SELECT CASE WHEN pg_try_advisory_xact_lock({LOCK_SPACE}, hashtext(current_schema())) \
                 THEN 1 ELSE 0 END"
            ),
        ),
        Dialect::Mysql => answer(session, &format!("SELECT get_lock({LOCK_NAME}, 0)")),
        _ => Ok(true),
    }
}

/// Waits until nobody has the claim: the session that had it has ended, and so has its commit.
///
/// To be called outside transactions, whose view of the rows might be older.
pub(in crate::code_db) fn wait(session: &mut Session, dialect: Dialect) -> Result<()> {
    match dialect {
        // Held for the statement alone, as its transaction is.
        Dialect::Postgres => {
            let sql = format!(
                "SELECT CASE WHEN pg_advisory_xact_lock({LOCK_SPACE}, hashtext(current_schema())) IS NULL \
                 THEN 0 ELSE 1 END"
            );
            answer(session, &sql).map(drop)
        }
        Dialect::Mysql => {
            let sql = format!("SELECT get_lock({LOCK_NAME}, {PATIENCE_SECONDS})");
            if answer(session, &sql)? {
                return release(session, dialect);
            }
            let message = "the session that copied into the target has not ended";
            Err(DriverError::new(ErrorClass::Timeout, message))
        }
        _ => Ok(()),
    }
}

/// Gives the claim back where the end of the transaction does not; nothing happens where there is none.
pub(in crate::code_db) fn release(session: &mut Session, dialect: Dialect) -> Result<()> {
    if dialect == Dialect::Mysql {
        answer(session, &format!("SELECT release_lock({LOCK_NAME})"))?;
    }
    Ok(())
}

/// The server's number for this session; none where databases are not claimed.
pub(in crate::code_db) fn session_id(
    session: &mut Session,
    dialect: Dialect,
) -> Result<Option<i64>> {
    match dialect {
        Dialect::Postgres => number(session, "SELECT CAST(pg_backend_pid() AS bigint)"),
        Dialect::Mysql => number(session, "SELECT CAST(connection_id() AS SIGNED)"),
        _ => Ok(None),
    }
}

/// The number of the session that has claimed this database, if one has.
pub(in crate::code_db) fn claimant(session: &mut Session, dialect: Dialect) -> Result<Option<i64>> {
    match dialect {
        Dialect::Postgres => number(
            session,
            &format!(
                "SELECT CAST(pid AS bigint) FROM pg_locks WHERE locktype = 'advisory' AND granted \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                 AND classid = CAST({LOCK_SPACE} AS oid) AND objid = CAST(hashtext(current_schema()) AS oid) \
                 AND objsubid = 2"
            ),
        ),
        Dialect::Mysql => number(
            session,
            &format!("SELECT CAST(is_used_lock({LOCK_NAME}) AS SIGNED)"),
        ),
        _ => Ok(None),
    }
}

fn answer(session: &mut Session, sql: &str) -> Result<bool> {
    Ok(number(session, sql)? == Some(1))
}

fn number(session: &mut Session, sql: &str) -> Result<Option<i64>> {
    let number = session.query_first(sql, &[], |row| Ok(row.opt(0, |row, at| row.i64(at))?))?;
    Ok(number.flatten())
}
