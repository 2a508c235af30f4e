//! The last write of every client, stored in the transaction of its effect: asked again, it is not done again.
//!
//! A client has one write in flight, so one row for each client is enough. The row goes when the
//! client says good-bye, or a day later.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use driver_api::{
    Connection, Dialect, DriverDescriptor, DriverError, ErrorClass, ExecuteResult, Result,
    RowBlock, RowRef, TransactionMode, ValueRef,
};
use uuid::Uuid;

use super::rows_in::each_row;

/// The table of the last writes. It lies in the database of the clients, who do not see it in the
/// catalog.
pub(super) const TABLE: &str = "code_analysis_worker_writes";

/// Rows of clients that went without a word are kept for so long.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// More rows than this many bytes of a writing query are not kept for a client that asks again.
pub(super) const MOST_ROW_BYTES: usize = 256 * 1024;

const FIND: &str = "SELECT sequence, rows_affected, last_insert_id, answer \
     FROM code_analysis_worker_writes WHERE client = ?";
const UPDATE: &str = "UPDATE code_analysis_worker_writes SET sequence = ?, rows_affected = ?, \
     last_insert_id = ?, answer = ?, written_at = ? WHERE client = ? AND sequence < ?";
const INSERT: &str = "INSERT INTO code_analysis_worker_writes \
     (sequence, rows_affected, last_insert_id, answer, written_at, client) VALUES (?, ?, ?, ?, ?, ?)";
const FORGET: &str = "DELETE FROM code_analysis_worker_writes WHERE client = ?";
const FORGET_OLD: &str =
    "DELETE FROM code_analysis_worker_writes WHERE written_at < ? OR written_at > ?";

/// Which write it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriteId {
    pub(super) client: Uuid,
    /// The client's number for it.
    pub(super) sequence: u64,
    /// Whether it may have been carried out before: the client has just connected.
    pub(super) maybe_done: bool,
}

/// What a write did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) result: ExecuteResult,
    /// For a query its rows as frames, unless they were too many.
    pub(super) rows: Option<Vec<u8>>,
}

/// A write that is carried out, and when that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Now(Stored),
    /// When it was asked for the first time.
    Before(Stored),
}

impl Done {
    /// What the write did, whenever that was.
    pub(super) fn result(self) -> ExecuteResult {
        match self {
            Self::Now(stored) | Self::Before(stored) => stored.result,
        }
    }
}

/// The statements for the table; all but the first are the same in every dialect.
#[derive(Debug)]
pub(super) struct WriteRecords {
    create: &'static str,
}

impl WriteRecords {
    /// `None` where the driver has no transactions that a record could be part of, or the types of
    /// its database are not known.
    pub(super) fn of(descriptor: &DriverDescriptor) -> Option<Self> {
        let create = match descriptor.dialect {
            Dialect::Sqlite => {
                "CREATE TABLE code_analysis_worker_writes (client BLOB PRIMARY KEY, \
                 sequence INTEGER NOT NULL, rows_affected INTEGER NOT NULL, last_insert_id INTEGER, \
                 answer BLOB, written_at INTEGER NOT NULL) WITHOUT ROWID"
            }
            Dialect::Postgres => {
                "CREATE TABLE code_analysis_worker_writes (client BYTEA PRIMARY KEY, \
                 sequence BIGINT NOT NULL, rows_affected BIGINT NOT NULL, last_insert_id BIGINT, \
                 answer BYTEA, written_at BIGINT NOT NULL)"
            }
            Dialect::Mysql => {
                "CREATE TABLE code_analysis_worker_writes (client VARBINARY(16) PRIMARY KEY, \
                 sequence BIGINT NOT NULL, rows_affected BIGINT NOT NULL, last_insert_id BIGINT, \
                 answer LONGBLOB, written_at BIGINT NOT NULL)"
            }
            Dialect::Generic => return None,
        };
        descriptor
            .capabilities
            .transactions
            .then_some(Self { create })
    }

