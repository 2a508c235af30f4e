//! The one writing connection: single writes, combined where they wait, and interactive transactions.

mod group;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use driver_api::{Connection, DriverError, ErrorClass, ExecuteResult, Result, RowBlockRef, RowRef};
use uuid::Uuid;

use super::metrics::Metrics;
use super::process_limits;
use super::running_call::RunningCall;
use super::storage_failure;
use super::store::{OpenConnection, Store};
use super::write_queue::{GroupMember, Turn, WriteQueue};
use super::write_records::{Done, Stored, WriteId, WriteRecords};
use group::{Held, lost_in_group};

/// One write of one statement, as it came from the client.
#[derive(Clone, Copy)]
pub(super) struct Write<'a> {
    pub(super) id: WriteId,
    pub(super) sql: &'a str,
    /// A block: the parameters of one execution, or of many.
    pub(super) params: &'a [u8],
    /// Whether the statement runs once for every row of `params`.
    pub(super) many: bool,
    /// Through which it can be cancelled.
    pub(super) running: &'a Arc<RunningCall>,
}

/// A write that waits, and that another session may carry out.
struct WaitingWrite {
    id: WriteId,
    sql: String,
    params: Vec<u8>,
    many: bool,
    running: Arc<RunningCall>,
}

type Member = GroupMember<WaitingWrite, Result<ExecuteResult>>;

/// The writing connection and the queue for it.
pub(super) struct Writer {
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    queue: WriteQueue<WaitingWrite, Result<ExecuteResult>>,
    /// Locked only by whoever holds the writer, as the queue says.
    connection: Mutex<OpenConnection>,
    /// `None` where the driver has no transactions, or the records cannot be kept.
    records: Option<WriteRecords>,
    /// Clients that said good-bye and still have a record.
    gone: Mutex<Vec<Uuid>>,
}

impl Writer {
    /// Opens the writing connection.
    pub(super) fn open(
        store: Arc<Store>,
        metrics: Arc<Metrics>,
        records: Option<WriteRecords>,
    ) -> Result<Self> {
        let mut opened = store.open_writer()?;
        let records = records.filter(|records| {
            let prepared = records.prepare(&mut *opened.connection);
            if let Err(error) = &prepared {
                tracing::warn!(%error, "writes are not recorded: one whose answer is lost has an unknown outcome");
            }
            prepared.is_ok()
        });
        Ok(Self {
            store,
            metrics,
            queue: WriteQueue::new(),
            connection: Mutex::new(opened),
            records,
            gone: Mutex::default(),
        })
    }

    /// Whether a write that is asked again is not done again.
    pub(super) fn remembers_writes(&self) -> bool {
        self.records.is_some()
    }

    /// Carries out a single write; it is committed when this returns `Ok`.
    pub(super) fn write(&self, write: Write<'_>) -> Result<ExecuteResult> {
        match self.queue.enter(write.running, || write.to_waiting())? {
            Turn::Done(result) => result,
            Turn::Lost => Err(lost_in_group()),
            Turn::Yours(others) => {
                let held = Held::new(self);
                if others.is_empty() {
                    held.alone(write)
                } else {
                    let mut results = held.group(&[write], others).into_iter();
                    results.next().unwrap_or_else(|| Err(lost_in_group()))
                }
            }
        }
    }

