//! Queries: rows that leave as they come, and those of a write, which leave after its commit.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use driver_api::{Connection, DriverError, ErrorClass, ExecuteResult, Result, RowRef, RowSink};

use super::{Answer, Calls, Transaction, done};
use crate::db_worker::rows_out::{Failure, RowsOut};
use crate::db_worker::write_records::{Done, MOST_ROW_BYTES, Stored};

impl Calls {
    /// Runs a query where the session's transaction is, else on a reader; a statement that a reader
    /// refuses because it writes runs again on the writer.
    pub(super) fn query(
        &mut self,
        sequence: u64,
        sql: &str,
        params: &[u8],
        stream: &Arc<UnixStream>,
        out: &mut Vec<u8>,
    ) -> io::Result<Result<Answer>> {
        let on_writer = matches!(self.transaction, Transaction::Write(_));
        let service = Arc::clone(&self.service);
        let readers = (!on_writer).then_some(&*service.readers);
        let mut rows = RowsOut::new(stream, out, readers, &service.sessions);
        let mut block = std::mem::take(&mut self.block);
        let mut run = |connection: &mut dyn Connection, rows: &mut RowsOut<'_>| -> Result<()> {
            let params = RowRef::from_block_bytes(params)?;
            let mut sink = RowSink::new(&mut block, rows);
            connection.query(sql, params, &mut sink)?;
            let _ = sink.finish();
            Ok(())
        };
        let mut result = self.read(|opened| run(&mut *opened.connection, &mut rows));
        {
            let _resting = self.rest(stream);
            rows.finish();
        }
        if self.may_run_on_writer(&result) {
            result = self.write_with_rows(sequence, &mut rows, run);
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

    /// Runs a query that writes. Its rows leave after the commit, unless they are too many to be held
    /// back.
    fn write_with_rows(
        &mut self,
        sequence: u64,
        rows: &mut RowsOut<'_>,
        mut run: impl FnMut(&mut dyn Connection, &mut RowsOut<'_>) -> Result<()>,
    ) -> Result<()> {
        let id = self.next_write(sequence);
        let held = self.service.writer.hold(&self.running)?;
        rows.hold_back();
        let done = held.once(id, &self.running, |connection| {
            run(connection, rows)?;
            if rows.failure.is_some() {
                // Nobody could take the rows, so that the write is taken back.
                return Err(DriverError::new(
                    ErrorClass::Cancelled,
                    "the rows could not be delivered",
                ));
            }
            Ok(Stored {
                result: ExecuteResult::default(),
                rows: rows.held().map(<[u8]>::to_vec),
            })
        });
        drop(held);
        match done.inspect_err(|_| rows.drop_held())? {
            Done::Now(_) => Ok(()),
            Done::Before(Stored {
                rows: Some(first), ..
            }) => {
                rows.give(&first);
                Ok(())
            }
            Done::Before(Stored { rows: None, .. }) => Err(rows_are_gone()),
        }
    }
}

fn rows_are_gone() -> DriverError {
    DriverError::new(
        ErrorClass::LimitExceeded,
        "the write was applied, but the DB worker ended before its rows were delivered",
    )
    .with_detail(format!(
        "up to {MOST_ROW_BYTES} bytes of rows are kept for a client that asks again"
    ))
    .with_unknown_outcome()
}
