//! The connection: every call of the driver interface, on one session of the server.

use std::sync::Arc;

use driver_api::{
    CancelHandle, ColumnInfo, Connection, DriverError, ErrorClass, ExecuteResult, Result,
    RowBlockRef, RowRef, RowSink, StatementDescription, TableInfo, TransactionMode,
};
use tokio_postgres::Client;

use crate::cancel::Cancel;
use crate::error::{self, during_commit};
use crate::options::PostgresOptions;
use crate::pump::{self, Pump, Session};
use crate::statement::Step;
use crate::statements::{Prepared, Statements};
use crate::stream::{self, Rest};
use crate::transaction::{self, Open, Scope};
use crate::types::Sort;
use crate::{bulk, catalog};

/// One session.
pub(crate) struct PostgresConnection {
    /// `None` once it is closed.
    live: Option<Live>,
    /// Shared with whoever may cancel.
    cancel: Arc<Cancel>,
}

/// A session that is not closed.
struct Live {
    client: Client,
    pump: Pump,
    statements: Statements,
    transaction: Option<Open>,
    /// Whether every statement must run in a transaction that reads only.
    read_only: bool,
}

impl PostgresConnection {
    /// Starts a session with the server that `options` name.
    pub(crate) fn open(options: &PostgresOptions) -> Result<Self> {
        let cancel = Arc::new(Cancel::default());
        let Session {
            client,
            pump,
            standby,
            ..
        } = pump::start(options, Arc::clone(&cancel))?;
        if standby && !options.read_only {
            let message = format!("the server at {} is a read-only standby", options.address);
            return Err(DriverError::new(ErrorClass::ReadOnly, message)
                .with_detail("set `host` to the primary server, or `read_only` to read here")
                .with_sqlstate("25006"));
        }
        let live = Live {
            client,
            pump,
            statements: Statements::new(options.statement_cache),
            transaction: None,
            read_only: options.read_only,
        };
        Ok(Self {
            live: Some(live),
            cancel,
        })
    }

    /// A call that its caller may stop.
    fn call<T>(&mut self, run: impl FnOnce(&mut Live) -> Result<T>) -> Result<T> {
        self.cancel.start_call();
        self.finish_call(run)
    }

    /// A call that is done to its end.
    fn short_call<T>(&mut self, run: impl FnOnce(&mut Live) -> Result<T>) -> Result<T> {
        self.cancel.end_call();
        self.finish_call(run)
    }

    fn finish_call<T>(&mut self, run: impl FnOnce(&mut Live) -> Result<T>) -> Result<T> {
        let live = self.live.as_mut().ok_or_else(error::closed)?;
        let result = run(live);
        self.cancel.end_call();
        if live.pump.take_refused()
            && let Some(open) = &mut live.transaction
        {
            open.failed = true;
        }
        result
    }
}

impl Live {
    /// Runs a client's statement by `run`; once again where the tables behind a prepared statement
    /// have changed.
    fn statement<T>(
        &mut self,
        sql: &str,
        params: RowRef<'_>,
        mut run: impl FnMut(&mut Self, &Prepared) -> Result<T>,
    ) -> Result<T> {
        let prepared = self.prepare(sql, params)?;
        match self.run_prepared(&prepared, &mut run) {
            Err(error) if is_stale(&error) => {
                self.statements.clear();
                if self.transaction.is_some() {
                    return Err(error);
                }
                let prepared = self.prepare(sql, params)?;
                self.run_prepared(&prepared, &mut run)
            }
            result => result,
        }
    }

    fn prepare(&mut self, sql: &str, params: RowRef<'_>) -> Result<Arc<Prepared>> {
        let Self {
            client,
            pump,
            statements,
            ..
        } = self;
        statements.get_for(client, pump, sql, params)
    }

    fn run_prepared<T>(
        &mut self,
        prepared: &Prepared,
        run: &mut impl FnMut(&mut Self, &Prepared) -> Result<T>,
    ) -> Result<T> {
        let step = prepared.shape.step;
        if self.transaction.is_none() && step != Step::Ordinary {
            return Err(transaction::state(
                "a savepoint needs an open transaction",
                "25P01",
            ));
        }
        let value = run(self, prepared)?;
        if step == Step::RollbackTo {
            self.transaction = Some(Open::default());
        }
        Ok(value)
    }

    /// Runs `work` in a transaction of its own where the statement cannot be one by itself: on a
    /// connection that only reads, so that no setting lets it write; and where a row that cannot be
    /// given shall take the change back.
    fn guarded<T>(
        &mut self,
        prepared: &Prepared,
        work: impl FnOnce(&Client, &mut Pump) -> Result<T>,
    ) -> Result<T> {
        let Self { client, pump, .. } = self;
        let scope = match prepared.shape.harmless {
            _ if self.transaction.is_some() => return work(client, pump),
            _ if self.read_only => Scope::Reading,
            true => return work(client, pump),
            false if may_fail_late(prepared) => Scope::Transaction,
            false => {
                pump.check_session()?;
                return work(client, pump).map_err(during_commit);
            }
        };
        transaction::atomic(client, pump, scope, |pump| work(client, pump))
    }

