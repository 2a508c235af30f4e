//! From SQLite's result codes to the classes and SQLSTATEs that callers act on.

use driver_api::{DriverError, ErrorClass, Result};
use rusqlite::ffi;

pub(crate) use rusqlite::ffi::SQLITE_AUTH;

/// Codes of a write that the disk may have kept although it failed.
const WRITE_FAULTS: [i32; 4] = [
    ffi::SQLITE_IOERR_WRITE,
    ffi::SQLITE_IOERR_FSYNC,
    ffi::SQLITE_IOERR_DIR_FSYNC,
    ffi::SQLITE_IOERR_TRUNCATE,
];

/// What kind of failure a result code is.
struct Verdict {
    class: ErrorClass,
    sqlstate: &'static str,
    retryable: bool,
}

const fn verdict(class: ErrorClass, sqlstate: &'static str) -> Verdict {
    Verdict {
        class,
        sqlstate,
        retryable: false,
    }
}

/// As [`verdict`], for what may succeed when the call, or its whole transaction, is made again.
const fn passing(class: ErrorClass, sqlstate: &'static str) -> Verdict {
    Verdict {
        class,
        sqlstate,
        retryable: true,
    }
}

/// The error of a call that the library refused or the engine failed.
pub(crate) fn from_sqlite(error: rusqlite::Error) -> DriverError {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            let message = message.unwrap_or_else(|| ffi::code_to_str(code.extended_code).into());
            from_code(code.extended_code, message)
        }
        rusqlite::Error::SqlInputError {
            error,
            msg,
            sql,
            offset,
        } => from_code(error.extended_code, msg).with_detail(position(&sql, offset)),
        rusqlite::Error::MultipleStatement => several_statements(),
        other => DriverError::new(ErrorClass::Internal, other.to_string()),
    }
}

/// The error of a call that takes one statement and was given more.
pub(crate) fn several_statements() -> DriverError {
    syntax("a call takes one statement, this is more than one")
}

/// The error of SQL that is refused before the engine sees it.
pub(crate) fn syntax(message: &str) -> DriverError {
    DriverError::new(ErrorClass::Syntax, message).with_sqlstate("42601")
}

/// The error of a value that has no counterpart on the other side.
pub(crate) fn invalid_value(message: String, sqlstate: &str) -> DriverError {
    DriverError::new(ErrorClass::InvalidValue, message).with_sqlstate(sqlstate)
}

/// Marks the error of a failed commit: after a fault of the disk the commit may be found in the
/// write-ahead log when the file is opened again.
pub(crate) fn during_commit(error: DriverError) -> DriverError {
    let faults = WRITE_FAULTS.map(i64::from);
    if error
        .vendor_code()
        .is_some_and(|code| faults.contains(&code))
    {
        return error.with_unknown_outcome();
    }
    error
}

/// Turns the library's result into the driver's.
pub(crate) trait IntoDriverResult<T> {
    /// As [`from_sqlite`] for the error.
    fn driver_result(self) -> Result<T>;
}

impl<T> IntoDriverResult<T> for rusqlite::Result<T> {
    #[inline]
    fn driver_result(self) -> Result<T> {
        self.map_err(from_sqlite)
    }
}

fn position(sql: &str, offset: i32) -> String {
    let offset = usize::try_from(offset).unwrap_or(0);
    let rest: String = sql.get(offset..).unwrap_or("").chars().take(40).collect();
    format!("at byte {offset}, before `{}`", rest.trim_end())
}

fn from_code(code: i32, message: String) -> DriverError {
    let verdict = match code {
        ffi::SQLITE_ERROR => by_message(&message),
        _ => by_extended_code(code).unwrap_or_else(|| by_primary_code(code & 0xff)),
    };
    let error = DriverError::new(verdict.class, message)
        .with_sqlstate(verdict.sqlstate)
        .with_vendor_code(code.into());
    if verdict.retryable {
        error.retryable()
    } else {
        error
    }
}

