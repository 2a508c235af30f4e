//! What a failed write does to the worker: nothing, a new connection, or the end.

use driver_api::{DriverError, ErrorClass};

/// Whether the writing connection must be opened anew after this error.
pub(super) fn needs_new_connection(error: &DriverError) -> bool {
    error.breaks_connection()
}

/// Whether the worker must end after this error, because what is in memory may differ from what is on
/// disk: after a failed write or fsync SQLite would go on accepting commits.
pub(super) fn is_fatal(error: &DriverError) -> bool {
    error.class() == ErrorClass::Io
}
