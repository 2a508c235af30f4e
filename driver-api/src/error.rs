//! The error of every driver call: flat data that stays the same through plugin and worker boundaries.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::block::BlockError;

/// What kind of failure it is: the closed set that callers act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorClass {
    /// The options of a connection are wrong or incomplete.
    Options,
    /// User, password or permission refused.
    Access,
    /// The statement is not valid SQL for this database, or holds more than one statement.
    Syntax,
    /// A table, column, function or database does not exist.
    NotFound,
    /// A table, index or database exists already.
    AlreadyExists,
    /// A unique, foreign-key, check or not-null constraint refused the change.
    Constraint,
    /// A value cannot be converted, is out of range, or has no counterpart in the database.
    InvalidValue,
    /// The number of parameters differs from the number of placeholders.
    ParameterCount,
    /// The connection, session or database may only be read.
    ReadOnly,
    /// Somebody else holds a lock for longer than the limit.
    Busy,
    /// The database chose this transaction to end a deadlock or a serialization conflict.
    Conflict,
    /// A time limit was reached.
    Timeout,
    /// The call was cancelled.
    Cancelled,
    /// A transaction call does not fit the state: commit without begin, begin twice.
    TransactionState,
    /// A transaction was rolled back because its owner was idle for too long.
    IdleTransaction,
    /// The connection to the database broke during the call.
    ConnectionLost,
    /// The database cannot be reached, or does not accept work at the moment.
    Unavailable,
    /// No space is left for the database.
    DiskFull,
    /// Reading or writing the database's storage failed.
    Io,
    /// The database's file or data is damaged.
    Corrupt,
    /// A limit of the driver or database on size or number was exceeded.
    LimitExceeded,
    /// The driver does not offer this operation.
    Unsupported,
    /// This driver may not be used in this process (see [`Placement`](crate::Placement)).
    Placement,
    /// The two sides of a connection do not understand each other.
    Protocol,
    /// The driver panicked; its connection is not used again.
    Panic,
    /// Anything else: a fault in the driver or the database. Classes that this version does not
    /// know are read as this one.
    #[serde(other)]
    Internal,
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The serialized name is the one in documents, JSON and messages.
        self.serialize(f)
    }
}

/// Whether the effect of a failed write is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing of the failed call took effect.
    #[default]
    NotApplied,
    /// The call may or may not have taken effect: the connection broke before the answer.
    Unknown,
}

/// The result of a driver call.
pub type Result<T> = std::result::Result<T, DriverError>;

/// Why a driver call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverError(Box<Fields>);

/// Boxed, so that a `Result` of a hot call stays one word wide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Fields {
    class: ErrorClass,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sqlstate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor_code: Option<i64>,
    #[serde(default)]
    retryable: bool,
    #[serde(default)]
    outcome: Outcome,
}

impl DriverError {
    /// An error of this class; `message` is one line for a person, without a full stop.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            class,
            message: message.into(),
            detail: None,
            sqlstate: None,
            vendor_code: None,
            retryable: false,
            outcome: Outcome::NotApplied,
        }))
    }

    /// The error of an optional operation that a driver does not offer.
    pub fn unsupported(operation: &str) -> Self {
        Self::new(
            ErrorClass::Unsupported,
            format!("this driver does not offer {operation}"),
        )
    }

    /// Adds what the database said beyond the message: a hint, a position, the failing value.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds the five-character SQLSTATE.
    #[must_use]
    pub fn with_sqlstate(mut self, sqlstate: impl Into<String>) -> Self {
        self.0.sqlstate = Some(sqlstate.into());
        self
    }

    /// Adds the database's own error number.
    #[must_use]
    pub fn with_vendor_code(mut self, code: i64) -> Self {
        self.0.vendor_code = Some(code);
        self
    }

    /// Says that the same call may succeed when it is made again.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Says that the call may have taken effect although it failed.
    #[must_use]
    pub fn with_unknown_outcome(mut self) -> Self {
        self.0.outcome = Outcome::Unknown;
        self
    }

    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        self.0.class
    }

    /// One line for a person.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What the database said beyond the message.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The five-character SQLSTATE, where the database has one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.0.sqlstate.as_deref()
    }

    /// The database's own error number: an SQLite extended result code, a MySQL error number.
    pub fn vendor_code(&self) -> Option<i64> {
        self.0.vendor_code
    }

    /// Whether the same call may succeed when it is made again.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether the effect of the failed call is known.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// Whether the connection that gave this error cannot be used again.
    pub fn breaks_connection(&self) -> bool {
        matches!(
            self.0.class,
            ErrorClass::ConnectionLost | ErrorClass::Protocol | ErrorClass::Panic
        )
    }

    /// The form in which errors cross the plugin and worker boundaries.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_else(|_| {
            // Plain strings and numbers always serialize; an empty form is read as `Internal`.
            Vec::new()
        })
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; anything else becomes an `Internal` error.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_else(|error| {
            Self::new(
                ErrorClass::Internal,
                format!("an error came back that cannot be read ({error})"),
            )
        })
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(detail) = &self.0.detail {
            write!(f, ": {detail}")?;
        }
        if let Some(sqlstate) = &self.0.sqlstate {
            write!(f, " [SQLSTATE {sqlstate}]")?;
        }
        if let Some(code) = self.0.vendor_code {
            write!(f, " [code {code}]")?;
        }
        if self.0.outcome == Outcome::Unknown {
            f.write_str(" (it is not known whether the change was applied)")?;
        }
        Ok(())
    }
}

impl std::error::Error for DriverError {}

impl From<BlockError> for DriverError {
    fn from(error: BlockError) -> Self {
        let class = match error {
            BlockError::Damaged(_) => ErrorClass::Protocol,
            BlockError::OutOfRange { .. } | BlockError::WrongKind { .. } => {
                ErrorClass::InvalidValue
            }
        };
        Self::new(class, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_survives_the_boundary() {
        let error = DriverError::new(ErrorClass::Constraint, "duplicate key")
            .with_detail("Key (id)=(1)")
            .with_sqlstate("23505")
            .with_vendor_code(2067)
            .retryable()
            .with_unknown_outcome();
        let back = DriverError::from_bytes(&error.to_bytes());
        assert_eq!(back, error);
        assert_eq!(
            back.to_string(),
            "duplicate key: Key (id)=(1) [SQLSTATE 23505] [code 2067] \
             (it is not known whether the change was applied)"
        );
    }

    #[test]
    fn an_unknown_class_and_garbage_are_internal() {
        let newer = br#"{"class":"quota","message":"over quota"}"#;
        let error = DriverError::from_bytes(newer);
        assert_eq!(
            (error.class(), error.message()),
            (ErrorClass::Internal, "over quota")
        );
        assert_eq!(
            DriverError::from_bytes(b"\xff").class(),
            ErrorClass::Internal
        );
    }

    #[test]
    fn a_result_is_one_word_wide() {
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }
}