    /// Creates the table where it is missing.
    pub(super) fn prepare(&self, connection: &mut dyn Connection) -> Result<()> {
        match self.row_of(connection, Uuid::nil()) {
            Err(error) if error.class() == ErrorClass::NotFound => {
                connection.execute(self.create, RowRef::EMPTY).map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }

    /// Runs `work` and stores what it did, in one transaction; unless it was done before.
    pub(super) fn once(
        &self,
        connection: &mut dyn Connection,
        id: WriteId,
        work: impl FnMut(&mut dyn Connection) -> Result<Stored>,
    ) -> Result<Done> {
        connection.begin(TransactionMode::ReadWrite)?;
        let done = self.within(connection, id, work);
        if let Ok(Done::Now(_)) = done {
            connection.commit()?;
        } else {
            // After some errors the engine has rolled back by itself; what counts is why.
            let _ = connection.rollback();
        }
        done
    }

    /// As [`once`](Self::once) within the open transaction, of which an error leaves parts behind.
    pub(super) fn within(
        &self,
        connection: &mut dyn Connection,
        id: WriteId,
        mut work: impl FnMut(&mut dyn Connection) -> Result<Stored>,
    ) -> Result<Done> {
        if id.maybe_done
            && let Some(stored) = self.find(connection, id)?
        {
            return Ok(Done::Before(stored));
        }
        let stored = work(connection)?;
        self.put(connection, id, &stored)?;
        Ok(Done::Now(stored))
    }

    /// What this very write did when it was carried out; `None` if it was not.
    pub(super) fn find(
        &self,
        connection: &mut dyn Connection,
        id: WriteId,
    ) -> Result<Option<Stored>> {
        let last = self.row_of(connection, id.client)?;
        Ok(last
            .filter(|(sequence, _)| *sequence == id.sequence.cast_signed())
            .map(|(_, stored)| stored))
    }

    /// Stores what a write did, in the open transaction.
    ///
    /// # Errors
    /// The driver's, and [`ErrorClass::Conflict`] when the client has asked for this or a later write
    /// on another connection, and got it.
    pub(super) fn put(
        &self,
        connection: &mut dyn Connection,
        id: WriteId,
        stored: &Stored,
    ) -> Result<()> {
        let sequence = ValueRef::I64(id.sequence.cast_signed());
        let row = [
            sequence,
            ValueRef::I64(stored.result.rows_affected.cast_signed()),
            stored
                .result
                .last_insert_id
                .map_or(ValueRef::Null, ValueRef::I64),
            stored
                .rows
                .as_deref()
                .map_or(ValueRef::Null, ValueRef::Bytes),
            ValueRef::I64(now()),
            ValueRef::Bytes(id.client.as_bytes()),
        ];
        let updated = run(connection, UPDATE, row.into_iter().chain([sequence]));
        match updated {
            Ok(result) if result.rows_affected > 0 => return Ok(()),
            // Somebody has dropped the table.
            Err(error) if error.class() == ErrorClass::NotFound => {
                connection.execute(self.create, RowRef::EMPTY)?;
            }
            other => {
                other?;
            }
        }
        match run(connection, INSERT, row) {
            Err(error) if error.class() == ErrorClass::Constraint => Err(overtaken()),
            other => other.map(|_| ()),
        }
    }

    /// Removes the rows of clients that said good-bye, and those that are old.
    pub(super) fn forget(&self, connection: &mut dyn Connection, gone: &[Uuid]) -> Result<()> {
        connection.begin(TransactionMode::ReadWrite)?;
        let forgotten = forget_in_transaction(connection, gone);
        if forgotten.is_err() {
            let _ = connection.rollback();
            return forgotten;
        }
        connection.commit()
    }

    /// The number and the effect of a client's last write.
    fn row_of(
        &self,
        connection: &mut dyn Connection,
        client: Uuid,
    ) -> Result<Option<(i64, Stored)>> {
        let mut params = RowBlock::of_params([ValueRef::Bytes(client.as_bytes())]);
        let mut found = None;
        each_row(connection, FIND, params.view().row(0)?, |row| {
            found = Some(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }
}

fn forget_in_transaction(connection: &mut dyn Connection, gone: &[Uuid]) -> Result<()> {
    let mut clients = RowBlock::new(1);
    for client in gone {
        clients.push_row([ValueRef::Bytes(client.as_bytes())]);
    }
    if !gone.is_empty() {
        connection.execute_many(FORGET, clients.view())?;
    }
    let (now, kept) = (now(), KEPT_FOR.as_secs().cast_signed());
    // Rows from the future were written before somebody set the clock right.
    let limits = [now - kept, now + kept].map(ValueRef::I64);
    run(connection, FORGET_OLD, limits).map(|_| ())
}

fn run<'v>(
    connection: &mut dyn Connection,
    sql: &str,
    params: impl IntoIterator<Item = ValueRef<'v>>,
) -> Result<ExecuteResult> {
    let mut params = RowBlock::of_params(params);
    connection.execute(sql, params.view().row(0)?)
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

fn overtaken() -> DriverError {
    DriverError::new(
        ErrorClass::Conflict,
        "the client has asked again on another connection",
    )
}

fn read(row: RowRef<'_>) -> Result<(i64, Stored)> {
    let result = ExecuteResult {
        rows_affected: row.i64(1)?.cast_unsigned(),
        last_insert_id: row.opt(2, RowRef::i64)?,
    };
    let rows = row.opt(3, |row, column| Ok(row.bytes(column)?.to_vec()))?;
    Ok((row.i64(0)?, Stored { result, rows }))
}