    /// Carries out single writes that have come at the same time, and those that wait, in one transaction. Each has its
    /// result in the same place. `None` where somebody has the writer.
    pub(super) fn write_together(
        &self,
        writes: &[Write<'_>],
    ) -> Option<Vec<Result<ExecuteResult>>> {
        let free = self.queue.enter_at_once();
        free.then(|| Held::new(self).group(writes, self.queue.take_group()))
    }

    /// Waits for the writer and keeps it: for an interactive transaction, or a write with rows.
    ///
    /// # Errors
    /// [`ErrorClass::Cancelled`] where `running` was cancelled.
    pub(super) fn hold(self: &Arc<Self>, running: &RunningCall) -> Result<HeldWriter> {
        self.queue.enter_alone(running)?;
        let held = HeldWriter {
            writer: Arc::clone(self),
        };
        running.go_on()?;
        Ok(held)
    }

    /// Notes that a client asks for nothing again.
    pub(super) fn say_good_bye(&self, client: Uuid) {
        self.lock_gone().push(client);
    }

    /// Removes the records of clients that said good-bye, and old ones.
    pub(super) fn forget_gone(self: &Arc<Self>) {
        let Some(records) = &self.records else { return };
        let gone = std::mem::take(&mut *self.lock_gone());
        let forgotten = self
            .hold(&RunningCall::default())
            .and_then(|held| held.with(|opened| records.forget(&mut *opened.connection, &gone)));
        if let Err(error) = forgotten {
            // They are old in a day.
            tracing::warn!(%error, "records of clients that are gone could not be removed");
        }
    }

    /// Whether [`forget_gone`](Self::forget_gone) would remove the record of a client.
    pub(super) fn has_gone(&self) -> bool {
        !self.lock_gone().is_empty()
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

    fn lock_gone(&self) -> MutexGuard<'_, Vec<Uuid>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out a single write in a transaction of its own.
    fn carry_out(&self, write: Write<'_>) -> Result<ExecuteResult> {
        let result = self.once(write.id, write.running, |connection| {
            let result = write.run(connection)?;
            Ok(Stored { result, rows: None })
        });
        result.map(Done::result)
    }

    /// Runs `work` on the writing connection so that it takes effect once, however often the client
    /// asks for it. The caller holds the writer.
    fn once(
        &self,
        id: WriteId,
        running: &RunningCall,
        mut work: impl FnMut(&mut dyn Connection) -> Result<Stored>,
    ) -> Result<Done> {
        let result = {
            let mut opened = self.lock();
            let cancel = opened.cancel.clone();
            let mut work = |connection: &mut dyn Connection| {
                running.during(cancel.clone(), || work(connection))
            };
            let connection = &mut *opened.connection;
            let recorded = match &self.records {
                Some(records) => records.once(connection, id, &mut work),
                None => work(connection).map(Done::Now),
            };
            match recorded {
                // Statements such as VACUUM run outside transactions only. They leave no record:
                // asked again, they run again.
                Err(error) if error.class() == ErrorClass::TransactionState => {
                    work(connection).map(Done::Now)
                }
                other => other,
            }
        };
        result.map_err(|error| self.judge(error))
    }

    /// Does what an error demands of the worker: nothing, a new connection, or the end. The result is
    /// what the client hears.
    fn judge(&self, error: DriverError) -> DriverError {
        if error.class() == ErrorClass::Io {
            if !process_limits::limits_file_size() {
                storage_failure::end_worker(&error);
            }
            // The log is cut back to its last commit.
            return DriverError::new(ErrorClass::DiskFull, "a file of the database cannot grow")
                .with_detail(format!("the size of files is limited (ulimit -f): {error}"))
                .with_sqlstate("53100");
        }
        if error.breaks_connection() {
            self.reopen(&error);
        }
        error
    }

    fn reopen(&self, cause: &DriverError) {
        tracing::error!(%cause, "the writing connection broke and is opened anew");
        match self.store.open_writer() {
            Ok(opened) => *self.lock() = opened,
            Err(error) => storage_failure::end_worker(&error),
        }
    }
}

impl Write<'_> {
    fn to_waiting(self) -> WaitingWrite {
        WaitingWrite {
            id: self.id,
            sql: self.sql.to_owned(),
            params: self.params.to_owned(),
            many: self.many,
            running: Arc::clone(self.running),
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

    /// The same write, which may have been carried out before.
    fn asked_again(mut self) -> Self {
        self.id.maybe_done = true;
        self
    }
}

impl WaitingWrite {
    fn as_write(&self) -> Write<'_> {
        Write {
            id: self.id,
            sql: &self.sql,
            params: &self.params,
            many: self.many,
            running: &self.running,
        }
    }
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
        result.map_err(|error| self.writer.judge(error))
    }

    /// Runs `work` so that it takes effect once, however often the client asks for it.
    pub(super) fn once(
        &self,
        id: WriteId,
        running: &RunningCall,
        work: impl FnMut(&mut dyn Connection) -> Result<Stored>,
    ) -> Result<Done> {
        self.writer.once(id, running, work)
    }

    /// Commits the open transaction, and its record with it.
    pub(super) fn commit(&self, id: WriteId) -> Result<()> {
        self.with(|opened| {
            if let Some(records) = &self.writer.records {
                records.put(&mut *opened.connection, id, &Stored::default())?;
            }
            opened.connection.commit()
        })
    }

    /// Whether this very write was carried out before.
    pub(super) fn was_done(&self, id: WriteId) -> Result<bool> {
        let Some(records) = &self.writer.records else {
            return Ok(false);
        };
        self.with(|opened| records.find(&mut *opened.connection, id))
            .map(|found| found.is_some())
    }
}

impl Drop for HeldWriter {
    fn drop(&mut self) {
        self.writer.queue.release();
    }
}
