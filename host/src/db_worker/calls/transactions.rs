//! The transaction of a session: begun, committed, taken back.

use driver_api::{ErrorClass, Result, TransactionMode};

use super::{Calls, Transaction, no_transaction, on_reader, state_error};

impl Calls {
    pub(super) fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        if self.in_transaction() {
            return Err(state_error("a transaction is open already; end it first"));
        }
        if mode == TransactionMode::ReadOnly || self.read_only {
            let mut lease = self.service.readers.lease()?;
            on_reader(&self.running, &mut lease, |opened| {
                opened.connection.begin(mode)
            })?;
            self.transaction = Transaction::Read(lease);
            self.running.begin_snapshot();
        } else {
            let held = self.service.writer.hold(&self.running)?;
            held.with(|opened| opened.connection.begin(mode))?;
            self.transaction = Transaction::Write(held);
        }
        Ok(())
    }

    /// Commits the transaction. When that fails nothing of it is left open.
    pub(super) fn commit(&mut self, sequence: u64) -> Result<()> {
        let id = self.next_write(sequence);
        let result = match &mut self.transaction {
            Transaction::Write(held) => held.commit(id),
            Transaction::Read(lease) => {
                on_reader(&self.running, lease, |opened| opened.connection.commit())
            }
            // Asked again: it may have been the last thing that another worker did.
            _ if self.service.writer.hold(&self.running)?.was_done(id)? => return Ok(()),
            _ => return Err(no_transaction()),
        };
        if result.is_err() {
            self.abandon();
        }
        self.running.end_snapshot();
        self.transaction = Transaction::None;
        result
    }

    /// Not to be stopped by a cancel.
    fn roll_back(&mut self) -> Result<()> {
        match &mut self.transaction {
            Transaction::Write(held) => held.with(|opened| opened.connection.rollback()),
            Transaction::Read(lease) => lease.connection.rollback(),
            Transaction::None | Transaction::Expired | Transaction::Failed(_) => {
                Err(no_transaction())
            }
        }
    }

    /// Takes the transaction back. When that fails nothing of it is left open.
    pub(super) fn rollback(&mut self) -> Result<()> {
        if !self.in_transaction() {
            return Err(no_transaction());
        }
        let result = self.roll_back();
        if result.is_err() {
            self.abandon();
        }
        self.running.end_snapshot();
        self.transaction = Transaction::None;
        result
    }

    /// Rolls back what is open, and gives the connection back.
    pub(super) fn abandon(&mut self) {
        if !self.in_transaction() {
            return;
        }
        self.running.end_snapshot();
        match self.roll_back() {
            Err(error) if error.class() != ErrorClass::TransactionState => {
                tracing::warn!(%error, "a transaction could not be rolled back");
                if let Transaction::Read(lease) = &mut self.transaction {
                    lease.discard();
                }
            }
            _ => {}
        }
        self.transaction = Transaction::None;
    }
}
