//! Runs a prepared statement: its rows are pushed as they come, or dropped.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use driver_api::{ExecuteResult, Flow, Result, RowSink};
use futures_util::Stream;
use tokio_postgres::{Client, Error, Row, RowStream};

use crate::parameter::Parameter;
use crate::pump::Pump;
use crate::statements::Prepared;
use crate::types::Sort;
use crate::value;

/// Rows, and bytes of them, that are taken from the session before they are pushed.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 64 * 1024;

/// What becomes of the rest of a result that nobody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The server is asked to stop: the statement has changed nothing, and is its own transaction.
    Stop,
    /// It is read and dropped: stopping would take changes back, or fail the open transaction.
    Drop,
}

/// The rows of a running statement.
struct Rows {
    stream: Pin<Box<RowStream>>,
    /// Those that came, and are not pushed yet.
    batch: Vec<Row>,
    /// Whether the server has said that the statement is done.
    done: bool,
}

impl Rows {
    async fn start(
        client: &Client,
        prepared: &Prepared,
        params: &[Parameter<'_>],
    ) -> std::result::Result<Self, Error> {
        let params = params.iter().copied();
        let stream = client.query_raw(&prepared.statement, params).await?;
        let mut rows = Self {
            stream: Box::pin(stream),
            batch: Vec::new(),
            done: false,
        };
        rows.fill().await?;
        Ok(rows)
    }

    /// Waits for rows, or the end; takes what is there, up to a batch.
    async fn fill(&mut self) -> std::result::Result<(), Error> {
        let mut bytes = 0;
        poll_fn(|cx| self.poll_fill(cx, &mut bytes)).await
    }

    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut usize,
    ) -> Poll<std::result::Result<(), Error>> {
        while self.batch.len() < BATCH_ROWS && *bytes < BATCH_BYTES {
            match self.stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(row))) => {
                    *bytes += row.raw_size_bytes();
                    self.batch.push(row);
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => {
                    self.done = true;
                    break;
                }
                Poll::Pending if self.batch.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads the rest and drops it.
    async fn drain(&mut self) -> std::result::Result<(), Error> {
        while !self.done {
            self.batch.clear();
            self.fill().await?;
        }
        Ok(())
    }
}

/// Runs a statement and pushes its rows.
pub(crate) fn query(
    client: &Client,
    pump: &mut Pump,
    prepared: &Prepared,
    params: &[Parameter<'_>],
    rest: Rest,
    sink: &mut RowSink<'_>,
) -> Result<()> {
    let sql = &prepared.sql;
    prepared.check_columns()?;
    let mut rows = pump.run(sql, Rows::start(client, prepared, params))?;
    // Not before the statement runs: one that does not fit any more is run again.
    let mut flow = match prepared.columns.len() {
        0 => Flow::Continue,
        count => sink.forward_columns(&prepared.header, count)?,
    };
    loop {
        if flow == Flow::Continue {
            match push(&rows.batch, &prepared.columns, sink) {
                Ok(next) => flow = next,
                Err(error) => {
                    abandon(pump, &mut rows, sql, rest);
                    return Err(error);
                }
            }
        }
        if rows.done {
            return Ok(());
        }
        if flow == Flow::Stop && rest == Rest::Stop {
            abandon(pump, &mut rows, sql, rest);
            return Ok(());
        }
        rows.batch.clear();
        pump.run(sql, rows.fill())?;
    }
}

fn push(batch: &[Row], columns: &[Sort], sink: &mut RowSink<'_>) -> Result<Flow> {
    for row in batch {
        if value::push_row(row, columns, sink)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

/// Ends a statement whose rest nobody wants; its own error, if it has one, is of no interest.
fn abandon(pump: &mut Pump, rows: &mut Rows, sql: &str, rest: Rest) {
    if rest == Rest::Stop {
        pump.stop();
    }
    let _ = pump.run(sql, rows.drain());
}

/// Runs a statement and drops its rows, but for the key that an `INSERT … RETURNING` tells.
pub(crate) fn execute(
    client: &Client,
    pump: &mut Pump,
    prepared: &Prepared,
    params: &[Parameter<'_>],
) -> Result<ExecuteResult> {
    pump.run(&prepared.sql, execution(client, prepared, params))
}

/// The same as a step of a longer call.
pub(crate) async fn execution(
    client: &Client,
    prepared: &Prepared,
    params: &[Parameter<'_>],
) -> std::result::Result<ExecuteResult, Error> {
    let mut rows = Rows::start(client, prepared, params).await?;
    let mut last_insert_id = None;
    loop {
        if let Some(row) = rows.batch.last() {
            last_insert_id = generated_key(prepared, row);
        }
        if rows.done {
            break;
        }
        rows.batch.clear();
        rows.fill().await?;
    }
    let affected = rows.stream.rows_affected().unwrap_or(0);
    Ok(ExecuteResult {
        // The server counts the rows of a result as well.
        rows_affected: if prepared.shape.changes { affected } else { 0 },
        last_insert_id,
    })
}

/// The one whole number that an `INSERT` returns.
fn generated_key(prepared: &Prepared, row: &Row) -> Option<i64> {
    if !prepared.shape.inserts {
        return None;
    }
    match prepared.columns[..] {
        [Sort::Int8] => row.try_get(0).ok(),
        [Sort::Int4] => row.try_get::<_, i32>(0).ok().map(i64::from),
        [Sort::Int2] => row.try_get::<_, i16>(0).ok().map(i64::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use driver_api::{
        BlockReceiver, CancelHandle, Connection as _, ErrorClass, TransactionMode, Value,
    };
    use test_calls::{Kept, memory};
    use test_needs::needs;

    use super::*;
    use crate::testing::TestDatabase;

    /// Would take minutes to its end.
    const ENDLESS: &str = "SELECT generate_series(1, 2000000000) AS i";

    #[needs(postgresql)]
    #[test]
    fn a_reader_that_has_enough_ends_a_query_early() {
        let mut database = TestDatabase::new();
        for stop_after in [0, 1, 3] {
            let mut kept = Kept {
                stop_after: Some(stop_after),
                ..Kept::default()
            };
            database.query_into(ENDLESS, [], &mut kept).unwrap();
            assert_eq!(kept.blocks, stop_after);
            assert_eq!(database.value("SELECT 1", []), Value::I64(1));
        }
    }

    /// Asks for the end at the first block, takes its time for each, and gives up after many.
    struct Slow {
        cancel: Arc<dyn CancelHandle>,
        blocks: usize,
    }

    impl BlockReceiver for Slow {
        fn columns(&mut self, _: &[u8], _: usize) -> Flow {
            Flow::Continue
        }

        fn block(&mut self, _: &[u8]) -> Flow {
            if self.blocks == 0 {
                self.cancel.cancel().unwrap();
            }
            self.blocks += 1;
            thread::sleep(Duration::from_millis(20));
            Flow::from_wants_more(self.blocks < 1_000)
        }
    }

    #[needs(postgresql)]
    #[test]
    fn a_query_whose_rows_come_faster_than_they_are_read_is_cancelled() {
        let mut database = TestDatabase::new();
        let cancel = database.connection.cancel_handle().unwrap();
        let mut slow = Slow { cancel, blocks: 0 };
        let error = database.query_into(ENDLESS, [], &mut slow).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Cancelled);
        assert_eq!(database.value("SELECT 1", []), Value::I64(1));
    }

    #[needs(postgresql)]
    #[test]
    fn a_reader_that_has_enough_leaves_the_transaction_usable() {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE t(a int)");
        database
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap();
        database.run("INSERT INTO t VALUES (1)");
        let mut kept = Kept {
            stop_after: Some(1),
            ..Kept::default()
        };
        let sql = "SELECT i FROM generate_series(1, 100000) AS s(i)";
        database.query_into(sql, [], &mut kept).unwrap();
        assert_eq!(kept.blocks, 1);
        database.connection.commit().unwrap();
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(1));
    }

    #[needs(postgresql)]
    #[test]
    fn a_write_whose_rows_nobody_wants_is_still_done() {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE t(a int)");
        for stop_after in [0, 1] {
            let mut kept = Kept {
                stop_after: Some(stop_after),
                ..Kept::default()
            };
            let sql = "INSERT INTO t SELECT generate_series(1, 20000) RETURNING a";
            database.query_into(sql, [], &mut kept).unwrap();
        }
        assert_eq!(
            database.value("SELECT count(*) FROM t", []),
            Value::I64(40_000)
        );
    }

    #[needs(postgresql)]
    #[test]
    fn a_query_that_calls_a_writing_function_is_not_stopped() {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE t(a int)");
        database.run(
            "CREATE FUNCTION put(n int) RETURNS int LANGUAGE sql AS \
             $$ INSERT INTO t VALUES (n) RETURNING a $$",
        );
        let mut kept = Kept {
            stop_after: Some(0),
            ..Kept::default()
        };
        let sql = "SELECT put(i), repeat('x', 1000) FROM generate_series(1, 2000) AS s(i)";
        database.query_into(sql, [], &mut kept).unwrap();
        let count = database.value("SELECT count(*) FROM t", []);
        assert_eq!(count, Value::I64(2000));
    }

    #[needs(postgresql)]
    #[test]
    fn large_results_come_whole_and_in_order() {
        let mut database = TestDatabase::new();
        let rows = database.rows(
            "SELECT i, repeat('x', i % 50) FROM generate_series(1, 50000) AS s(i)",
            [],
        );
        assert_eq!(rows.len(), 50_000);
        for (index, row) in rows.iter().enumerate() {
            assert_eq!(row[0], Value::I64(index as i64 + 1));
        }
        let big = database.value("SELECT repeat('é', 4000000)", []);
        assert_eq!(big, Value::Text("é".repeat(4_000_000)));
    }

    #[needs(postgresql)]
    #[test]
    fn the_result_is_that_of_this_statement() {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE t(id int GENERATED ALWAYS AS IDENTITY, n int)");
        for (sql, rows_affected, last_insert_id) in [
            ("INSERT INTO t(n) VALUES (1), (2)", 2, None),
            ("INSERT INTO t(n) VALUES (3), (4) RETURNING id", 2, Some(4)),
            ("INSERT INTO t(n) VALUES (5) RETURNING id, n", 1, None),
            ("SELECT * FROM t", 0, None),
            ("UPDATE t SET n = 0 WHERE n > 1 RETURNING id", 4, None),
            ("WITH a AS (SELECT 1) DELETE FROM t WHERE n = 1", 1, None),
            ("CREATE TABLE u AS SELECT * FROM t", 0, None),
        ] {
            let result = database.execute(sql, []).unwrap();
            let expected = ExecuteResult {
                rows_affected,
                last_insert_id,
            };
            assert_eq!(result, expected, "{sql}");
        }
    }

    #[needs(postgresql)]
    #[test]
    fn a_long_result_takes_no_more_memory_than_a_short_one() {
        memory::alone(
            "stream::tests::a_long_result_takes_no_more_memory_than_a_short_one",
            || {
                let mut database = TestDatabase::new();
                let sql = "SELECT i, repeat('x', 200) FROM generate_series(1, 500000) AS s(i)";
                let mut counted = memory::Counted::default();
                let growth = memory::growth(|| database.query_into(sql, [], &mut counted).unwrap());
                assert_eq!(counted.rows, 500_000);
                assert!(growth < 16 << 20, "{growth}");
                // All of it at once would be more than that.
                let growth = memory::growth(|| drop(database.query(sql, []).unwrap()));
                assert!(growth > 100 << 20, "{growth}");
            },
        );
    }
}