/// Extended codes that mean something else than their primary code.
fn by_extended_code(code: i32) -> Option<Verdict> {
    use ErrorClass::{
        Access, Busy, Conflict, Constraint, Corrupt, InvalidValue, Io, LimitExceeded,
    };
    Some(match code {
        ffi::SQLITE_ERROR_SNAPSHOT | ffi::SQLITE_BUSY_SNAPSHOT => passing(Conflict, "40001"),
        ffi::SQLITE_ERROR_RETRY => passing(Busy, "55P03"),
        ffi::SQLITE_READONLY_CANTINIT
        | ffi::SQLITE_READONLY_CANTLOCK
        | ffi::SQLITE_READONLY_DIRECTORY => verdict(Access, "42501"),
        ffi::SQLITE_READONLY_DBMOVED => verdict(Io, "58030"),
        ffi::SQLITE_IOERR_NOMEM => verdict(LimitExceeded, "53200"),
        ffi::SQLITE_IOERR_DATA | ffi::SQLITE_IOERR_CORRUPTFS => verdict(Corrupt, "XX001"),
        ffi::SQLITE_CORRUPT_INDEX => verdict(Corrupt, "XX002"),
        ffi::SQLITE_CONSTRAINT_CHECK => verdict(Constraint, "23514"),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => verdict(Constraint, "23503"),
        ffi::SQLITE_CONSTRAINT_NOTNULL => verdict(Constraint, "23502"),
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_ROWID => verdict(Constraint, "23505"),
        ffi::SQLITE_CONSTRAINT_TRIGGER => verdict(Constraint, "P0001"),
        // A STRICT table was given a value of another type.
        ffi::SQLITE_CONSTRAINT_DATATYPE => verdict(InvalidValue, "22018"),
        _ => return None,
    })
}

fn by_primary_code(code: i32) -> Verdict {
    use ErrorClass::{
        Access, Busy, Cancelled, Conflict, Constraint, Corrupt, DiskFull, Internal, InvalidValue,
        Io, LimitExceeded, ParameterCount, ReadOnly, Unavailable, Unsupported,
    };
    match code {
        ffi::SQLITE_PERM | SQLITE_AUTH => verdict(Access, "42501"),
        // A rollback took away what the statement was reading.
        ffi::SQLITE_ABORT => verdict(Conflict, "40000"),
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => passing(Busy, "55P03"),
        ffi::SQLITE_NOMEM => verdict(LimitExceeded, "53200"),
        ffi::SQLITE_READONLY => verdict(ReadOnly, "25006"),
        ffi::SQLITE_INTERRUPT => verdict(Cancelled, "57014"),
        ffi::SQLITE_IOERR => verdict(Io, "58030"),
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => verdict(Corrupt, "XX001"),
        ffi::SQLITE_FULL => verdict(DiskFull, "53100"),
        ffi::SQLITE_CANTOPEN => verdict(Unavailable, "58030"),
        ffi::SQLITE_SCHEMA => passing(Conflict, "40001"),
        ffi::SQLITE_TOOBIG => verdict(LimitExceeded, "54000"),
        ffi::SQLITE_CONSTRAINT => verdict(Constraint, "23000"),
        ffi::SQLITE_MISMATCH => verdict(InvalidValue, "22018"),
        ffi::SQLITE_NOLFS => verdict(Unsupported, "0A000"),
        ffi::SQLITE_RANGE => verdict(ParameterCount, "07001"),
        _ => verdict(Internal, "XX000"),
    }
}

