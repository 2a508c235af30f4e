//! The few statements and rules that differ between dialects wherever something is written.

use driver_api::{Dialect, DriverError, ErrorClass, ValueRef};

use super::error::{CodeDbError, Result};
use crate::driver::session::Session;

/// A statement with names in standard quotes, in those of the dialect. It holds no other `"`.
pub(super) fn quoted(sql: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Mysql => sql.replace('"', "`"),
        _ => sql.to_owned(),
    }
}

/// The PostgreSQL sequence behind the ids of a table, quoted.
pub(super) fn sequence(session: &mut Session, table: &str) -> driver_api::Result<Option<String>> {
    let name = session.query_first(
        "SELECT pg_get_serial_sequence(?, ?)",
        &[ValueRef::Text(table), ValueRef::Text("id")],
        |row| Ok(row.opt(0, |row, at| row.text(at))?.map(str::to_owned)),
    )?;
    Ok(name.flatten())
}

/// Lets nobody else write what is below this project until the end of the transaction; to be its first
/// statement, so that the others see what was written before.
///
/// Two hosts may index one tree into one server. SQLite has one write transaction at a time, and needs no lock.
pub(super) fn lock_project(
    session: &mut Session,
    dialect: Dialect,
    project_id: &str,
) -> driver_api::Result<()> {
    if matches!(dialect, Dialect::Postgres | Dialect::Mysql) {
        let sql = "SELECT id FROM projects WHERE id = ? FOR UPDATE";
        session.query_first(sql, &[project_id.into()], |_| Ok(()))?;
    }
    Ok(())
}

/// How often work is done that another host may beat us to.
const ATTEMPTS: u32 = 4;

/// Does work again that failed because another host inserted the same row first: the next time it is found.
/// On SQLite nobody can have done so between reading and writing, and the first error stands.
pub(super) fn again_when_beaten<T>(
    dialect: Dialect,
    mut work: impl FnMut() -> Result<T>,
) -> Result<T> {
    let server = matches!(dialect, Dialect::Postgres | Dialect::Mysql);
    let beaten = |error: &CodeDbError| {
        error.driver_error().map(DriverError::class) == Some(ErrorClass::Constraint)
    };
    let mut attempt = 1;
    loop {
        match work() {
            Err(error) if server && attempt < ATTEMPTS && beaten(&error) => attempt += 1,
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Doing;
    use super::*;

    #[test]
    fn names_are_quoted_as_the_dialect_has_it() {
        let sql = "UPDATE files SET \"lines\" = ?";
        assert_eq!(quoted(sql, Dialect::Mysql), "UPDATE files SET `lines` = ?");
        assert_eq!(quoted(sql, Dialect::Postgres), sql);
    }

    #[test]
    fn only_a_row_that_another_inserted_is_a_reason_to_do_it_again() {
        let tried = |dialect, class| {
            let mut attempts = 0;
            let result: Result<()> = again_when_beaten(dialect, || {
                attempts += 1;
                Err(DriverError::new(class, "no")).doing("storing files")
            });
            assert!(result.is_err());
            attempts
        };
        assert_eq!(tried(Dialect::Postgres, ErrorClass::Constraint), ATTEMPTS);
        assert_eq!(tried(Dialect::Mysql, ErrorClass::Access), 1);
        assert_eq!(tried(Dialect::Sqlite, ErrorClass::Constraint), 1);
    }
}
