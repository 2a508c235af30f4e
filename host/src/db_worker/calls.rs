//! What each request does: which connection it runs on, and what becomes of the session's transaction.

use std::io;
use std::os::unix::net::UnixStream;

use driver_api::wire::message::Request;
use driver_api::{
    Connection, DriverError, ErrorClass, ExecuteResult, Result, RowBlock, RowRef, RowSink,
    TransactionMode,
};
use serde::Serialize;

use super::metrics::Metrics;
use super::readers::ReaderLease;
use super::rows_out::{Failure, RowsOut};
use super::service::Service;
use super::sessions::RunningCall;
use super::store::OpenConnection;
use super::writer::{HeldWriter, Write};

/// What is sent when a request was carried out; rows may have been sent before it.
pub(super) enum Answer {
    /// A statement or a change of the transaction.
    Done(ExecuteResult),
    /// A question about statements or tables.
    Json(Vec<u8>),
}

/// The transaction of a session.
enum Transaction {
    None,
    Write(HeldWriter),
    Read(ReaderLease),
    /// It was rolled back because its owner was idle; the owner has not heard of it yet.
    Expired,
    /// The engine ended it with this error. Nothing but a rollback is carried out until the owner has
    /// taken note: single statements would be transactions of their own.
    Failed(DriverError),
}

/// Answers the requests of one session.
pub(super) struct Calls<'s> {
    service: &'s Service,
    running: &'s RunningCall,
    read_only: bool,
    transaction: Transaction,
    /// Where rows are put by drivers that are not behind a plugin boundary.
    block: RowBlock,
}

impl<'s> Calls<'s> {
    pub(super) fn new(service: &'s Service, running: &'s RunningCall, read_only: bool) -> Self {
        Self {
            service,
            running,
            read_only,
            transaction: Transaction::None,
            block: RowBlock::default(),
        }
    }

    /// Whether others may be waiting for this session's next request.
    pub(super) fn in_transaction(&self) -> bool {
        matches!(
            self.transaction,
            Transaction::Write(_) | Transaction::Read(_)
        )
    }

    /// Rolls the transaction back; the next request is told.
    pub(super) fn expire(&mut self) {
        tracing::warn!("a transaction was rolled back because its owner was idle");
        Metrics::count(&self.service.metrics.idle_rollbacks);
        self.abandon();
        self.transaction = Transaction::Expired;
    }

    /// Answers one request. The outer error means that the client is gone.
    pub(super) fn answer(
        &mut self,
        request: &Request<'_>,
        stream: &UnixStream,
        out: &mut Vec<u8>,
    ) -> io::Result<Result<Answer>> {
        if let Transaction::Expired = self.transaction {
            self.transaction = Transaction::None;
            return Ok(Err(self.idle_error()));
        }
        if let Transaction::Failed(error) = &self.transaction {
            let error = error.clone();
            return Ok(self.answer_after_failure(request, error));
        }
        let answer = match *request {
            Request::Query { sql, params } => self.query(sql, params, stream, out)?,
            _ => self.answer_without_rows(request),
        };
        if let Err(error) = &answer {
            self.look_after_transaction(error);
        }
        Ok(answer)
    }

    /// A transaction that has failed is ended by commit and rollback; the first of them fails with it.
    fn answer_after_failure(
        &mut self,
        request: &Request<'_>,
        error: DriverError,
    ) -> Result<Answer> {
        match request {
            Request::Rollback => {
                self.transaction = Transaction::None;
                Ok(done())
            }
            Request::Commit { .. } => {
                self.transaction = Transaction::None;
                Err(error)
            }
            _ => Err(error),
        }
    }

    /// Some errors take the whole transaction with them: a full disk, a cancelled write, a panic of the
    /// driver, after which the writer has a new connection. A savepoint tells, since drivers refuse it
    /// outside of transactions.
    fn look_after_transaction(&mut self, error: &DriverError) {
        let Transaction::Write(held) = &self.transaction else {
            return;
        };
        let probe = |sql: &str| held.with(|opened| opened.connection.execute(sql, RowRef::EMPTY));
        let gone = error.breaks_connection()
            || probe("SAVEPOINT still_open")
                .and_then(|_| probe("RELEASE still_open"))
                .is_err_and(|probed| probed.class() == ErrorClass::TransactionState);
        if gone {
            self.transaction = Transaction::Failed(error.clone());
        }
    }

    fn answer_without_rows(&mut self, request: &Request<'_>) -> Result<Answer> {
        match *request {
            Request::Execute { sql, params, .. } => self
                .write(Write {
                    sql,
                    params,
                    many: false,
                })
                .map(Answer::Done),
            Request::ExecuteMany { sql, batch, .. } => self
                .write(Write {
                    sql,
                    params: batch,
                    many: true,
                })
                .map(Answer::Done),
            Request::Describe { sql } => self.read_json(|opened| opened.connection.describe(sql)),
            Request::Tables => self.read_json(|opened| opened.connection.tables()),
            Request::Columns { table } => self.read_json(|opened| opened.connection.columns(table)),
            Request::Ping => self
                .read(|opened| opened.connection.ping())
                .map(|()| done()),
            Request::Begin(mode) => self.begin(mode).map(|()| done()),
            Request::Commit { .. } => self.end(|connection| connection.commit()).map(|()| done()),
            Request::Rollback => self
                .end(|connection| connection.rollback())
                .map(|()| done()),
            Request::Cancel(key) => self.service.sessions.cancel(key).map(|()| done()),
            Request::Hello(_) | Request::Query { .. } | Request::Stop => Err(DriverError::new(
                ErrorClass::Protocol,
                "this request does not belong here",
            )),
        }
    }

