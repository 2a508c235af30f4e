//! The two traits that a driver author implements: `Driver` and `Connection`.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::backup::BackupWatch;
use crate::columns::Column;
use crate::descriptor::DriverDescriptor;
use crate::error::{DriverError, Result};
use crate::options::Options;
use crate::row::{RowBlockRef, RowRef};
use crate::sink::RowSink;

/// A kind of database: makes connections.
///
/// One value of it lives as long as the process. Its methods are called from several threads.
pub trait Driver: Send + Sync + 'static {
    /// What this driver says of itself; the same at every call.
    fn descriptor(&self) -> DriverDescriptor;

    /// Opens a connection.
    ///
    /// `options` fit the schema of the descriptor, defaults filled in. The option `read_only`, where
    /// the descriptor declares it, asks for a connection on which the engine refuses writes.
    ///
    /// # Errors
    /// [`Options`](crate::ErrorClass::Options), [`Access`](crate::ErrorClass::Access),
    /// [`NotFound`](crate::ErrorClass::NotFound), [`Unavailable`](crate::ErrorClass::Unavailable)
    /// and [`Placement`](crate::ErrorClass::Placement) are the usual ones.
    fn connect(&self, options: &Options) -> Result<Box<dyn Connection>>;

    /// Creates the database that `options` name, where it does not exist; returns whether it was
    /// created.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorClass::Unsupported) unless overridden.
    fn create_database(&self, options: &Options) -> Result<bool> {
        let _ = options;
        Err(DriverError::unsupported("the creation of databases"))
    }
}

/// One connection, used by one thread at a time.
///
/// The placeholder for parameters is `?` in every dialect; a driver whose database uses another
/// rewrites it, but never inside strings, quoted identifiers and comments. Every call takes exactly
/// one statement; more than one is refused with [`Syntax`](crate::ErrorClass::Syntax).
///
/// Outside `begin` and `commit` every statement is its own transaction. Transactions are begun and ended by calls:
/// `BEGIN`, `COMMIT` and `ROLLBACK` as statements, and savepoints outside a transaction, are refused with
/// [`TransactionState`](crate::ErrorClass::TransactionState).
///
/// The conformance cases (the feature `testkit`) say the rest.
pub trait Connection: Send {
    /// Runs a statement and pushes its rows into `rows`: first [`RowSink::start`], then each row.
    ///
    /// A statement without a result pushes nothing. When the sink says
    /// [`Flow::Stop`](crate::Flow::Stop), the driver ends the query early and returns `Ok`.
    fn query(&mut self, sql: &str, params: RowRef<'_>, rows: &mut RowSink<'_>) -> Result<()>;