    fn run_batch(&mut self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult> {
        let Self {
            client,
            pump,
            statements,
            transaction,
            read_only,
        } = self;
        let scope = match (transaction, read_only) {
            (Some(_), _) => Scope::Savepoint,
            (None, true) => Scope::Reading,
            (None, false) => Scope::Transaction,
        };
        transaction::atomic(client, pump, scope, |pump| {
            bulk::run(client, pump, statements, sql, batch)
        })
    }

    fn rest(&self, prepared: &Prepared) -> Rest {
        let nothing_to_undo = self.read_only || prepared.shape.harmless;
        match nothing_to_undo && self.transaction.is_none() {
            true => Rest::Stop,
            false => Rest::Drop,
        }
    }
}

/// Whether the statement may change rows, and gives values of which some cannot be given.
fn may_fail_late(prepared: &Prepared) -> bool {
    let rare = |sort: &Sort| matches!(sort, Sort::Date | Sort::Timestamp | Sort::TimestampTz);
    !prepared.shape.harmless && prepared.columns.iter().any(rare)
}

/// Whether the prepared statement no longer fits.
fn is_stale(error: &DriverError) -> bool {
    error.class() == ErrorClass::Conflict && matches!(error.sqlstate(), Some("0A000" | "26000"))
}

impl Connection for PostgresConnection {
    fn query(&mut self, sql: &str, params: RowRef<'_>, rows: &mut RowSink<'_>) -> Result<()> {
        self.call(|live| {
            live.statement(sql, params, |live, prepared| {
                let params = prepared.bind(params)?;
                let rest = live.rest(prepared);
                live.guarded(prepared, |client, pump| {
                    stream::query(client, pump, prepared, &params, rest, rows)
                })
            })
        })
    }

    fn execute(&mut self, sql: &str, params: RowRef<'_>) -> Result<ExecuteResult> {
        self.call(|live| {
            live.statement(sql, params, |live, prepared| {
                let params = prepared.bind(params)?;
                live.guarded(prepared, |client, pump| {
                    stream::execute(client, pump, prepared, &params)
                })
            })
        })
    }

    fn execute_many(&mut self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult> {
        self.call(|live| match live.run_batch(sql, batch) {
            Err(error) if is_stale(&error) => {
                live.statements.clear();
                match live.transaction {
                    Some(_) => Err(error),
                    None => live.run_batch(sql, batch),
                }
            }
            result => result,
        })
    }

    fn describe(&mut self, sql: &str) -> Result<StatementDescription> {
        self.call(|live| {
            let Live {
                client,
                pump,
                statements,
                ..
            } = live;
            Ok(statements.get(client, pump, sql)?.description())
        })
    }

    fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        self.call(|live| {
            if live.transaction.is_some() {
                return Err(transaction::state("a transaction is open already", "25001"));
            }
            let open = transaction::begin(&live.client, &mut live.pump, mode, live.read_only)?;
            live.transaction = Some(open);
            Ok(())
        })
    }

    fn commit(&mut self) -> Result<()> {
        self.short_call(|live| {
            let open = live.transaction.take().ok_or_else(none_open)?;
            transaction::commit(&live.client, &mut live.pump, open)
        })
    }

    fn rollback(&mut self) -> Result<()> {
        self.short_call(|live| {
            live.transaction.take().ok_or_else(none_open)?;
            transaction::rollback(&live.client, &mut live.pump)
        })
    }

    fn tables(&mut self) -> Result<Vec<TableInfo>> {
        self.call(|live| catalog::tables(&live.client, &mut live.pump))
    }

    fn columns(&mut self, table: &str) -> Result<Vec<ColumnInfo>> {
        self.call(|live| catalog::columns(&live.client, &mut live.pump, table))
    }

    fn ping(&mut self) -> Result<()> {
        self.call(|live| transaction::run(&live.client, &mut live.pump, "SELECT 1"))
    }

    fn cancel_handle(&self) -> Option<Arc<dyn CancelHandle>> {
        Some(Arc::clone(&self.cancel) as Arc<dyn CancelHandle>)
    }

    fn close(&mut self) -> Result<()> {
        let Some(live) = self.live.take() else {
            return Ok(());
        };
        let Live {
            client,
            mut pump,
            statements,
            ..
        } = live;
        // The server rolls an open transaction back when the client says goodbye.
        drop(statements);
        drop(client);
        pump.finish();
        Ok(())
    }
}

fn none_open() -> DriverError {
    transaction::state("no transaction is open", "25P01")
}
