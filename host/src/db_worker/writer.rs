//! The one writing connection: single writes, combined where they wait, and interactive transactions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use driver_api::{
    Connection, DriverError, ErrorClass, ExecuteResult, Result, RowBlockRef, RowRef,
    TransactionMode,
};

use super::metrics::Metrics;
use super::sessions::RunningCall;
use super::store::{OpenConnection, Store};
use super::write_queue::{GroupMember, Turn, WriteQueue};
use crate::foundation::shutdown_signal::{ShutdownReason, ShutdownRequest, ShutdownSignal};

/// One write of one statement, as it came from the client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write<'a> {
    pub(super) sql: &'a str,
    /// A block: the parameters of one execution, or of many.
    pub(super) params: &'a [u8],
    /// Whether the statement runs once for every row of `params`.
    pub(super) many: bool,
}

/// A write that waits, and that another session may carry out.
struct WaitingWrite {
    sql: String,
    params: Vec<u8>,
    many: bool,
}

type Member = GroupMember<WaitingWrite, Result<ExecuteResult>>;

/// The writing connection and the queue for it.
pub(super) struct Writer {
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    queue: WriteQueue<WaitingWrite, Result<ExecuteResult>>,
    /// Locked only by whoever holds the writer, as the queue says.
    connection: Mutex<OpenConnection>,
    /// Raised when the storage fails: the supervisor starts a worker that sees what is really on disk.
    shutdown: ShutdownSignal,
}

impl Writer {
    /// Opens the writing connection.
    pub(super) fn open(
        store: Arc<Store>,
        metrics: Arc<Metrics>,
        shutdown: ShutdownSignal,
    ) -> Result<Self> {
        let connection = Mutex::new(store.open_writer()?);
        Ok(Self {
            store,
            metrics,
            queue: WriteQueue::new(),
            connection,
            shutdown,
        })
    }

    /// Carries out a single write; it is committed when this returns `Ok`. It can be cancelled through
    /// `running` unless it was combined with the writes of others.
    pub(super) fn write(&self, write: Write<'_>, running: &RunningCall) -> Result<ExecuteResult> {
        match self.queue.enter(|| write.to_waiting()) {
            Turn::Done(result) => result,
            Turn::Lost => Err(lost_in_group()),
            Turn::Yours(others) => {
                let mut held = Held::new(self);
                if others.is_empty() {
                    held.alone(write, running)
                } else {
                    held.group(write, others)
                }
            }
        }
    }

    /// Waits for the writer and keeps it: for an interactive transaction, or a write with rows.
    pub(super) fn hold(self: &Arc<Self>) -> HeldWriter {
        self.queue.enter_alone();
        HeldWriter {
            writer: Arc::clone(self),
        }
    }

    /// Closes the writing connection; for the end of the worker, when nobody writes any more.
    pub(super) fn close(&self) {
        if let Err(error) = self.lock().connection.close() {
            tracing::warn!(%error, "the writing connection did not close cleanly");
        }
    }

    fn lock(&self) -> MutexGuard<'_, OpenConnection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what an error demands of the worker: nothing, a new connection, or the end.
    fn note(&self, error: &DriverError) {
        if error.class() == ErrorClass::Io {
            // What is in memory may differ from what is on disk: after a failed write or fsync SQLite
            // would go on accepting commits.
            tracing::error!(%error, "the storage failed; the worker ends and is started anew");
            self.end_worker();
        } else if error.breaks_connection() {
            self.reopen(error);
        }
    }

    fn reopen(&self, cause: &DriverError) {
        tracing::error!(%cause, "the writing connection broke and is opened anew");
        match self.store.open_writer() {
            Ok(opened) => *self.lock() = opened,
            Err(error) => {
                tracing::error!(%error, "the writing connection cannot be opened; the worker ends");
                self.end_worker();
            }
        }
    }

    fn end_worker(&self) {
        let at_once = ShutdownRequest::within(ShutdownReason::Requested, Duration::ZERO);
        self.shutdown.trigger(at_once);
    }
}

impl Write<'_> {
    fn to_waiting(self) -> WaitingWrite {
        WaitingWrite {
            sql: self.sql.to_owned(),
            params: self.params.to_owned(),
            many: self.many,
        }
    }

    /// Carries out the write on a connection, in whatever transaction is open there.
    pub(super) fn run(self, connection: &mut dyn Connection) -> Result<ExecuteResult> {
        if self.many {
            connection.execute_many(self.sql, RowBlockRef::parse(self.params)?)
        } else {
            connection.execute(self.sql, RowRef::from_block_bytes(self.params)?)
        }
    }
}

impl WaitingWrite {
    fn as_write(&self) -> Write<'_> {
        Write {
            sql: &self.sql,
            params: &self.params,
            many: self.many,
        }
    }
}

/// The writer, held for single writes. Dropping it lets the next one in.
struct Held<'w> {
    writer: &'w Writer,
}

impl<'w> Held<'w> {
    fn new(writer: &'w Writer) -> Self {
        Self { writer }
    }

    /// The common case: nobody else waits, the statement is its own transaction.
    fn alone(&mut self, write: Write<'_>, running: &RunningCall) -> Result<ExecuteResult> {
        let result = {
            let mut opened = self.writer.lock();
            running.during(opened.cancel.clone(), || write.run(&mut *opened.connection))
        };
        self.count(1);
        result.inspect_err(|error| self.writer.note(error))
    }

