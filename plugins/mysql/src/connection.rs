//! The connection: every call of the driver interface, on one connection to the server.

use std::sync::Arc;

use driver_api::{
    CancelHandle, ColumnInfo, Connection, DriverError, ErrorClass, ExecuteResult, Result,
    RowBlockRef, RowRef, RowSink, StatementDescription, TableInfo, TransactionMode,
};

use crate::bulk::{self, Insert};
use crate::cancel::{Asked, Cancel, cancelled};
use crate::error::as_lost;
use crate::options::MysqlOptions;
use crate::policy::Kind;
use crate::server::Server;
use crate::statement::{Prepared, Run, Statements};
use crate::transaction::{self, Transaction};
use crate::{catalog, parameter, session, sql};

/// One connection to a server.
pub(crate) struct MysqlConnection {
    /// `None` once it is closed.
    server: Option<Server>,
    statements: Statements,
    transaction: Transaction,
    /// Shared with whoever may cancel.
    cancel: Arc<Cancel>,
}

impl MysqlConnection {
    /// Connects as `options` say.
    pub(crate) fn open(options: MysqlOptions) -> Result<Self> {
        let server = session::open(&options)?;
        Ok(Self {
            statements: Statements::new(options.statement_cache),
            transaction: Transaction::default(),
            cancel: Arc::new(Cancel::new(&options, &server)),
            server: Some(server),
        })
    }

    #[cfg(test)]
    pub(crate) fn statements_kept(&self) -> usize {
        self.statements.len()
    }

    #[cfg(test)]
    pub(crate) fn client(&mut self) -> &mut mysql::Conn {
        &mut self.server.as_mut().unwrap().client
    }

    /// The call of one statement. Of a query that may run twice without harm nobody need wonder whether it was carried
    /// out: it is sent without a look at the connection first, which costs a call of the system.
    fn call_statement<T>(
        &mut self,
        sql: &str,
        run: impl FnOnce(&mut Client<'_>) -> Result<T>,
    ) -> Result<T> {
        if self.statements.has_harmless(sql) {
            self.call_unseen(run)
        } else {
            self.call(run)
        }
    }

    /// A call: usable before it, and nothing left over for the next.
    fn call<T>(&mut self, run: impl FnOnce(&mut Client<'_>) -> Result<T>) -> Result<T> {
        let server = self.server.as_mut().ok_or_else(closed)?;
        server.require_usable(self.transaction.is_open())?;
        self.call_unseen(run)
    }

    fn call_unseen<T>(&mut self, run: impl FnOnce(&mut Client<'_>) -> Result<T>) -> Result<T> {
        let server = self.server.as_mut().ok_or_else(closed)?;
        server.require_unbroken()?;
        self.cancel.start_call();
        let mut client = Client {
            server,
            statements: &mut self.statements,
            transaction: &mut self.transaction,
            cancel: &self.cancel,
            unkillable: false,
        };
        let result = run(&mut client);
        let (unkillable, asked) = (client.unkillable, self.cancel.end_call());
        if asked.kill_sent {
            server.absorb_kill();
        }
        after_request(result, asked, unkillable)
    }
}

/// `SLEEP` and some other functions answer a request to stop with a value, as if they had ended.
fn after_request<T>(result: Result<T>, asked: Asked, unkillable: bool) -> Result<T> {
    if asked.to_stop && asked.kill_sent && result.is_ok() && !unkillable {
        return Err(cancelled());
    }
    result
}

fn closed() -> DriverError {
    DriverError::new(ErrorClass::ConnectionLost, "the connection is closed")
}

/// What a call works on.
struct Client<'c> {
    server: &'c mut Server,
    statements: &'c mut Statements,
    transaction: &'c mut Transaction,
    cancel: &'c Cancel,
    /// Whether what was done stays done although somebody asked for its end.
    unkillable: bool,
}

impl Client<'_> {
    /// Runs a client's statement.
    fn run(
        &mut self,
        sql: &str,
        params: RowRef<'_>,
        rows: Option<&mut RowSink<'_>>,
    ) -> Result<ExecuteResult> {
        self.transaction.require_sound()?;
        let alone = !self.transaction.is_open();
        let prepared = self.statements.prepare(self.server, sql)?;
        let (kind, harmless) = (prepared.kind, prepared.harmless);
        check_state(*self.transaction, kind)?;
        prepared.check_count(params.len())?;
        let mut cells = Vec::with_capacity(params.len());
        parameter::append(params, &mut cells)?;
        // A SELECT may have called a function that writes: what it did stays done, and so it is told.
        self.unkillable = !prepared.waits;
        let gives_changes = prepared.gives_changes;
        let cancel = self.cancel;
        let only_reads = self.transaction.only_reads();
        let run = |server: &mut Server, prepared: &mut Prepared| {
            let mut run = Run {
                server,
                cancel,
                only_reads,
            };
            run.run(prepared, cells, rows)
        };
        // A row of RETURNING that cannot be given takes the change back with it.
        let done = if gives_changes {
            self.transaction
                .atomic(self.server, cancel, |server| run(server, prepared))
        } else {
            run(self.server, prepared)
        };
        done.map_err(|error| {
            if !error.breaks_connection() {
                return self.transaction.note(self.server, error);
            }
            if harmless {
                return as_lost(error).retryable();
            }
            // The statement was a transaction of its own, and its answer is missing.
            match alone && !gives_changes {
                true => error.with_unknown_outcome(),
                false => error,
            }
        })
    }

    /// A transaction that was started stays open, whoever asked for its end: the caller must know of it.
    fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        self.unkillable = true;
        self.transaction.begin(self.server, mode)
    }

