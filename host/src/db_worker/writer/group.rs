//! Single writes under the held writer: one alone, or all who wait in one transaction with one commit.

use driver_api::{
    Connection, DriverError, ErrorClass, ExecuteResult, Outcome, Result, RowRef, TransactionMode,
};

use super::{Member, Write, Writer};
use crate::db_worker::metrics::Metrics;
use crate::db_worker::running_call::RunningCall;
use crate::db_worker::write_records::{Done, Stored, WriteRecords};

/// The writer, held for single writes. Dropping it lets the next one in.
pub(super) struct Held<'w> {
    writer: &'w Writer,
}

impl<'w> Held<'w> {
    pub(super) fn new(writer: &'w Writer) -> Self {
        Self { writer }
    }

    /// The common case: nobody else waits.
    pub(super) fn alone(&self, write: Write<'_>, running: &RunningCall) -> Result<ExecuteResult> {
        let result = self.writer.carry_out(write, running);
        self.count(1);
        result
    }

    /// One transaction for all who wait, a savepoint each, one commit. The answers go out after it.
    pub(super) fn group(&self, own: Write<'_>, others: Vec<Member>) -> Result<ExecuteResult> {
        let writes: Vec<_> = std::iter::once(own)
            .chain(others.iter().map(|other| other.write.as_write()))
            .collect();
        let mut results = Vec::with_capacity(writes.len());
        let committed = {
            let mut opened = self.writer.lock();
            let connection = &mut *opened.connection;
            in_one_transaction(
                connection,
                self.writer.records.as_ref(),
                &writes,
                &mut results,
            )
        };
        match committed {
            Ok(()) => self.count(writes.len()),
            Err(error) => {
                let error = self.writer.judge(error);
                results = self.one_by_one(&writes, &error);
            }
        }
        self.outside_transactions(&writes, &mut results);
        let mut results = results.into_iter();
        let lost = || Err(lost_in_group());
        let own = results.next().unwrap_or_else(lost);
        for other in others {
            other.done(results.next().unwrap_or_else(lost));
        }
        own
    }

    /// The common transaction failed with `error`: with a transaction each, what is wrong with one
    /// does not harm the others.
    fn one_by_one(&self, writes: &[Write<'_>], error: &DriverError) -> Vec<Result<ExecuteResult>> {
        let uncertain = error.outcome() == Outcome::Unknown && !self.writer.remembers_writes();
        let each = |write: &Write<'_>| {
            if uncertain {
                return Err(error.clone());
            }
            self.alone(write.asked_again(), &RunningCall::default())
        };
        writes.iter().map(each).collect()
    }

    /// Runs the statements that a transaction refused, which may be because of the transaction.
    fn outside_transactions(&self, writes: &[Write<'_>], results: &mut [Result<ExecuteResult>]) {
        for (write, result) in writes.iter().zip(results) {
            let refused = |error: &DriverError| error.class() == ErrorClass::TransactionState;
            if result.as_ref().is_err_and(refused) {
                *result = self.alone(*write, &RunningCall::default());
            }
        }
    }

    fn count(&self, writes: usize) {
        Metrics::add(&self.writer.metrics.writes, writes);
        Metrics::count(&self.writer.metrics.commits);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.writer.queue.release();
    }
}

/// Runs each write in a savepoint of its own; `results` get one entry a write. An error is one of the
/// transaction itself, after which nothing was applied.
fn in_one_transaction(
    connection: &mut dyn Connection,
    records: Option<&WriteRecords>,
    writes: &[Write<'_>],
    results: &mut Vec<Result<ExecuteResult>>,
) -> Result<()> {
    connection.begin(TransactionMode::ReadWrite)?;
    let run = |connection: &mut dyn Connection, results: &mut Vec<_>| {
        for write in writes {
            results.push(in_savepoint(connection, records, *write)?);
        }
        Ok(())
    };
    if let Err(error) = run(connection, results) {
        // The engine may have rolled back by itself; what counts is why.
        let _ = connection.rollback();
        return Err(error);
    }
    connection.commit()
}

/// The inner result is that of the write; the outer one is that of the savepoint.
fn in_savepoint(
    connection: &mut dyn Connection,
    records: Option<&WriteRecords>,
    write: Write<'_>,
) -> Result<Result<ExecuteResult>> {
    connection.execute("SAVEPOINT one_write", RowRef::EMPTY)?;
    let run = |connection: &mut dyn Connection| {
        let result = write.run(connection)?;
        Ok(Stored { result, rows: None })
    };
    let done = match records {
        Some(records) => records.within(connection, write.id, run),
        None => run(connection).map(Done::Now),
    };
    if let Err(error) = &done
        && connection
            .execute("ROLLBACK TO one_write", RowRef::EMPTY)
            .is_err()
    {
        // A full disk, for one, takes the whole transaction with it.
        return Err(error.clone());
    }
    connection.execute("RELEASE one_write", RowRef::EMPTY)?;
    Ok(done.map(Done::result))
}

pub(super) fn lost_in_group() -> DriverError {
    DriverError::new(
        ErrorClass::Internal,
        "the write was combined with others and got no answer",
    )
    .with_unknown_outcome()
}

#[cfg(test)]
mod tests {
    use driver_api::{RowBlockRef, RowSink};
    use uuid::Uuid;

    use crate::db_worker::write_records::WriteId;

    use super::*;

    /// A connection whose second write fills the disk, which ends the transaction.
    #[derive(Default)]
    struct FullDisk {
        open: bool,
        writes: u32,
    }

    impl Connection for FullDisk {
        fn query(&mut self, _: &str, _: RowRef<'_>, _: &mut RowSink<'_>) -> Result<()> {
            Ok(())
        }

        fn execute(&mut self, sql: &str, _: RowRef<'_>) -> Result<ExecuteResult> {
            if !self.open {
                return Err(DriverError::new(
                    ErrorClass::TransactionState,
                    "none is open",
                ));
            }
            if sql == "INSERT" {
                self.writes += 1;
                if self.writes == 2 {
                    self.open = false;
                    return Err(DriverError::new(ErrorClass::DiskFull, "the disk is full"));
                }
            }
            Ok(ExecuteResult::default())
        }

        fn execute_many(&mut self, _: &str, _: RowBlockRef<'_>) -> Result<ExecuteResult> {
            Ok(ExecuteResult::default())
        }

        fn begin(&mut self, _: TransactionMode) -> Result<()> {
            self.open = true;
            Ok(())
        }

        fn rollback(&mut self) -> Result<()> {
            Err(DriverError::new(
                ErrorClass::TransactionState,
                "none is open",
            ))
        }

        fn ping(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_that_ends_the_whole_transaction_is_told_as_one_of_all() {
        let id = WriteId {
            client: Uuid::nil(),
            sequence: 1,
            maybe_done: false,
        };
        let write = Write {
            id,
            sql: "INSERT",
            params: &[],
            many: false,
        };
        let mut results = Vec::new();
        let ended = in_one_transaction(&mut FullDisk::default(), None, &[write; 3], &mut results);
        assert_eq!(ended.unwrap_err().class(), ErrorClass::DiskFull);
        assert_eq!(results.len(), 1);
    }
}