/// SQLite has one code for everything that is wrong with a statement; its messages tell more.
fn by_message(message: &str) -> Verdict {
    use ErrorClass::{
        AlreadyExists, InvalidValue, LimitExceeded, NotFound, Syntax, TransactionState,
    };
    let starts = |prefix: &str| message.starts_with(prefix);
    let contains = |part: &str| message.contains(part);
    match () {
        () if starts("no such table") || starts("no such view") => verdict(NotFound, "42P01"),
        () if starts("no such column") || contains("has no column named") => {
            verdict(NotFound, "42703")
        }
        () if starts("no such function") => verdict(NotFound, "42883"),
        () if starts("no such savepoint") => verdict(TransactionState, "3B001"),
        () if starts("no such") || starts("unknown database") => verdict(NotFound, "42704"),
        () if starts("duplicate column name") => verdict(AlreadyExists, "42701"),
        () if contains("already exists") || contains("already another") => {
            verdict(AlreadyExists, "42P07")
        }
        () if starts("cannot start a transaction") => verdict(TransactionState, "25001"),
        () if contains("no transaction is active") => verdict(TransactionState, "25P01"),
        () if contains("from within a transaction") => verdict(TransactionState, "25001"),
        () if starts("integer overflow") => verdict(InvalidValue, "22003"),
        () if starts("malformed JSON") || starts("JSON") => verdict(InvalidValue, "22032"),
        () if starts("too many") || contains("too large") || contains("overflow") => {
            verdict(LimitExceeded, "54001")
        }
        () if starts("ambiguous column") => verdict(Syntax, "42702"),
        () if contains("syntax error") || starts("incomplete") || starts("unrecognized") => {
            verdict(Syntax, "42601")
        }
        () => verdict(Syntax, "42000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;
    use ErrorClass::*;

    #[test]
    fn every_failure_of_a_statement_has_class_sqlstate_and_code() {
        let mut database = TestDatabase::new();
        for sql in [
            "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, \
             age INTEGER CHECK (age >= 0))",
            "CREATE TABLE child(parent INTEGER REFERENCES parent(id))",
            "CREATE TABLE exact(n INTEGER) STRICT",
            "CREATE TRIGGER t BEFORE DELETE ON parent BEGIN SELECT RAISE(ABORT, 'kept'); END",
            "INSERT INTO parent VALUES (1, 'one', 1)",
        ] {
            database.execute(sql, []).unwrap();
        }
        for (sql, class, sqlstate, code) in [
            (
                "INSERT INTO parent VALUES (2, 'one', 1)",
                Constraint,
                "23505",
                2067,
            ),
            (
                "INSERT INTO parent VALUES (1, 'two', 1)",
                Constraint,
                "23505",
                1555,
            ),
            ("INSERT INTO child VALUES (9)", Constraint, "23503", 787),
            (
                "INSERT INTO parent(name) VALUES (NULL)",
                Constraint,
                "23502",
                1299,
            ),
            (
                "INSERT INTO parent VALUES (3, 'three', -1)",
                Constraint,
                "23514",
                275,
            ),
            ("DELETE FROM parent", Constraint, "P0001", 1811),
            (
                "INSERT INTO exact VALUES ('x')",
                InvalidValue,
                "22018",
                3091,
            ),
            (
                "INSERT INTO parent VALUES ('x', 'y', 1)",
                InvalidValue,
                "22018",
                20,
            ),
            ("SELEC 1", Syntax, "42601", 1),
            ("SELECT (", Syntax, "42601", 1),
            ("SELECT 'x", Syntax, "42601", 1),
            ("SELECT * FROM nowhere", NotFound, "42P01", 1),
            ("SELECT absent FROM parent", NotFound, "42703", 1),
            (
                "INSERT INTO parent(absent) VALUES (1)",
                NotFound,
                "42703",
                1,
            ),
            ("SELECT absent()", NotFound, "42883", 1),
            ("DROP INDEX absent", NotFound, "42704", 1),
            ("CREATE TABLE parent(a)", AlreadyExists, "42P07", 1),
            (
                "ALTER TABLE parent ADD COLUMN age",
                AlreadyExists,
                "42701",
                1,
            ),
            ("RELEASE absent", TransactionState, "3B001", 1),
            ("INSERT INTO parent VALUES (1)", Syntax, "42000", 1),
            ("SELECT abs(-9223372036854775808)", InvalidValue, "22003", 1),
            ("SELECT json('{')", InvalidValue, "22032", 1),
            ("SELECT zeroblob(2000000000)", LimitExceeded, "54000", 18),
        ] {
            let error = database.execute(sql, []).unwrap_err();
            let found = (error.class(), error.sqlstate(), error.vendor_code());
            assert_eq!(found, (class, Some(sqlstate), Some(code)), "{sql}: {error}");
            assert!(!error.is_retryable(), "{sql}");
        }
    }

    #[test]
    fn a_syntax_error_says_where() {
        let error = TestDatabase::new()
            .execute("SELECT 1 FRM t", [])
            .unwrap_err();
        assert_eq!(error.message(), "near \"t\": syntax error");
        assert_eq!(error.detail(), Some("at byte 13, before `t`"));
    }

    #[test]
    fn codes_that_no_test_can_provoke_are_classified() {
        let of = |code: i32| {
            let error = from_code(code, String::new());
            (
                error.class(),
                error.sqlstate().unwrap().to_owned(),
                error.is_retryable(),
            )
        };
        assert_eq!(of(ffi::SQLITE_FULL), (DiskFull, "53100".into(), false));
        assert_eq!(of(ffi::SQLITE_IOERR_FSYNC), (Io, "58030".into(), false));
        assert_eq!(
            of(ffi::SQLITE_CORRUPT_VTAB),
            (Corrupt, "XX001".into(), false)
        );
        assert_eq!(of(ffi::SQLITE_BUSY_RECOVERY), (Busy, "55P03".into(), true));
        assert_eq!(
            of(ffi::SQLITE_BUSY_SNAPSHOT),
            (Conflict, "40001".into(), true)
        );
        assert_eq!(
            of(ffi::SQLITE_READONLY_DBMOVED),
            (Io, "58030".into(), false)
        );
        assert_eq!(of(ffi::SQLITE_MISUSE), (Internal, "XX000".into(), false));
    }

    #[test]
    fn a_fault_of_the_disk_leaves_the_outcome_of_a_commit_open() {
        use driver_api::Outcome;
        let commit = |code| during_commit(from_code(code, String::new())).outcome();
        assert_eq!(commit(ffi::SQLITE_IOERR_FSYNC), Outcome::Unknown);
        assert_eq!(commit(ffi::SQLITE_FULL), Outcome::NotApplied);
        assert_eq!(commit(ffi::SQLITE_IOERR_READ), Outcome::NotApplied);
    }
}