    fn run_batch(&mut self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult> {
        self.transaction.require_sound()?;
        let prepared = self.statements.prepare(self.server, sql)?;
        check_state(*self.transaction, prepared.kind)?;
        if prepared.kind == Kind::Schema {
            return Err(commits_by_itself());
        }
        prepared.check_count(batch.columns())?;
        // It is committed, or released into the open transaction, when it succeeds.
        self.unkillable = true;
        let insert = match prepared.kind {
            Kind::Write if batch.columns() > 0 => Insert::of(sql::only_statement(sql)?)?,
            _ => None,
        };
        let (statements, cancel) = (&mut *self.statements, self.cancel);
        let only_reads = self.transaction.only_reads();
        let done = self.transaction.atomic(self.server, cancel, |server| {
            let mut run = Run {
                server,
                cancel,
                only_reads,
            };
            match &insert {
                Some(insert) => bulk::insert(&mut run, statements, insert, batch),
                None => one_by_one(&mut run, statements, sql, batch),
            }
        });
        done.map_err(|error| self.transaction.note(self.server, error))
    }
}

fn one_by_one(
    run: &mut Run<'_>,
    statements: &mut Statements,
    sql: &str,
    batch: RowBlockRef<'_>,
) -> Result<ExecuteResult> {
    let mut total = ExecuteResult::default();
    let prepared = statements.prepare(run.server, sql)?;
    for row in batch.iter() {
        let mut cells = Vec::with_capacity(batch.columns());
        parameter::append(row?, &mut cells)?;
        let done = run.run(prepared, cells, None)?;
        total.rows_affected += done.rows_affected;
        total.last_insert_id = done.last_insert_id;
    }
    Ok(total)
}

/// Refuses what the transaction does not allow, or what does not leave it as it is.
fn check_state(transaction: Transaction, kind: Kind) -> Result<()> {
    match kind {
        Kind::Schema if transaction.only_reads() => Err(DriverError::new(
            ErrorClass::ReadOnly,
            "the open transaction may only read",
        )
        .with_sqlstate("25006")),
        Kind::Schema if transaction.is_open() => Err(commits_by_itself()),
        Kind::Savepoint if !transaction.is_open() => Err(transaction::state(
            "a savepoint needs an open transaction",
            "25P01",
        )),
        _ => Ok(()),
    }
}

fn commits_by_itself() -> DriverError {
    transaction::state("the statement would commit the open transaction", "25001").with_detail(
        "this server commits before it changes the schema: run it outside a transaction",
    )
}

impl Connection for MysqlConnection {
    fn query(&mut self, sql: &str, params: RowRef<'_>, rows: &mut RowSink<'_>) -> Result<()> {
        self.call_statement(sql, |client| {
            client.run(sql, params, Some(rows)).map(|_| ())
        })
    }

    fn execute(&mut self, sql: &str, params: RowRef<'_>) -> Result<ExecuteResult> {
        self.call_statement(sql, |client| client.run(sql, params, None))
    }

    fn execute_many(&mut self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult> {
        self.call(|client| client.run_batch(sql, batch))
    }

    fn describe(&mut self, sql: &str) -> Result<StatementDescription> {
        self.call(|client| {
            let prepared = client.statements.prepare(client.server, sql)?;
            Ok(prepared.describe())
        })
    }

    fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        self.call(|client| client.begin(mode))
    }

    fn commit(&mut self) -> Result<()> {
        self.call(|client| {
            client.unkillable = true;
            client.transaction.commit(client.server)
        })
    }

    fn rollback(&mut self) -> Result<()> {
        self.call(|client| {
            client.unkillable = true;
            client.transaction.rollback(client.server)
        })
    }

    fn tables(&mut self) -> Result<Vec<TableInfo>> {
        self.call(|client| catalog::tables(client.server))
    }

    fn columns(&mut self, table: &str) -> Result<Vec<ColumnInfo>> {
        self.call(|client| catalog::columns(client.server, table))
    }

    fn ping(&mut self) -> Result<()> {
        self.call(|client| client.server.ping())
    }

    fn cancel_handle(&self) -> Option<Arc<dyn CancelHandle>> {
        Some(Arc::clone(&self.cancel) as Arc<dyn CancelHandle>)
    }

    fn close(&mut self) -> Result<()> {
        // The server rolls an open transaction back when the client says goodbye.
        self.server = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use driver_api::{CancelHandle as _, Connection as _, TransactionMode, Value};
    use test_needs::needs;

    use crate::testing::TestDatabase;

    #[needs(mariadb)]
    #[test]
    fn a_transaction_whose_start_was_cancelled_too_late_is_open_and_known_to_be() {
        let mut database = TestDatabase::new();
        database.run(&["CREATE TABLE t(a INT)"]);
        let begun = database.connection.call(|client| {
            let begun = client.begin(TransactionMode::ReadWrite);
            client.cancel.cancel()?;
            begun
        });
        assert_eq!(begun, Ok(()));
        database.run(&["INSERT INTO t VALUES (1)"]);
        let mut other = database.again();
        assert_eq!(other.value("SELECT count(*) FROM t", []), Value::I64(0));
        database.connection.commit().unwrap();
        assert_eq!(other.value("SELECT count(*) FROM t", []), Value::I64(1));
    }

    #[needs(mariadb)]
    #[test]
    fn a_request_that_comes_after_the_last_step_of_its_call_is_taken_up() {
        let mut database = TestDatabase::new();
        for number in 0..20 {
            let stopped = database
                .connection
                .call(|client| client.cancel.stop_statement(true));
            assert_eq!(stopped, Ok(()));
            assert_eq!(
                database.value("SELECT ? + SLEEP(0.001)", [number.into()]),
                Value::I64(number)
            );
        }
    }
}
