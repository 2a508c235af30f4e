//! Transactions: begun and ended by calls, their state kept here because the server's is not told with every answer.

use driver_api::{DriverError, ErrorClass, Result, TransactionMode};

use crate::cancel::Cancel;
use crate::error::ends_transaction;
use crate::server::Server;

/// Times that a batch is taken back to its savepoint before the whole transaction is given up.
const ATTEMPTS: u32 = 2;

/// The state of a connection's transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// Every statement is its own transaction.
    #[default]
    None,
    /// One is open.
    Open(TransactionMode),
    /// The server rolled it back. What follows would be carried out without a transaction, so nothing
    /// is until the caller ends it.
    Failed,
}

impl Transaction {
    /// Starts a transaction.
    pub(crate) fn begin(&mut self, server: &mut Server, mode: TransactionMode) -> Result<()> {
        if *self != Self::None {
            return Err(state("a transaction is open already", "25001"));
        }
        // What was set for the next transaction must not outlive a start that failed.
        start(server, mode).inspect_err(|_| {
            let _ = roll_back(server);
        })?;
        *self = Self::Open(mode);
        Ok(())
    }

    /// Makes the open transaction permanent. One that fails to commit is over.
    pub(crate) fn commit(&mut self, server: &mut Server) -> Result<()> {
        match std::mem::take(self) {
            Self::None => Err(none_open()),
            Self::Failed => Err(failed()),
            Self::Open(_) => server.run("COMMIT").map_err(|error| {
                if error.breaks_connection() {
                    return error.with_unknown_outcome();
                }
                let _ = roll_back(server);
                error
            }),
        }
    }

    /// Takes the open transaction back.
    pub(crate) fn rollback(&mut self, server: &mut Server) -> Result<()> {
        match std::mem::take(self) {
            Self::None => Err(none_open()),
            Self::Failed => Ok(()),
            Self::Open(_) => roll_back(server),
        }
    }

    /// What the next statement must be refused for.
    pub(crate) fn require_sound(self) -> Result<()> {
        if self == Self::Failed {
            Err(failed())
        } else {
            Ok(())
        }
    }

    pub(crate) fn is_open(self) -> bool {
        self != Self::None
    }

    /// Whether the open transaction may only read.
    pub(crate) fn only_reads(self) -> bool {
        self == Self::Open(TransactionMode::ReadOnly)
    }

    /// Takes notice of an error that ended the whole transaction.
    pub(crate) fn note(&mut self, server: &mut Server, error: DriverError) -> DriverError {
        if !self.is_open() || !ends_transaction(&error, server.facts.rolls_back_on_timeout) {
            return error;
        }
        self.fail(server, error)
    }

    /// Gives the whole transaction up because of an error.
    fn fail(&mut self, server: &mut Server, error: DriverError) -> DriverError {
        *self = Self::Failed;
        // Some servers leave it to the client for some errors that end a transaction.
        let _ = roll_back(server);
        match error.detail() {
            None => error.with_detail("the whole transaction was rolled back"),
            Some(_) => error,
        }
    }

    /// Runs `work` as a whole or not at all: in a transaction of its own, or in a savepoint of the
    /// open one. Who asks for its end is heard only until `work` is done.
    pub(crate) fn atomic<T>(
        &mut self,
        server: &mut Server,
        cancel: &Cancel,
        work: impl FnOnce(&mut Server) -> Result<T>,
    ) -> Result<T> {
        if !self.is_open() {
            self.begin(server, TransactionMode::ReadWrite)?;
            let done = work(server);
            shield(server, cancel);
            let value = done.inspect_err(|_| {
                let _ = self.rollback(server);
            })?;
            self.commit(server)?;
            return Ok(value);
        }
        server.run("SAVEPOINT driver_atomic")?;
        let done = work(server);
        shield(server, cancel);
        let released = done.and_then(|value| {
            server.run("RELEASE SAVEPOINT driver_atomic")?;
            Ok(value)
        });
        released.map_err(|error| self.undo(server, error))
    }

    /// Takes back what was done since the savepoint; where that fails, the whole transaction.
    fn undo(&mut self, server: &mut Server, error: DriverError) -> DriverError {
        // After some errors there is no savepoint any more; the caller takes notice of them.
        if error.breaks_connection() || ends_transaction(&error, server.facts.rolls_back_on_timeout)
        {
            return error;
        }
        for _ in 0..ATTEMPTS {
            let undone = server.run("ROLLBACK TO SAVEPOINT driver_atomic");
            if undone
                .and_then(|()| server.run("RELEASE SAVEPOINT driver_atomic"))
                .is_ok()
            {
                return error;
            }
        }
        self.fail(server, error)
    }
}

fn start(server: &mut Server, mode: TransactionMode) -> Result<()> {
    match mode {
        TransactionMode::ReadWrite => server.run("START TRANSACTION"),
        TransactionMode::ReadOnly => {
            // For the next transaction only.
            server.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
            server.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        }
    }
}

/// Ends the server's transaction; where even that fails, the connection, which has the same effect.
fn roll_back(server: &mut Server) -> Result<()> {
    // A request to stop the call may hit the first attempt.
    let done = server
        .run("ROLLBACK")
        .or_else(|error| match error.breaks_connection() {
            true => Err(error),
            false => server.run("ROLLBACK"),
        });
    done.map_err(|error| server.give_up(error))
}

/// From here on nobody stops the call: what follows decides whether it is done or taken back.
fn shield(server: &mut Server, cancel: &Cancel) {
    if cancel.shield().kill_sent {
        server.absorb_kill();
    }
}

fn none_open() -> DriverError {
    state("no transaction is open", "25P01")
}

fn failed() -> DriverError {
    state(
        "the server rolled the transaction back: it can only be ended",
        "25P02",
    )
}

/// The error of a call that does not fit the state of the transaction.
pub(crate) fn state(message: &str, sqlstate: &str) -> DriverError {
    DriverError::new(ErrorClass::TransactionState, message).with_sqlstate(sqlstate)
}

#[cfg(test)]
mod tests;
