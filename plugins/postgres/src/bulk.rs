//! Runs a statement for every row of a batch: by `COPY` where that is the same, in one go otherwise.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use driver_api::{ExecuteResult, Result, RowBlockRef, RowRef};
use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::{Client, Error};

use crate::copy::{self, Target};
use crate::parameter::Parameter;
use crate::pump::Pump;
use crate::statements::{Prepared, Statements};
use crate::{stream, transaction};

/// Rows that are sent before the first answer is read.
const SENT_AHEAD: usize = 256;

/// Runs the statement for every row, within whatever transaction is open.
pub(crate) fn run(
    client: &Client,
    pump: &mut Pump,
    statements: &mut Statements,
    sql: &str,
    batch: RowBlockRef<'_>,
) -> Result<ExecuteResult> {
    let prepared = statements.get(client, pump, sql)?;
    prepared.check_count(batch.columns())?;
    if let Some(target) = copy::target(client, pump, &prepared, batch)? {
        return by_copy(client, pump, &prepared, &target, batch);
    }
    let mut total = ExecuteResult::default();
    let mut group = Group::default();
    for row in batch.iter() {
        let row = row?;
        let prepared = statements.get_for(client, pump, sql, row)?;
        if group.must_go_before(&prepared) {
            group.run(client, pump, &mut total)?;
        }
        group.add(prepared, row)?;
    }
    group.run(client, pump, &mut total)?;
    Ok(total)
}

/// Rows that one prepared statement takes.
#[derive(Default)]
struct Group<'v> {
    prepared: Option<Arc<Prepared>>,
    rows: VecDeque<Vec<Parameter<'v>>>,
}

impl<'v> Group<'v> {
    /// Whether the group is full, or of another statement.
    fn must_go_before(&self, prepared: &Arc<Prepared>) -> bool {
        let same = self
            .prepared
            .as_ref()
            .is_none_or(|own| Arc::ptr_eq(own, prepared));
        !same || self.rows.len() >= SENT_AHEAD
    }

    fn add(&mut self, prepared: Arc<Prepared>, row: RowRef<'v>) -> Result<()> {
        self.rows.push_back(prepared.bind(row)?);
        self.prepared = Some(prepared);
        Ok(())
    }

    /// Sends all rows, then reads the answers.
    fn run(&mut self, client: &Client, pump: &mut Pump, total: &mut ExecuteResult) -> Result<()> {
        pump.check_cancel()?;
        let Some(prepared) = self.prepared.take() else {
            return Ok(());
        };
        let rows = std::mem::take(&mut self.rows);
        let work = async {
            let mut answers: FuturesOrdered<_> = rows
                .iter()
                .map(|row| stream::execution(client, &prepared, row))
                .collect();
            let mut done = Vec::with_capacity(rows.len());
            while let Some(answer) = answers.next().await {
                done.push(answer?);
            }
            Ok(done)
        };
        for done in pump.run(&prepared.sql, work)? {
            total.rows_affected += done.rows_affected;
            total.last_insert_id = done.last_insert_id;
        }
        Ok(())
    }
}

