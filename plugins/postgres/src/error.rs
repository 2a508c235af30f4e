//! From PostgreSQL's SQLSTATEs to the classes that callers act on.

use driver_api::{DriverError, ErrorClass, Result};
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, ErrorPosition, Severity};

/// The server function that refuses several commands in one message.
const ONE_COMMAND_CHECK: &str = "exec_parse_message";
/// The server function that refuses a cached plan whose columns changed.
const PLAN_CHECK: &str = "RevalidateCachedQuery";

/// The error of a call that the client crate or the server failed; `sql` is the statement, as the
/// server was given it.
pub(crate) fn from_postgres(error: Error, sql: &str) -> DriverError {
    if let Some(db) = error.as_db_error() {
        return from_server(db, sql);
    }
    if error.is_closed() {
        return lost("the server closed the connection");
    }
    let text = error.to_string();
    match error.into_source() {
        Some(source) => match source.downcast::<DriverError>() {
            // A parameter that could not be encoded.
            Ok(own) => *own,
            Err(source) if source.is::<std::io::Error>() => {
                lost("the connection to the server broke").with_detail(source.to_string())
            }
            Err(source) => DriverError::new(ErrorClass::Protocol, text)
                .with_detail(source.to_string())
                .with_sqlstate("08P01"),
        },
        None => DriverError::new(ErrorClass::Protocol, text).with_sqlstate("08P01"),
    }
}

/// What the server reported.
pub(crate) fn from_server(db: &DbError, sql: &str) -> DriverError {
    let code = db.code().code();
    if code == "42601" && db.routine() == Some(ONE_COMMAND_CHECK) {
        return syntax("a call takes one statement, this is more than one");
    }
    let fatal = matches!(
        db.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    );
    let (class, retryable) = match by_sqlstate(code) {
        _ if plan_is_stale(db) => (ErrorClass::Conflict, true),
        // A session that idled for too long is over as well; its class says why.
        (ErrorClass::IdleTransaction, retryable) => (ErrorClass::IdleTransaction, retryable),
        _ if fatal => (ErrorClass::ConnectionLost, true),
        verdict => verdict,
    };
    let error = DriverError::new(class, one_line(db.message())).with_sqlstate(code);
    let error = match detail(db, sql) {
        Some(detail) => error.with_detail(detail),
        None => error,
    };
    if retryable { error.retryable() } else { error }
}

/// Whether a prepared statement no longer fits the tables that it reads, or is gone.
pub(crate) fn plan_is_stale(db: &DbError) -> bool {
    match db.code().code() {
        "26000" => true,
        "0A000" => db.routine() == Some(PLAN_CHECK),
        _ => false,
    }
}

/// The error of SQL that is refused before the server sees it.
pub(crate) fn syntax(message: &str) -> DriverError {
    DriverError::new(ErrorClass::Syntax, message).with_sqlstate("42601")
}

/// The error of a value that has no counterpart on the other side.
pub(crate) fn invalid_value(message: String, sqlstate: &str) -> DriverError {
    DriverError::new(ErrorClass::InvalidValue, message).with_sqlstate(sqlstate)
}

/// The error of a connection that is gone.
pub(crate) fn lost(message: &str) -> DriverError {
    DriverError::new(ErrorClass::ConnectionLost, message)
        .with_sqlstate("08006")
        .retryable()
}

/// The error of a connection that this side has closed.
pub(crate) fn closed() -> DriverError {
    DriverError::new(ErrorClass::ConnectionLost, "the connection is closed").with_sqlstate("08003")
}

/// The error of a call that its caller stopped.
pub(crate) fn cancelled() -> DriverError {
    DriverError::new(ErrorClass::Cancelled, "the call was cancelled").with_sqlstate("57014")
}

/// Marks the error of a change whose answer never came: the server may have made it permanent.
pub(crate) fn during_commit(error: DriverError) -> DriverError {
    if error.breaks_connection() {
        return error.with_unknown_outcome();
    }
    error
}

/// The client crate's result as the driver's.
pub(crate) trait IntoDriverResult<T> {
    /// As [`from_postgres`] for the error.
    fn driver_result(self, sql: &str) -> Result<T>;
}

