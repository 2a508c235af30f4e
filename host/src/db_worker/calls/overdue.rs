//! Reads that the worker has ended, because they kept the write-ahead log from being cut back: their clients hear it.

use driver_api::{DriverError, ErrorClass};

use super::{Calls, Transaction};

impl Calls {
    /// A read that kept the log from being cut back for too long was ended between two requests.
    pub(super) fn end_overdue_transaction(&mut self) {
        if self.running.take_overdue() && matches!(self.transaction, Transaction::Read(_)) {
            self.abandon();
            self.transaction = Transaction::Failed(overdue());
        }
    }

    /// Or within one, where the engine only says that it was cancelled.
    pub(super) fn explain_overdue(&mut self, error: DriverError) -> DriverError {
        if error.class() != ErrorClass::Cancelled || !self.running.take_overdue() {
            return error;
        }
        if matches!(self.transaction, Transaction::Read(_)) {
            self.abandon();
            self.transaction = Transaction::Failed(overdue());
        }
        overdue()
    }
}

/// The error of a read that the worker ended.
fn overdue() -> DriverError {
    DriverError::new(
        ErrorClass::Timeout,
        "the read was ended because it kept the write-ahead log from being cut back",
    )
    .with_detail(
        "`database.worker.largest_log_mib` says from which size of the log on that is done",
    )
    .retryable()
}
