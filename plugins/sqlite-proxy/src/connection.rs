//! A connection through the worker: every call is a request, rows pass through as the blocks they came in.

use std::sync::Arc;

use driver_api::wire::message::{Reply, Request};
use driver_api::{
    CancelHandle, ColumnInfo, Connection, DriverError, ErrorClass, ExecuteResult, Flow, Result,
    RowBlockRef, RowRef, RowSink, StatementDescription, TableInfo, TransactionMode,
};
use uuid::Uuid;

use crate::cancel::ProxyCancel;
use crate::conversation::Conversation;
use crate::error;
use crate::options::ProxyOptions;

pub(crate) struct ProxyConnection {
    options: ProxyOptions,
    /// Names this connection for the worker's record of writes.
    client: String,
    conversation: Conversation,
    /// The number of the last write that was asked for.
    sequence: u64,
    /// The mode of the open transaction.
    transaction: Option<TransactionMode>,
}

impl ProxyConnection {
    pub(crate) fn open(options: ProxyOptions) -> Result<Self> {
        let client = Uuid::new_v4().to_string();
        let conversation = Conversation::open(&options, &client)?;
        Ok(Self {
            options,
            client,
            conversation,
            sequence: 0,
            transaction: None,
        })
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Sends a request whose only answer is `Done`.
    fn ask(&mut self, request: &Request<'_>) -> Result<ExecuteResult> {
        self.conversation.send(request)?;
        match self.conversation.receive()? {
            Reply::Done(result) => Ok(result),
            _ => Err(error::out_of_turn("a statement")),
        }
    }

    fn ask_json<T: serde::de::DeserializeOwned>(&mut self, request: &Request<'_>) -> Result<T> {
        self.conversation.send(request)?;
        match self.conversation.receive()? {
            Reply::Json(json) => serde_json::from_slice(json)
                .map_err(|error| DriverError::new(ErrorClass::Protocol, error.to_string())),
            _ => Err(error::out_of_turn("a question about the catalog")),
        }
    }

    /// A write outside a transaction may have been applied when the worker went away without an
    /// answer; inside one, nothing is applied before the commit.
    fn outcome_of_write<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match self.transaction {
            Some(_) => error,
            None => unknown_if_lost(error),
        })
    }

    /// Takes rows until the last answer. A reader that has enough is told to the worker once, and what
    /// is on its way is passed over.
    fn pass_rows(&mut self, rows: &mut RowSink<'_>) -> Result<()> {
        let mut flow = Flow::Continue;
        let mut told = false;
        loop {
            match self.conversation.receive()? {
                Reply::Header { count, header } => {
                    flow = rows.forward_columns(header, count as usize)?;
                }
                Reply::Block(block) if flow == Flow::Continue => {
                    flow = rows.forward_block(block)?
                }
                Reply::Block(_) if !told => {
                    told = true;
                    self.conversation.send(&Request::Stop)?;
                }
                Reply::Block(_) => {}
                Reply::Done(_) => return Ok(()),
                _ => return Err(error::out_of_turn("a query")),
            }
        }
    }
}

fn unknown_if_lost(error: DriverError) -> DriverError {
    // A worker that goes away in good order says that it did not take the request.
    if error.class() == ErrorClass::ConnectionLost && !error.is_retryable() {
        error.with_unknown_outcome()
    } else {
        error
    }
}

impl Connection for ProxyConnection {
    fn query(&mut self, sql: &str, params: RowRef<'_>, rows: &mut RowSink<'_>) -> Result<()> {
        let params = params.block_bytes();
        self.conversation.send(&Request::Query { sql, params })?;
        self.pass_rows(rows)
    }

    fn execute(&mut self, sql: &str, params: RowRef<'_>) -> Result<ExecuteResult> {
        let request = Request::Execute {
            sequence: self.next_sequence(),
            sql,
            params: params.block_bytes(),
        };
        let result = self.ask(&request);
        self.outcome_of_write(result)
    }

    fn execute_many(&mut self, sql: &str, batch: RowBlockRef<'_>) -> Result<ExecuteResult> {
        let request = Request::ExecuteMany {
            sequence: self.next_sequence(),
            sql,
            batch: batch.as_bytes(),
        };
        let result = self.ask(&request);
        self.outcome_of_write(result)
    }

    fn describe(&mut self, sql: &str) -> Result<StatementDescription> {
        self.ask_json(&Request::Describe { sql })
    }

    fn begin(&mut self, mode: TransactionMode) -> Result<()> {
        self.ask(&Request::Begin(mode))?;
        self.transaction = Some(mode);
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let sequence = self.next_sequence();
        let mode = self.transaction.take();
        let result = self.ask(&Request::Commit { sequence }).map(|_| ());
        match mode {
            Some(TransactionMode::ReadOnly) => result,
            _ => result.map_err(unknown_if_lost),
        }
    }

    fn rollback(&mut self) -> Result<()> {
        self.transaction = None;
        self.ask(&Request::Rollback).map(|_| ())
    }

    fn tables(&mut self) -> Result<Vec<TableInfo>> {
        self.ask_json(&Request::Tables)
    }

    fn columns(&mut self, table: &str) -> Result<Vec<ColumnInfo>> {
        self.ask_json(&Request::Columns { table })
    }

    fn ping(&mut self) -> Result<()> {
        self.ask(&Request::Ping).map(|_| ())
    }

    fn cancel_handle(&self) -> Option<Arc<dyn CancelHandle>> {
        Some(Arc::new(ProxyCancel {
            options: self.options.clone(),
            client: self.client.clone(),
            key: self.conversation.cancel,
        }))
    }
}
