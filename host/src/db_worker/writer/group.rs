//! Single writes under the held writer: one alone, or all who wait in one transaction with one commit.

use driver_api::{
    Connection, DriverError, ErrorClass, ExecuteResult, Outcome, Result, RowRef, TransactionMode,
};

use super::{Member, Write, Writer};
use crate::db_worker::metrics::Metrics;
use crate::db_worker::store::OpenConnection;
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
    pub(super) fn alone(&self, write: Write<'_>) -> Result<ExecuteResult> {
        let result = self.writer.carry_out(write);
        self.count(1);
        result
    }

    /// One transaction for the caller's writes and all who wait, a savepoint each, one commit. The answers go out after
    /// it; those of the caller are returned.
    pub(super) fn group(
        &self,
        own: &[Write<'_>],
        others: Vec<Member>,
    ) -> Vec<Result<ExecuteResult>> {
        let waiting = others.iter().map(|other| other.write.as_write());
        let writes: Vec<_> = own.iter().copied().chain(waiting).collect();
        let own_count = own.len();
        let mut results = Vec::with_capacity(writes.len());
        let committed = {
            let mut opened = self.writer.lock();
            let records = self.writer.records.as_ref();
            // Savepoints cost half as much as the writes, and are of use only where one fails.
            match all_or_none(&mut opened, records, &writes) {
                Ok(Some(all)) => {
                    results = all;
                    opened.connection.commit()
                }
                Ok(None) => in_one_transaction(&mut opened, records, &writes, &mut results),
                Err(error) => Err(error),
            }
        };
        match committed {
            Ok(()) => self.count(writes.len()),
            Err(error) => {
                let error = self.writer.judge(error);
                results = self.one_by_one(&writes, &error);
            }
        }
        self.outside_transactions(&writes, &mut results);
        let mut own = results;
        let mut waiting = own.split_off(own.len().min(own_count)).into_iter();
        for other in others {
            other.done(waiting.next().unwrap_or_else(|| Err(lost_in_group())));
        }
        own.resize_with(own_count, || Err(lost_in_group()));
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
            self.alone(write.asked_again())
        };
        writes.iter().map(each).collect()
    }

    /// Runs the statements that a transaction refused, which may be because of the transaction.
    fn outside_transactions(&self, writes: &[Write<'_>], results: &mut [Result<ExecuteResult>]) {
        for (write, result) in writes.iter().zip(results) {
            let refused = |error: &DriverError| error.class() == ErrorClass::TransactionState;
            if result.as_ref().is_err_and(refused) {
                *result = self.alone(*write);
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

/// Runs the writes in a transaction that is left open; `None`, and no transaction, where one of them fails. An error is
/// one that is not the fault of a write.
fn all_or_none(
    opened: &mut OpenConnection,
    records: Option<&WriteRecords>,
    writes: &[Write<'_>],
) -> Result<Option<Vec<Result<ExecuteResult>>>> {
    opened.connection.begin(TransactionMode::ReadWrite)?;
    let run = |write: &Write<'_>| with_record(opened, records, *write).map(Done::result);
    let results: Result<Vec<_>> = writes.iter().map(run).collect();
    match results {
        Ok(results) => Ok(Some(results.into_iter().map(Ok).collect())),
        Err(error) => {
            // The engine may have rolled back by itself.
            let _ = opened.connection.rollback();
            match error.class() == ErrorClass::Io || error.breaks_connection() {
                true => Err(error),
                false => Ok(None),
            }
        }
    }
}

/// Carries out a write and notes it, in the open transaction.
fn with_record(
    opened: &mut OpenConnection,
    records: Option<&WriteRecords>,
    write: Write<'_>,
) -> Result<Done> {
    let cancel = opened.cancel.clone();
    let run = |connection: &mut dyn Connection| {
        let run = || write.run(connection);
        let result = write.running.during(cancel.clone(), run)?;
        Ok(Stored { result, rows: None })
    };
    let connection = &mut *opened.connection;
    match records {
        Some(records) => records.within(connection, write.id, run),
        None => run(connection).map(Done::Now),
    }
}

/// Runs each write in a savepoint of its own; `results` get one entry a write. An error is one of the
/// transaction itself, after which nothing was applied.
fn in_one_transaction(
    opened: &mut OpenConnection,
    records: Option<&WriteRecords>,
    writes: &[Write<'_>],
    results: &mut Vec<Result<ExecuteResult>>,
) -> Result<()> {
    opened.connection.begin(TransactionMode::ReadWrite)?;
    let run = |opened: &mut OpenConnection, results: &mut Vec<_>| {
        for write in writes {
            results.push(in_savepoint(opened, records, *write)?);
        }
        Ok(())
    };
    if let Err(error) = run(opened, results) {
        // The engine may have rolled back by itself; what counts is why.
        let _ = opened.connection.rollback();
        return Err(error);
    }
    opened.connection.commit()
}

/// The inner result is that of the write; the outer one is that of the savepoint.
fn in_savepoint(
    opened: &mut OpenConnection,
    records: Option<&WriteRecords>,
    write: Write<'_>,
) -> Result<Result<ExecuteResult>> {
    let execute = |opened: &mut OpenConnection, sql| opened.connection.execute(sql, RowRef::EMPTY);
    execute(opened, "SAVEPOINT one_write")?;
    let done = with_record(opened, records, write);
    if let Err(error) = &done
        && execute(opened, "ROLLBACK TO one_write").is_err()
    {
        // A full disk, for one, takes the whole transaction with it; so does a cancel.
        return Err(error.clone());
    }
    execute(opened, "RELEASE one_write")?;
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
    use std::sync::Arc;

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
            running: &Arc::default(),
        };
        let mut opened = OpenConnection {
            connection: Box::new(FullDisk::default()),
            cancel: None,
        };
        let mut results = Vec::new();
        let ended = in_one_transaction(&mut opened, None, &[write; 3], &mut results);
        assert_eq!(ended.unwrap_err().class(), ErrorClass::DiskFull);
        assert_eq!(results.len(), 1);
    }
}
