//! The connection: every call of the driver interface, on one SQLite connection.

use std::path::Path;
use std::sync::Arc;

use driver_api::{
    BackupWatch, CancelHandle, ColumnInfo, Connection, DriverError, ErrorClass, ExecuteResult,
    Result, RowBlockRef, RowRef, RowSink, StatementDescription, TableInfo, TransactionMode,
};
use rusqlite::CachedStatement;

use crate::authorizer::{Authorizer, Phase};
use crate::cancel::Cancel;
use crate::error::{during_commit, from_sqlite};
use crate::header::{self, Headers};
use crate::options::SqliteOptions;
use crate::statement::{self, Before};
use crate::{backup, catalog, open, transaction};

/// One connection to the database file.
pub(crate) struct SqliteConnection {
    /// `None` once it is closed.
    database: Option<rusqlite::Connection>,
    /// Shared with the engine's hook.
    authorizer: Arc<Authorizer>,
    /// Shared with whoever may cancel.
    cancel: Arc<Cancel>,
    headers: Headers,
    /// Whether the open transaction may only read; without meaning outside one.
    reads_only: bool,
}

impl SqliteConnection {
    /// Opens the file that `options` name.
    pub(crate) fn open(options: &SqliteOptions) -> Result<Self> {
        let mut database = open::open(options)?;
        Ok(Self {
            authorizer: Authorizer::install(&mut database)?,
            cancel: Cancel::install(&mut database)?,
            database: Some(database),
            headers: Headers::default(),
            reads_only: false,
        })
    }

    /// A call that runs the driver's own statements.
    fn own_call<T>(&mut self, run: impl FnOnce(&rusqlite::Connection) -> Result<T>) -> Result<T> {
        let database = self.database.as_ref().ok_or_else(closed)?;
        self.cancel.start_call();
        run(database)
    }

    /// A call that runs a client's statement.
    fn client_call<T>(
        &mut self,
        run: impl FnOnce(&Client<'_>, &mut Headers) -> Result<T>,
    ) -> Result<T> {
        let database = self.database.as_ref().ok_or_else(closed)?;
        self.cancel.start_call();
        let in_transaction = !database.is_autocommit();
        let client = Client {
            database,
            authorizer: &self.authorizer,
            cancel: &self.cancel,
            reads_only: in_transaction && self.reads_only,
        };
        let result = run(&client, &mut self.headers);
        self.authorizer.enter(Phase::Driver);
        match result {
            Ok(value) => no_transaction_left(database, in_transaction).map(|()| value),
            Err(error) => Err(add_context(
                database,
                in_transaction,
                self.authorizer.explain(error),
            )),
        }
    }
}

fn closed() -> DriverError {
    DriverError::new(ErrorClass::ConnectionLost, "the connection is closed")
}

/// A savepoint outside a transaction opens one, which nobody would end.
fn no_transaction_left(database: &rusqlite::Connection, in_transaction: bool) -> Result<()> {
    if in_transaction || database.is_autocommit() {
        return Ok(());
    }
    transaction::abandon(database);
    Err(transaction::state(
        "a savepoint needs an open transaction",
        "25P01",
    ))
}

/// Some errors end the transaction around the statement; a statement without one was a commit.
#[cold]
fn add_context(
    database: &rusqlite::Connection,
    in_transaction: bool,
    error: DriverError,
) -> DriverError {
    if !in_transaction {
        return during_commit(error);
    }
    if database.is_autocommit() && error.detail().is_none() {
        return error.with_detail("the whole transaction was rolled back");
    }
    error
}

/// What a client's statement runs on.
struct Client<'c> {
    database: &'c rusqlite::Connection,
    authorizer: &'c Authorizer,
    cancel: &'c Cancel,
    reads_only: bool,
}