    /// Runs a query where the session's transaction is, else on a reader; a statement that a reader
    /// refuses because it writes runs again on the writer.
    fn query(
        &mut self,
        sql: &str,
        params: &[u8],
        stream: &UnixStream,
        out: &mut Vec<u8>,
    ) -> io::Result<Result<Answer>> {
        let mut rows = RowsOut::new(stream, out, &self.service.sessions);
        let mut block = std::mem::take(&mut self.block);
        let mut run = |opened: &mut OpenConnection| -> Result<()> {
            let params = RowRef::from_block_bytes(params)?;
            let mut sink = RowSink::new(&mut block, &mut rows);
            opened.connection.query(sql, params, &mut sink)?;
            let _ = sink.finish();
            Ok(())
        };
        let mut result = self.read(&mut run);
        if self.may_run_on_writer(&result) {
            let held = self.service.writer.hold();
            result = on(self.running, &held, &mut run);
        }
        self.block = block;
        match rows.failure {
            Some(Failure::Client(error)) => Err(error),
            Some(Failure::TooLarge(error)) => Ok(Err(error)),
            None => Ok(result.map(|()| done())),
        }
    }

    /// A reader refuses a write before it gives any row.
    fn may_run_on_writer(&self, result: &Result<()>) -> bool {
        let refused = result
            .as_ref()
            .is_err_and(|error| error.class() == ErrorClass::ReadOnly);
        refused && !self.read_only && matches!(self.transaction, Transaction::None)
    }

    fn write(&mut self, write: Write<'_>) -> Result<ExecuteResult> {
        if self.read_only || self.in_transaction() {
            // On a reader the engine itself refuses what writes.
            return self.read(|opened| write.run(&mut *opened.connection));
        }
        self.service.writer.write(write, self.running)
    }

    /// Runs a call on the connection of the session's transaction, else on any reader.
    fn read<T>(&mut self, call: impl FnOnce(&mut OpenConnection) -> Result<T>) -> Result<T> {
        match &mut self.transaction {
            Transaction::Write(held) => on(self.running, held, call),
            Transaction::Read(lease) => on_reader(self.running, lease, call),
            Transaction::None | Transaction::Expired | Transaction::Failed(_) => {
                let mut lease = self.service.readers.lease()?;
                on_reader(self.running, &mut lease, call)
            }
        }
    }

    fn read_json<T: Serialize>(
        &mut self,
        call: impl FnOnce(&mut OpenConnection) -> Result<T>,
    ) -> Result<Answer> {
        let value = self.read(call)?;
        serde_json::to_vec(&value)
            .map(Answer::Json)
            .map_err(|error| DriverError::new(ErrorClass::Internal, error.to_string()))
    }

    fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        if self.in_transaction() {
            return Err(state_error("a transaction is open already; end it first"));
        }
        if mode == TransactionMode::ReadOnly || self.read_only {
            let mut lease = self.service.readers.lease()?;
            on_reader(self.running, &mut lease, |opened| {
                opened.connection.begin(mode)
            })?;
            self.transaction = Transaction::Read(lease);
        } else {
            let held = self.service.writer.hold();
            held.with(|opened| opened.connection.begin(mode))?;
            self.transaction = Transaction::Write(held);
        }
        Ok(())
    }

    /// Ends the transaction. When that fails nothing of it is left open.
    fn end(&mut self, call: impl FnOnce(&mut dyn Connection) -> Result<()>) -> Result<()> {
        if !self.in_transaction() {
            return Err(state_error("no transaction is open; begin one first"));
        }
        let result = self.read(|opened| call(&mut *opened.connection));
        if result.is_err() {
            self.abandon();
        }
        self.transaction = Transaction::None;
        result
    }

    /// Rolls back what is open, and gives the connection back.
    fn abandon(&mut self) {
        if !self.in_transaction() {
            return;
        }
        let rolled_back = self.read(|opened| opened.connection.rollback());
        match rolled_back {
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

    fn idle_error(&self) -> DriverError {
        DriverError::new(
            ErrorClass::IdleTransaction,
            format!(
                "the transaction was rolled back because it was idle for {} s",
                self.service.idle_transaction.as_secs()
            ),
        )
    }
}

/// A client that leaves in the middle of a transaction leaves nothing open.
impl Drop for Calls<'_> {
    fn drop(&mut self) {
        self.abandon();
    }
}

fn on<T>(
    running: &RunningCall,
    held: &HeldWriter,
    call: impl FnOnce(&mut OpenConnection) -> Result<T>,
) -> Result<T> {
    held.with(|opened| running.during(opened.cancel.clone(), || call(opened)))
}

fn on_reader<T>(
    running: &RunningCall,
    lease: &mut ReaderLease,
    call: impl FnOnce(&mut OpenConnection) -> Result<T>,
) -> Result<T> {
    let result = running.during(lease.cancel.clone(), || call(lease));
    if result.as_ref().is_err_and(DriverError::breaks_connection) {
        lease.discard();
    }
    result
}

fn done() -> Answer {
    Answer::Done(ExecuteResult::default())
}

fn state_error(message: &str) -> DriverError {
    DriverError::new(ErrorClass::TransactionState, message)
}