impl<T> IntoDriverResult<T> for std::result::Result<T, Error> {
    #[inline]
    fn driver_result(self, sql: &str) -> Result<T> {
        self.map_err(|error| from_postgres(error, sql))
    }
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The server's detail, hint and position.
fn detail(db: &DbError, sql: &str) -> Option<String> {
    let place = match db.position() {
        Some(ErrorPosition::Original(position)) => before(sql, *position),
        _ => None,
    };
    let parts = [db.detail().map(one_line), db.hint().map(one_line), place];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What stands at a position, which counts characters from 1.
fn before(sql: &str, position: u32) -> Option<String> {
    let skipped = usize::try_from(position.checked_sub(1)?).ok()?;
    let rest: String = sql.chars().skip(skipped).take(40).collect();
    let rest = rest.trim_end();
    (!rest.is_empty()).then(|| format!("before `{}`", one_line(rest)))
}

/// The class of a SQLSTATE, and whether the same call may succeed when it is made again.
fn by_sqlstate(code: &str) -> (ErrorClass, bool) {
    match by_whole_code(code) {
        Some(verdict) => verdict,
        None => (by_code_class(code), false),
    }
}

/// Codes that mean something else than the class that they are in.
fn by_whole_code(code: &str) -> Option<(ErrorClass, bool)> {
    use ErrorClass::{
        Access, AlreadyExists, Busy, Cancelled, Conflict, ConnectionLost, Constraint, DiskFull,
        IdleTransaction, NotFound, ReadOnly, Unavailable,
    };
    Some(match code {
        "25006" => (ReadOnly, false),
        "25P03" => (IdleTransaction, true),
        "28000" | "28P01" | "42501" | "55P02" => (Access, false),
        "3D000" | "3F000" | "34000" | "42P01" | "42P02" | "42703" | "42883" | "42704" => {
            (NotFound, false)
        }
        "42P03" | "42P04" | "42P05" | "42P06" | "42P07" | "42701" | "42710" | "42723" => {
            (AlreadyExists, false)
        }
        "40001" | "40P01" | "72000" => (Conflict, true),
        "40002" | "44000" | "P0001" | "P0004" => (Constraint, false),
        "53100" => (DiskFull, false),
        "53300" | "57P03" => (Unavailable, true),
        "55P03" | "55006" => (Busy, true),
        "57014" => (Cancelled, false),
        "57P01" | "57P02" | "57P04" | "57P05" => (ConnectionLost, true),
        _ => return None,
    })
}

fn by_code_class(code: &str) -> ErrorClass {
    use ErrorClass::{
        Access, Conflict, ConnectionLost, Constraint, Corrupt, Internal, InvalidValue, Io,
        LimitExceeded, Syntax, TransactionState, Unsupported,
    };
    let two = code.get(..2).unwrap_or_default();
    match (two, code) {
        ("08", _) => ConnectionLost,
        ("0A", _) | ("55", _) => Unsupported,
        ("0L" | "0P" | "28", _) => Access,
        ("21" | "22", _) => InvalidValue,
        ("23", _) => Constraint,
        ("25" | "2D" | "3B" | "0B", _) => TransactionState,
        ("40", _) => Conflict,
        ("42" | "26" | "2F", _) => Syntax,
        ("53" | "54", _) => LimitExceeded,
        ("58", _) => Io,
        (_, "XX001" | "XX002") => Corrupt,
        _ => Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorClass::*;

    #[test]
    fn codes_have_the_documented_classes() {
        for (code, class, retryable) in [
            ("40001", Conflict, true),
            ("40P01", Conflict, true),
            ("55P03", Busy, true),
            ("57P01", ConnectionLost, true),
            ("57P03", Unavailable, true),
            ("53300", Unavailable, true),
            ("53100", DiskFull, false),
            ("53200", LimitExceeded, false),
            ("22003", InvalidValue, false),
            ("23505", Constraint, false),
            ("25006", ReadOnly, false),
            ("25P02", TransactionState, false),
            ("28P01", Access, false),
            ("42601", Syntax, false),
            ("42P01", NotFound, false),
            ("42P07", AlreadyExists, false),
            ("54000", LimitExceeded, false),
            ("58030", Io, false),
            ("XX001", Corrupt, false),
            ("XX000", Internal, false),
            ("0A000", Unsupported, false),
        ] {
            assert_eq!(by_sqlstate(code), (class, retryable), "{code}");
        }
    }

    #[test]
    fn a_position_shows_what_stands_there() {
        assert_eq!(before("SELECT é FRM t", 10).unwrap(), "before `FRM t`");
        assert_eq!(before("SELECT", 0), None);
        assert_eq!(before("SELECT", 7), None);
    }

    #[test]
    fn only_a_lost_connection_leaves_a_commit_open() {
        use driver_api::Outcome;
        assert_eq!(during_commit(lost("gone")).outcome(), Outcome::Unknown);
        assert_eq!(during_commit(syntax("no")).outcome(), Outcome::NotApplied);
    }
}