/// Sends all rows by `COPY`.
fn by_copy(
    client: &Client,
    pump: &mut Pump,
    prepared: &Prepared,
    target: &Target<'_>,
    batch: RowBlockRef<'_>,
) -> Result<ExecuteResult> {
    let sql = target.copy();
    // A wait for the lock that ends in an error ends here, where that does no harm.
    transaction::run(client, pump, &target.lock())?;
    let copy = pump.run(&sql, client.prepare(&sql))?;
    // Where the server refuses to start, the client crate loses count of its answers.
    let sink = pump
        .run(&sql, client.copy_in(&copy))
        .inspect_err(|_| pump.give_up("the session was dropped after a COPY that did not start"))?;
    let work = async {
        let mut writer = pin!(BinaryCopyInWriter::new(sink, prepared.statement.params()));
        let mut bound = Vec::new();
        for row in batch.iter() {
            let row = row.map_err(Into::into);
            match row.and_then(|row| prepared.bind_into(row, &mut bound)) {
                Ok(()) => writer.as_mut().write_raw(&bound).await?,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok::<_, Error>(Ok(writer.finish().await?))
    };
    let rows_affected = pump.run(&sql, work)??;
    Ok(ExecuteResult {
        rows_affected,
        last_insert_id: None,
    })
}

#[cfg(test)]
mod tests {
    use driver_api::{Connection as _, ErrorClass, TransactionMode, Value};
    use test_needs::needs;

    use crate::testing::TestDatabase;

    fn mixed_rows(count: i64) -> Vec<Vec<Value>> {
        (0..count)
            .map(|n| {
                let text = match n % 3 {
                    0 => Value::Null,
                    _ => Value::Text(format!("tab\t line\n \\N é {n}")),
                };
                vec![
                    Value::I64(n),
                    text,
                    Value::F64(n as f64 / 7.0),
                    Value::Bytes(vec![0, n as u8]),
                ]
            })
            .collect()
    }

    #[needs(postgresql)]
    #[test]
    fn copy_stores_what_single_inserts_store() {
        let mut database = TestDatabase::new();
        let rows = mixed_rows(1000);
        for table in ["fast", "slow"] {
            database.run(&format!(
                "CREATE TABLE {table}(n bigint, t varchar(40), f float8, b bytea, d int DEFAULT 5)"
            ));
        }
        let fast = "INSERT INTO fast(n, t, f, b) VALUES (?, ?, ?, ?)";
        let slow = "INSERT INTO slow(n, t, f, b) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
        for sql in [fast, slow] {
            let done = database.execute_many(sql, &rows).unwrap();
            assert_eq!(
                (done.rows_affected, done.last_insert_id),
                (1000, None),
                "{sql}"
            );
        }
        let stored = |database: &mut TestDatabase, table: &str| {
            database.rows(&format!("SELECT * FROM {table} ORDER BY n"), [])
        };
        let expected = stored(&mut database, "slow");
        assert_eq!(expected.len(), 1000);
        assert_eq!(expected[4][4], Value::I64(5));
        assert_eq!(stored(&mut database, "fast"), expected);
        // One transaction number for all rows would be the same for both; the command numbers tell
        // that one of the ways was a single command.
        let commands = |database: &mut TestDatabase, table: &str| {
            database.value(
                &format!("SELECT count(DISTINCT cmin::text) FROM {table}"),
                [],
            )
        };
        assert_eq!(commands(&mut database, "fast"), Value::I64(1));
        assert_eq!(commands(&mut database, "slow"), Value::I64(1000));
    }

    #[needs(postgresql)]
    #[test]
    fn a_table_on_which_copy_would_differ_is_filled_by_inserts() {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE t(a int)");
        database.run("CREATE RULE r AS ON INSERT TO t WHERE new.a > 9 DO INSTEAD NOTHING");
        database.run("CREATE TABLE i(id int GENERATED ALWAYS AS IDENTITY, a int)");
        let rows: Vec<_> = (0..20).map(|n| vec![Value::I64(n)]).collect();
        database
            .execute_many("INSERT INTO t(a) VALUES (?)", &rows)
            .unwrap();
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(10));
        let error = database
            .execute_many("INSERT INTO i(id) VALUES (?)", &rows)
            .unwrap_err();
        assert_eq!(error.sqlstate(), Some("428C9"), "{error}");
        let done = database
            .execute_many("INSERT INTO i(a) VALUES (?)", &rows)
            .unwrap();
        assert_eq!(done.rows_affected, 20);
    }

    #[needs(postgresql)]
    #[test]
    fn a_batch_is_done_as_a_whole_or_not_at_all() {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE t(a int UNIQUE)");
        let rows = |numbers: std::ops::Range<i64>| -> Vec<Vec<Value>> {
            numbers.map(|n| vec![Value::I64(n)]).collect()
        };
        for insert in ["INSERT INTO t(a) VALUES (?)", "INSERT INTO t VALUES (?)"] {
            database.run("TRUNCATE t");
            assert_eq!(
                database
                    .execute_many(insert, &rows(0..600))
                    .unwrap()
                    .rows_affected,
                600
            );
            let error = database.execute_many(insert, &rows(599..1200)).unwrap_err();
            let found = (error.class(), error.sqlstate());
            assert_eq!(found, (ErrorClass::Constraint, Some("23505")), "{insert}");
            assert_eq!(
                database.value("SELECT count(*) FROM t", []),
                Value::I64(600)
            );
            let mut too_large = rows(1000..1040);
            too_large[30] = vec![Value::I64(1 << 40)];
            let error = database.execute_many(insert, &too_large).unwrap_err();
            assert_eq!(error.class(), ErrorClass::InvalidValue);
            // A failed batch leaves the open transaction as it was.
            database
                .connection
                .begin(TransactionMode::ReadWrite)
                .unwrap();
            database.execute("INSERT INTO t VALUES (700)", []).unwrap();
            database.execute_many(insert, &rows(690..720)).unwrap_err();
            database.execute_many(insert, &too_large).unwrap_err();
            database.execute_many(insert, &rows(800..830)).unwrap();
            database.connection.commit().unwrap();
            assert_eq!(
                database.value("SELECT count(*) FROM t", []),
                Value::I64(631)
            );
        }
        assert_eq!(
            database
                .execute_many("DELETE FROM t", &[])
                .unwrap()
                .rows_affected,
            0
        );
        let error = database
            .execute_many("DELETE FROM t WHERE a = ?", &[vec![Value::Null; 2]])
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::ParameterCount);
        let done = database
            .execute_many("DELETE FROM t WHERE a = ?", &rows(0..300))
            .unwrap();
        assert_eq!(done.rows_affected, 300);
    }
}