    /// Runs a statement and drops its rows, if it has any.
    fn execute(&mut self, sql: &str, params: RowRef<'_>) -> Result<ExecuteResult>;

    /// Runs a statement once for every row of `batch`, all or nothing.
    ///
    /// `rows_affected` is the sum, `last_insert_id` that of the last row.
    fn execute_many(&mut self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult>;

    /// What a statement takes and gives, without running it.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorClass::Unsupported) unless overridden.
    fn describe(&mut self, sql: &str) -> Result<StatementDescription> {
        let _ = sql;
        Err(DriverError::unsupported("the description of statements"))
    }

    /// Starts a transaction.
    ///
    /// # Errors
    /// [`TransactionState`](crate::ErrorClass::TransactionState) inside one;
    /// [`Unsupported`](crate::ErrorClass::Unsupported) unless overridden.
    fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        let _ = mode;
        Err(DriverError::unsupported("transactions"))
    }

    /// Makes the transaction's changes permanent; they are durable when this returns `Ok`.
    ///
    /// # Errors
    /// [`TransactionState`](crate::ErrorClass::TransactionState) outside a transaction. After any
    /// other error nothing was applied, unless the error says that the outcome is unknown.
    fn commit(&mut self) -> Result<()> {
        Err(DriverError::unsupported("transactions"))
    }

    /// Takes the transaction's changes back.
    ///
    /// # Errors
    /// [`TransactionState`](crate::ErrorClass::TransactionState) outside a transaction.
    fn rollback(&mut self) -> Result<()> {
        Err(DriverError::unsupported("transactions"))
    }

    /// The tables and views, ordered by name.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorClass::Unsupported) unless overridden.
    fn tables(&mut self) -> Result<Vec<TableInfo>> {
        Err(DriverError::unsupported("the catalog"))
    }

    /// The columns of a table in their order.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorClass::NotFound) when there is no such table;
    /// [`Unsupported`](crate::ErrorClass::Unsupported) unless overridden.
    fn columns(&mut self, table: &str) -> Result<Vec<ColumnInfo>> {
        let _ = table;
        Err(DriverError::unsupported("the catalog"))
    }

    /// Makes sure that the database still answers.
    fn ping(&mut self) -> Result<()>;

    /// A handle that stops this connection's running call from another thread; `None` where the
    /// database offers no such thing.
    fn cancel_handle(&self) -> Option<Arc<dyn CancelHandle>> {
        None
    }

    /// Copies the database, as it is at one moment, into the new file `target`, from which it can be opened again.
    ///
    /// `target` is an absolute path on the machine where the driver runs, and only its owner may read the file. It
    /// bears this name only once it is complete, checked and on the disk: after an error there is no file of that
    /// name. Other connections read and write meanwhile.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorClass::AlreadyExists) for a name that is taken,
    /// [`InvalidValue`](crate::ErrorClass::InvalidValue) for one that is not absolute,
    /// [`NotFound`](crate::ErrorClass::NotFound) where its directory is missing,
    /// [`Cancelled`](crate::ErrorClass::Cancelled) when `watch` or a cancel handle stopped it,
    /// [`TransactionState`](crate::ErrorClass::TransactionState) in a transaction,
    /// [`Busy`](crate::ErrorClass::Busy) while another backup is made to the same place;
    /// [`Unsupported`](crate::ErrorClass::Unsupported) unless overridden.
    fn backup(&mut self, target: &Path, watch: &mut BackupWatch<'_>) -> Result<()> {
        let _ = (target, watch);
        Err(DriverError::unsupported("backups"))
    }

    /// Ends the connection where that can fail; called once, before the drop.
    ///
    /// An open transaction is rolled back. Once it is closed, every call but `close` fails with
    /// [`ConnectionLost`](crate::ErrorClass::ConnectionLost); behind the plugin boundary that is seen to.
    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Stops the running call of one connection.
pub trait CancelHandle: Send + Sync {
    /// Asks the database to stop. The stopped call ends with
    /// [`Cancelled`](crate::ErrorClass::Cancelled); without a running call nothing happens.
    fn cancel(&self) -> Result<()>;
}

/// How a transaction is going to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionMode {
    /// One unchanging view of the database; writes are refused.
    ReadOnly,
    /// Reads and writes; takes the write lock at once where the database has a single one.
    ReadWrite,
}

/// What a statement did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecuteResult {
    /// Rows inserted, updated or deleted.
    pub rows_affected: u64,
    /// The generated key of the last inserted row, where the database tells it.
    pub last_insert_id: Option<i64>,
}

/// What a statement takes and gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementDescription {
    /// Number of `?` placeholders.
    pub parameters: u32,
    /// The columns of its result; empty when it has none.
    pub columns: Vec<Column>,
    /// Whether running it changes nothing.
    pub read_only: bool,
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableInfo {
    /// Its name, unquoted.
    pub name: String,
    /// `table`, `view` or `virtual`.
    pub kind: String,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Its name, unquoted.
    pub name: String,
    /// The type as the database names it.
    pub declared_type: String,
    /// Whether null is refused.
    pub not_null: bool,
    /// The default as SQL text.
    pub default: Option<String>,
    /// Its place in the primary key, from 1; `None` outside it.
    pub primary_key: Option<u32>,
}
