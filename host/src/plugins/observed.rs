//! A loaded driver with what the host wants to know of it: counts, the call that runs, and a note of it for others.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use driver_api::{
    BackupWatch, CancelHandle, ColumnInfo, Connection, Driver, DriverDescriptor, DriverError,
    ErrorClass, ExecuteResult, Options, Result, RowBlockRef, RowRef, RowSink, StatementDescription,
    TableInfo, TransactionMode,
};
use serde::Serialize;

use super::call_note::CallNote;
use super::last_words::Accused;

/// Which call of a driver runs in a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId {
    /// Number of the connection, unique in this process; 0 for calls of the driver itself.
    pub connection: u64,
    /// Number of the call, unique in this process.
    pub query: u64,
}

/// A call of a driver that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) id: CallId,
    /// The method.
    pub(super) what: &'static str,
    /// Whom the end of this process would be put down to; `None` in a worker, whose host sees to that.
    pub(super) accused: Option<Accused>,
}

thread_local! {
    /// What a driver says in its log belongs to this call, and so does a signal that ends the process. The handler of
    /// that signal reads it, so that it is no more than a cell.
    static RUNNING: Cell<Option<Running>> = const { Cell::new(None) };
}

/// The call of a driver that runs in this thread.
pub fn running_call() -> Option<CallId> {
    running().map(|running| running.id)
}

/// As [`running_call`], with what the handler of a signal wants to know.
pub(super) fn running() -> Option<Running> {
    RUNNING.get()
}

/// Counts of a driver since it was loaded.
#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    open: AtomicU64,
    calls: AtomicU64,
    errors: AtomicU64,
    panics: AtomicU64,
}

/// Counts of a driver in this process since it was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DriverMetrics {
    /// Connections that were opened.
    pub connections: u64,
    /// Connections that are open now.
    pub open_connections: u64,
    /// Calls, of the driver and of its connections.
    pub calls: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Calls that panicked; they are among the errors.
    pub panics: u64,
}

/// A driver whose calls are seen.
pub struct ObservedDriver {
    driver: Arc<dyn Driver>,
    seen: Arc<Seen>,
}

/// What is seen of all calls.
struct Seen {
    counters: Counters,
    /// Where the running call is noted for the case that it ends the process.
    note: Option<CallNote>,
    accused: Option<Accused>,
}

static LAST_CONNECTION: AtomicU64 = AtomicU64::new(0);
static LAST_QUERY: AtomicU64 = AtomicU64::new(0);

fn next(last: &AtomicU64) -> u64 {
    last.fetch_add(1, Ordering::Relaxed) + 1
}

impl Seen {
    fn during<T>(
        &self,
        what: &'static str,
        connection: u64,
        call: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let id = CallId {
            connection,
            query: next(&LAST_QUERY),
        };
        if let Some(note) = &self.note {
            note.begin(what, id);
        }
        let before = RUNNING.replace(Some(Running {
            id,
            what,
            accused: self.accused,
        }));
        let result = call();
        RUNNING.set(before);
        self.counters.calls.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = &result {
            self.count_error(error);
        }
        result
    }

    fn count_error(&self, error: &DriverError) {
        self.counters.errors.fetch_add(1, Ordering::Relaxed);
        if error.class() == ErrorClass::Panic {
            self.counters.panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl ObservedDriver {
    /// Sees to this driver; `note` is for processes whose end is looked into.
    pub fn new(driver: Arc<dyn Driver>, note: Option<CallNote>) -> Self {
        Self::seen(driver, note, None)
    }

    /// Sees to this driver, which answers for the end of this process during one of its calls.
    pub(super) fn answering(driver: Arc<dyn Driver>, accused: Accused) -> Self {
        Self::seen(driver, None, Some(accused))
    }

    fn seen(driver: Arc<dyn Driver>, note: Option<CallNote>, accused: Option<Accused>) -> Self {
        let seen = Seen {
            counters: Counters::default(),
            note,
            accused,
        };
        Self {
            driver,
            seen: Arc::new(seen),
        }
    }

    /// The counts so far.
    pub fn metrics(&self) -> DriverMetrics {
        let counters = &self.seen.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DriverMetrics {
            connections: read(&counters.connections),
            open_connections: read(&counters.open),
            calls: read(&counters.calls),
            errors: read(&counters.errors),
            panics: read(&counters.panics),
        }
    }
}

impl Driver for ObservedDriver {
    fn descriptor(&self) -> DriverDescriptor {
        self.driver.descriptor()
    }

    fn connect(&self, options: &Options) -> Result<Box<dyn Connection>> {
        let id = next(&LAST_CONNECTION);
        let connection = self
            .seen
            .during("connect", id, || self.driver.connect(options))?;
        self.seen
            .counters
            .connections
            .fetch_add(1, Ordering::Relaxed);
        self.seen.counters.open.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(ObservedConnection {
            connection,
            seen: Arc::clone(&self.seen),
            id,
        }))
    }

    fn create_database(&self, options: &Options) -> Result<bool> {
        self.seen.during("create_database", 0, || {
            self.driver.create_database(options)
        })
    }
}

/// A connection whose calls are seen.
struct ObservedConnection {
    connection: Box<dyn Connection>,
    seen: Arc<Seen>,
    id: u64,
}

impl ObservedConnection {
    fn during<T>(
        &mut self,
        what: &'static str,
        call: impl FnOnce(&mut dyn Connection) -> Result<T>,
    ) -> Result<T> {
        let connection = &mut *self.connection;
        self.seen.during(what, self.id, || call(connection))
    }
}

impl Connection for ObservedConnection {
    fn query(&mut self, sql: &str, params: RowRef<'_>, rows: &mut RowSink<'_>) -> Result<()> {
        self.during("query", |connection| connection.query(sql, params, rows))
    }

    fn execute(&mut self, sql: &str, params: RowRef<'_>) -> Result<ExecuteResult> {
        self.during("execute", |connection| connection.execute(sql, params))
    }

    fn execute_many(&mut self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult> {
        self.during("execute_many", |connection| {
            connection.execute_many(sql, batch)
        })
    }

    fn describe(&mut self, sql: &str) -> Result<StatementDescription> {
        self.during("describe", |connection| connection.describe(sql))
    }

    fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        self.during("begin", |connection| connection.begin(mode))
    }

    fn commit(&mut self) -> Result<()> {
        self.during("commit", |connection| connection.commit())
    }

    fn rollback(&mut self) -> Result<()> {
        self.during("rollback", |connection| connection.rollback())
    }

    fn tables(&mut self) -> Result<Vec<TableInfo>> {
        self.during("tables", |connection| connection.tables())
    }

    fn columns(&mut self, table: &str) -> Result<Vec<ColumnInfo>> {
        self.during("columns", |connection| connection.columns(table))
    }

    fn ping(&mut self) -> Result<()> {
        self.during("ping", |connection| connection.ping())
    }

    /// Not a call of the database: it is not counted.
    fn cancel_handle(&self) -> Option<Arc<dyn CancelHandle>> {
        self.connection.cancel_handle()
    }

    fn backup(&mut self, target: &Path, watch: &mut BackupWatch<'_>) -> Result<()> {
        self.during("backup", |connection| connection.backup(target, watch))
    }

    fn close(&mut self) -> Result<()> {
        self.during("close", |connection| connection.close())
    }
}

impl Drop for ObservedConnection {
    fn drop(&mut self) {
        self.seen.counters.open.fetch_sub(1, Ordering::Relaxed);
    }
}