    /// One transaction for all who wait, a savepoint each, one commit. The answers go out after it.
    fn group(&mut self, own: Write<'_>, others: Vec<Member>) -> Result<ExecuteResult> {
        let mut results = Vec::with_capacity(others.len() + 1);
        let committed = {
            let mut opened = self.writer.lock();
            let writes = std::iter::once(own).chain(others.iter().map(|o| o.write.as_write()));
            in_one_transaction(&mut *opened.connection, writes, &mut results)
        };
        self.count(others.len() + 1);
        if let Err(error) = committed {
            self.writer.note(&error);
            // Whoever had failed keeps the own error; the others share that of the commit.
            for result in &mut results {
                if result.is_ok() {
                    *result = Err(error.clone());
                }
            }
            results.resize_with(others.len() + 1, || Err(error.clone()));
        }
        let mut results = results.into_iter();
        let lost = || Err(lost_in_group());
        let own = results.next().unwrap_or_else(lost);
        for other in others {
            other.done(results.next().unwrap_or_else(lost));
        }
        own
    }

    fn count(&self, writes: usize) {
        Metrics::add(&self.writer.metrics.writes, writes);
        Metrics::count(&self.writer.metrics.commits);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.writer.queue.release();
    }
}

/// Runs each write in a savepoint of its own; `results` get one entry a write. An error is one of the
/// transaction itself, after which nothing was applied.
fn in_one_transaction<'a>(
    connection: &mut dyn Connection,
    writes: impl Iterator<Item = Write<'a>>,
    results: &mut Vec<Result<ExecuteResult>>,
) -> Result<()> {
    connection.begin(TransactionMode::ReadWrite)?;
    let run = |connection: &mut dyn Connection, results: &mut Vec<_>| {
        for write in writes {
            results.push(in_savepoint(connection, write)?);
        }
        Ok(())
    };
    if let Err(error) = run(connection, results) {
        // The engine may have rolled back by itself; what counts is why.
        let _ = connection.rollback();
        return Err(error);
    }
    connection.commit()
}

/// The inner result is that of the write; the outer one is that of the savepoint.
fn in_savepoint(
    connection: &mut dyn Connection,
    write: Write<'_>,
) -> Result<Result<ExecuteResult>> {
    connection.execute("SAVEPOINT one_write", RowRef::EMPTY)?;
    let result = write.run(connection);
    if let Err(error) = &result
        && connection
            .execute("ROLLBACK TO one_write", RowRef::EMPTY)
            .is_err()
    {
        // A full disk, for one, takes the whole transaction with it: everybody is told that.
        return Err(error.clone());
    }
    connection.execute("RELEASE one_write", RowRef::EMPTY)?;
    Ok(result)
}

fn lost_in_group() -> DriverError {
    DriverError::new(
        ErrorClass::Internal,
        "the write was combined with others and got no answer",
    )
    .with_unknown_outcome()
}

/// The writer, held for an interactive transaction or a write with rows. Dropping it lets the next one
/// in; whoever holds it ends the transaction first.
pub(super) struct HeldWriter {
    writer: Arc<Writer>,
}

impl HeldWriter {
    /// Runs one call on the writing connection.
    pub(super) fn with<T>(&self, call: impl FnOnce(&mut OpenConnection) -> Result<T>) -> Result<T> {
        let result = call(&mut self.writer.lock());
        result.inspect_err(|error| self.writer.note(error))
    }
}

impl Drop for HeldWriter {
    fn drop(&mut self) {
        self.writer.queue.release();
    }
}

#[cfg(test)]
mod tests {
    use driver_api::RowSink;

    use super::*;

    /// A connection whose second write fills the disk, which ends the transaction.
    #[derive(Default)]
    struct FullDisk {
        open: bool,
        writes: u32,
    }

    impl Connection for FullDisk {
        fn query(&mut self, _: &str, _: RowRef<'_>, _: &mut RowSink<'_>) -> Result<()> {
            Ok(())
        }

        fn execute(&mut self, sql: &str, _: RowRef<'_>) -> Result<ExecuteResult> {
            if !self.open {
                return Err(DriverError::new(
                    ErrorClass::TransactionState,
                    "none is open",
                ));
            }
            if sql == "INSERT" {
                self.writes += 1;
                if self.writes == 2 {
                    self.open = false;
                    return Err(DriverError::new(ErrorClass::DiskFull, "the disk is full"));
                }
            }
            Ok(ExecuteResult::default())
        }

        fn execute_many(&mut self, _: &str, _: RowBlockRef<'_>) -> Result<ExecuteResult> {
            Ok(ExecuteResult::default())
        }

        fn begin(&mut self, _: TransactionMode) -> Result<()> {
            self.open = true;
            Ok(())
        }

        fn rollback(&mut self) -> Result<()> {
            Err(DriverError::new(
                ErrorClass::TransactionState,
                "none is open",
            ))
        }

        fn ping(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_that_ends_the_whole_transaction_is_the_one_that_everybody_hears() {
        let write = Write {
            sql: "INSERT",
            params: &[],
            many: false,
        };
        let mut results = Vec::new();
        let ended = in_one_transaction(
            &mut FullDisk::default(),
            [write; 3].into_iter(),
            &mut results,
        );
        assert_eq!(ended.unwrap_err().class(), ErrorClass::DiskFull);
        assert_eq!(results.len(), 1);
    }
}
