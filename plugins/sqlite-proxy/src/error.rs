//! What a broken conversation with the worker means for the caller.

use std::io;
use std::path::Path;

use driver_api::wire::frame::FrameError;
use driver_api::wire::message::MessageError;
use driver_api::{DriverError, ErrorClass};

/// The worker's socket cannot be reached.
pub(crate) fn unreachable(socket: &Path, error: &io::Error) -> DriverError {
    let message = format!("the DB worker at {} does not answer", socket.display());
    DriverError::new(ErrorClass::Unavailable, message)
        .with_detail(error.to_string())
        .retryable()
}

/// The conversation broke. The caller adds what is known of the outcome.
pub(crate) fn broken(error: FrameError) -> DriverError {
    match error {
        FrameError::TooLong { length } => DriverError::new(
            ErrorClass::Protocol,
            format!("the DB worker announced a frame of {length} bytes, which is not allowed"),
        ),
        FrameError::CutOff | FrameError::Io(_) => lost(&error.to_string()),
        other => lost(&other.to_string()),
    }
}

/// The worker is gone.
pub(crate) fn lost(detail: &str) -> DriverError {
    DriverError::new(
        ErrorClass::ConnectionLost,
        "the connection to the DB worker broke",
    )
    .with_detail(detail)
}

/// The request did not leave as a whole. The worker acts on whole requests only, so nothing happened.
pub(crate) fn not_sent(error: &io::Error) -> DriverError {
    lost(&error.to_string()).retryable()
}

/// The worker is about to end and did not begin with the request.
pub(crate) fn going_away() -> DriverError {
    DriverError::new(
        ErrorClass::ConnectionLost,
        "the DB worker is shutting down and did not take the request",
    )
    .retryable()
}

/// A request is larger than a frame may be.
pub(crate) fn too_large(error: &FrameError) -> DriverError {
    DriverError::new(
        ErrorClass::LimitExceeded,
        "the statement with its parameters is too large for one request",
    )
    .with_detail(error.to_string())
}

/// The worker said something else than the conversation allows at this point.
pub(crate) fn out_of_turn(what: &str) -> DriverError {
    DriverError::new(
        ErrorClass::Protocol,
        format!("the DB worker answered {what} out of turn"),
    )
}

/// The worker said something that cannot be understood.
pub(crate) fn not_understood(error: MessageError) -> DriverError {
    DriverError::new(ErrorClass::Protocol, error.to_string())
}