impl<'c> Client<'c> {
    /// Compiles a client's statement under the authorizer.
    fn prepare(&self, sql: &str) -> Result<CachedStatement<'c>> {
        self.authorizer.enter(Phase::Client);
        let statement = statement::prepare(self.database, sql)?;
        self.authorizer.enter(Phase::Running);
        Ok(statement)
    }

    /// Compiles a client's statement that is going to be run.
    fn prepare_to_run(&self, sql: &str) -> Result<CachedStatement<'c>> {
        let statement = self.prepare(sql)?;
        // The engine's own verdict on the compiled statement. Its pragma `query_only` would do the
        // same, but makes the engine compile every cached statement again.
        if self.reads_only && !statement.readonly() {
            return Err(DriverError::new(
                ErrorClass::ReadOnly,
                "the open transaction may only read",
            )
            .with_sqlstate("25006"));
        }
        Ok(statement)
    }

    /// Runs `work` as a whole or not at all.
    fn atomic<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.authorizer.enter(Phase::Driver);
        transaction::atomic(self.database, || {
            self.authorizer.enter(Phase::Running);
            let result = work();
            self.authorizer.enter(Phase::Driver);
            result
        })
    }

    fn run_batch(&self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult> {
        let mut statement = self.prepare_to_run(sql)?;
        statement::check_count(&statement, batch.columns())?;
        self.atomic(|| {
            let mut total = ExecuteResult::default();
            for row in batch.iter() {
                self.cancel.check()?;
                let before = Before::of(self.database);
                statement::bind(&mut statement, row?)?;
                statement::drain(&mut statement)?;
                let done = before.result(self.database, sql);
                total.rows_affected += done.rows_affected;
                total.last_insert_id = done.last_insert_id;
            }
            Ok(total)
        })
    }
}

impl Connection for SqliteConnection {
    fn query(&mut self, sql: &str, params: RowRef<'_>, rows: &mut RowSink<'_>) -> Result<()> {
        self.client_call(|client, headers| {
            let mut statement = client.prepare_to_run(sql)?;
            statement::bind(&mut statement, params)?;
            let gives_changes = !statement.readonly() && statement.column_count() > 0;
            let mut stream = || {
                statement::stream(&mut statement, rows, |statement, rows| {
                    headers.announce(client.authorizer.compilations(), statement, sql, rows)
                })
            };
            // A row of RETURNING that cannot be given takes the change back with it.
            if gives_changes {
                client.atomic(stream)
            } else {
                stream()
            }
        })
    }

    fn execute(&mut self, sql: &str, params: RowRef<'_>) -> Result<ExecuteResult> {
        self.client_call(|client, _| {
            let mut statement = client.prepare_to_run(sql)?;
            statement::bind(&mut statement, params)?;
            let before = Before::of(client.database);
            statement::drain(&mut statement)?;
            Ok(before.result(client.database, sql))
        })
    }

    fn execute_many(&mut self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult> {
        self.client_call(|client, _| client.run_batch(sql, batch))
    }

    fn describe(&mut self, sql: &str) -> Result<StatementDescription> {
        self.client_call(|client, _| {
            let statement = client.prepare(sql)?;
            Ok(StatementDescription {
                parameters: u32::try_from(statement.parameter_count()).unwrap_or(u32::MAX),
                columns: header::describe(&statement),
                read_only: statement.readonly(),
            })
        })
    }

    fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        self.own_call(|database| transaction::begin(database, mode))?;
        self.reads_only = mode == TransactionMode::ReadOnly;
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.own_call(transaction::commit)
    }

    fn rollback(&mut self) -> Result<()> {
        self.own_call(transaction::rollback)
    }

    fn tables(&mut self) -> Result<Vec<TableInfo>> {
        self.own_call(catalog::tables)
    }

    fn columns(&mut self, table: &str) -> Result<Vec<ColumnInfo>> {
        self.own_call(|database| catalog::columns(database, table))
    }

    fn ping(&mut self) -> Result<()> {
        self.own_call(|database| statement::run(database, transaction::READ_SOMETHING))
    }

    fn cancel_handle(&self) -> Option<Arc<dyn CancelHandle>> {
        Some(Arc::clone(&self.cancel) as Arc<dyn CancelHandle>)
    }

    fn backup(&mut self, target: &Path, watch: &mut BackupWatch<'_>) -> Result<()> {
        let database = self.database.as_ref().ok_or_else(closed)?;
        self.cancel.start_call();
        backup::backup(database, &self.cancel, target, watch)
    }

    fn close(&mut self) -> Result<()> {
        let Some(database) = self.database.take() else {
            return Ok(());
        };
        // The engine rolls an open transaction back.
        database.close().map_err(|(_, error)| from_sqlite(error))
    }
}
