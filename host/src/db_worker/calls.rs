//! What each request does: which connection it runs on, and what becomes of the session's transaction.

mod backup;
mod overdue;
mod queries;
mod transactions;

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use driver_api::wire::message::Request;
use driver_api::{DriverError, ErrorClass, ExecuteResult, Result, RowBlock, RowRef};
use serde::Serialize;
use uuid::Uuid;

use super::metrics::Metrics;
use super::readers::{ReaderLease, Rest};
use super::running_call::RunningCall;
use super::service::Service;
use super::store::OpenConnection;
use super::write_records::{TABLE, WriteId};
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
pub(super) struct Calls {
    service: Arc<Service>,
    running: Arc<RunningCall>,
    client: Uuid,
    read_only: bool,
    /// Whether the client has asked for a write in this session. Its first one may have been carried
    /// out already, by a worker that ended before it could answer.
    wrote: bool,
    transaction: Transaction,
    /// Where rows are put by drivers that are not behind a plugin boundary.
    block: RowBlock,
}

impl Calls {
    pub(super) fn new(
        service: Arc<Service>,
        running: Arc<RunningCall>,
        client: Uuid,
        read_only: bool,
    ) -> Self {
        Self {
            service,
            running,
            client,
            read_only,
            wrote: false,
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

    /// The client ends, and asks for nothing again.
    pub(super) fn say_good_bye(&self) {
        if self.wrote {
            self.service.writer.say_good_bye(self.client);
        }
    }

    /// The session waits for its client's next request: a reader that it has rests until what is returned is dropped.
    pub(super) fn rest(&self, stream: &Arc<UnixStream>) -> Option<Rest<'_>> {
        let reads = matches!(self.transaction, Transaction::Read(_));
        reads.then(|| self.service.readers.rest(stream))
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
        stream: &Arc<UnixStream>,
        out: &mut Vec<u8>,
    ) -> io::Result<Result<Answer>> {
        self.running.begin_request();
        let answer = self.find_answer(request, stream, out);
        self.running.end_request();
        answer
    }

    fn find_answer(
        &mut self,
        request: &Request<'_>,
        stream: &Arc<UnixStream>,
        out: &mut Vec<u8>,
    ) -> io::Result<Result<Answer>> {
        self.end_overdue_transaction();
        if let Transaction::Expired = self.transaction {
            self.transaction = Transaction::None;
            return Ok(Err(self.idle_error()));
        }
        if let Transaction::Failed(error) = &self.transaction {
            let error = error.clone();
            return Ok(self.answer_after_failure(request, error));
        }
        let answer = match *request {
            Request::Query {
                sequence,
                sql,
                params,
            } => self.query(sequence, sql, params, stream, out)?,
            Request::Backup { target } => self.backup(target, stream, out)?,
            _ => self.answer_without_rows(request),
        };
        let answer = answer.map_err(|error| self.explain_overdue(error));
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
            Request::Execute {
                sequence,
                sql,
                params,
            } => self.write(sequence, sql, params, false),
            Request::ExecuteMany {
                sequence,
                sql,
                batch,
            } => self.write(sequence, sql, batch, true),
            Request::Describe { sql } => self.read_json(|opened| opened.connection.describe(sql)),
            Request::Tables => self.read_json(|opened| {
                let mut tables = opened.connection.tables()?;
                tables.retain(|table| table.name != TABLE);
                Ok(tables)
            }),
            Request::Columns { table } => self.read_json(|opened| opened.connection.columns(table)),
            Request::Ping => self
                .read(|opened| opened.connection.ping())
                .map(|()| done()),
            Request::Begin(mode) => self.begin(mode).map(|()| done()),
            Request::Commit { sequence } => self.commit(sequence).map(|()| done()),
            Request::Rollback => self.rollback().map(|()| done()),
            Request::Cancel(key) => self.service.sessions.cancel(key).map(|()| done()),
            Request::Hello(_)
            | Request::Query { .. }
            | Request::Backup { .. }
            | Request::Stop
            | Request::GoOn
            | Request::Bye => Err(DriverError::new(
                ErrorClass::Protocol,
                "this request does not belong here",
            )),
        }
    }

    /// Names the write with this number.
    fn next_write(&mut self, sequence: u64) -> WriteId {
        let maybe_done = !self.wrote;
        self.wrote = true;
        WriteId {
            client: self.client,
            sequence,
            maybe_done,
        }
    }

    /// Names a single write that may be combined with those of others; `None` where it is to be answered by itself.
    pub(super) fn begin_single_write(&mut self, sequence: u64, sql: &str) -> Option<WriteId> {
        let plain = matches!(self.transaction, Transaction::None)
            && !self.read_only
            && !begins_savepoint(sql);
        plain.then(|| {
            self.running.begin_request();
            self.next_write(sequence)
        })
    }

    fn write(&mut self, sequence: u64, sql: &str, params: &[u8], many: bool) -> Result<Answer> {
        let id = self.next_write(sequence);
        let write = Write {
            id,
            sql,
            params,
            many,
            running: &Arc::clone(&self.running),
        };
        let result = if self.read_only || self.in_transaction() {
            // On a reader the engine itself refuses what writes.
            self.read(|opened| write.run(&mut *opened.connection))
        } else if begins_savepoint(sql) {
            // A single write has a transaction of its own, in which the engine would take it.
            Err(state_error("a savepoint needs an open transaction"))
        } else {
            self.service.writer.write(write)
        };
        result.map(Answer::Done)
    }

    /// Runs a call on the connection of the session's transaction, else on any reader.
    fn read<T>(&mut self, call: impl FnOnce(&mut OpenConnection) -> Result<T>) -> Result<T> {
        match &mut self.transaction {
            Transaction::Write(held) => on(&self.running, held, call),
            Transaction::Read(lease) => on_reader(&self.running, lease, call),
            Transaction::None | Transaction::Expired | Transaction::Failed(_) => {
                let mut lease = self.service.readers.lease()?;
                on_reader(&self.running, &mut lease, call)
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
impl Drop for Calls {
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
    let result = running.during_read(lease.cancel.clone(), || call(lease));
    if result.as_ref().is_err_and(DriverError::breaks_connection) {
        lease.discard();
    }
    result
}

fn done() -> Answer {
    Answer::Done(ExecuteResult::default())
}

fn begins_savepoint(sql: &str) -> bool {
    const WORD: &str = "SAVEPOINT";
    sql.trim_start()
        .get(..WORD.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(WORD))
}

fn no_transaction() -> DriverError {
    state_error("no transaction is open; begin one first")
}

fn state_error(message: &str) -> DriverError {
    DriverError::new(ErrorClass::TransactionState, message)
}
