//! What a broken conversation with the worker means for the caller.

use std::io;
use std::path::Path;

use driver_api::wire::PROTOCOL;
use driver_api::wire::frame::FrameError;
use driver_api::wire::message::MessageError;
use driver_api::{DriverError, ErrorClass};

use crate::conversation::Failure;

/// The worker's socket cannot be reached.
pub(crate) fn unreachable(socket: &Path, error: &io::Error) -> DriverError {
    let message = format!("the DB worker at {} does not answer", socket.display());
    DriverError::new(ErrorClass::Unavailable, message)
        .with_detail(error.to_string())
        .retryable()
}

/// The conversation broke while an answer was awaited.
pub(crate) fn broken(error: FrameError) -> Failure {
    match error {
        FrameError::TooLong { length } => Failure::Hopeless(DriverError::new(
            ErrorClass::Protocol,
            format!("the DB worker announced a frame of {length} bytes, which is not allowed"),
        )),
        other => lost(&other.to_string()),
    }
}

/// The worker is gone, and may have acted on the request.
pub(crate) fn lost(detail: &str) -> Failure {
    Failure::Lost {
        error: connection_lost(detail),
        taken: true,
    }
}

/// The request did not leave as a whole. The worker acts on whole requests only, so nothing happened.
pub(crate) fn not_sent(error: &io::Error) -> Failure {
    Failure::Lost {
        error: connection_lost(&error.to_string()).retryable(),
        taken: false,
    }
}

/// The worker is about to end and did not begin with the request.
pub(crate) fn going_away() -> Failure {
    let error = DriverError::new(
        ErrorClass::ConnectionLost,
        "the DB worker is shutting down and did not take the request",
    );
    Failure::Lost {
        error: error.retryable(),
        taken: false,
    }
}

/// A request that no worker has survived.
pub(crate) fn ends_workers(ends: i64) -> DriverError {
    // As a panic: the connection is not used again, nor is the call made again.
    DriverError::new(ErrorClass::Panic, "the driver ends its DB worker in this call").with_detail(
        format!(
            "{ends} workers have ended while they carried it out; the log of the host says how they ended"
        ),
    )
}

/// The error of a call whose connection broke.
pub(crate) fn connection_lost(detail: &str) -> DriverError {
    DriverError::new(
        ErrorClass::ConnectionLost,
        "the connection to the DB worker broke",
    )
    .with_detail(detail)
}

/// The connection broke after rows had been passed on, so that the query cannot run again unnoticed.
pub(crate) fn cut_off() -> DriverError {
    DriverError::new(
        ErrorClass::ConnectionLost,
        "the connection to the DB worker broke in the middle of the rows",
    )
}

/// The transaction ended with the connection.
pub(crate) fn transaction_lost() -> DriverError {
    DriverError::new(
        ErrorClass::ConnectionLost,
        "the transaction was lost with the connection to the DB worker; nothing of it was applied",
    )
    .retryable()
}

/// The database must be looked after by somebody before a worker opens it again.
pub(crate) fn in_quarantine(reason: &str) -> DriverError {
    DriverError::new(ErrorClass::Corrupt, "the database is in quarantine")
        .with_detail(reason.trim_end())
}

/// A request is larger than a frame may be.
pub(crate) fn too_large(error: &FrameError) -> DriverError {
    DriverError::new(
        ErrorClass::LimitExceeded,
        "the statement with its parameters is too large for one request",
    )
    .with_detail(error.to_string())
}

/// The worker is of another release.
pub(crate) fn other_protocol(theirs: u32) -> Failure {
    Failure::Hopeless(DriverError::new(
        ErrorClass::Protocol,
        format!(
            "the DB worker speaks protocol {theirs}, this driver {PROTOCOL}: host and plugins must be \
             of one release"
        ),
    ))
}

/// The worker said something else than the conversation allows at this point.
pub(crate) fn out_of_turn(what: &str) -> Failure {
    Failure::Hopeless(DriverError::new(
        ErrorClass::Protocol,
        format!("the DB worker answered {what} out of turn"),
    ))
}

/// The worker said something that cannot be understood.
pub(crate) fn not_understood(error: MessageError) -> Failure {
    Failure::Hopeless(DriverError::new(ErrorClass::Protocol, error.to_string()))
}
