//! One statement on its way through the engine: compiled, bound, run, its rows pushed.

use driver_api::{DriverError, ErrorClass, ExecuteResult, Flow, Result, RowRef, RowSink};
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, CachedStatement, Connection, Statement};

use crate::error::{IntoDriverResult, from_sqlite, several_statements, syntax};
use crate::value;

/// Statements of the driver's own that each write needs; they are kept compiled. No client gets at them: for a client
/// each is compiled anew, which the authorizer refuses.
const KEPT: [&str; 4] = ["BEGIN IMMEDIATE", "BEGIN", "COMMIT", "ROLLBACK"];

/// Compiles a client's statement, or takes it from the cache. It must be exactly one.
pub(crate) fn prepare<'c>(database: &'c Connection, sql: &str) -> Result<CachedStatement<'c>> {
    // The engine takes a NUL for the end, and what follows would be ignored in silence.
    if sql.as_bytes().contains(&0) {
        return Err(syntax("the statement contains the character NUL"));
    }
    if KEPT.contains(&sql.trim()) {
        database.prepare(sql).driver_result()?;
        return Err(syntax("transactions are started and ended by calls"));
    }
    let statement = database
        .prepare_cached(sql)
        .map_err(|error| prepare_error(database, sql, error))?;
    if is_empty(&statement) {
        return Err(syntax("the statement is empty"));
    }
    Ok(statement)
}

/// The library compiles what follows the first statement to see whether it is a comment; when that
/// fails, the error is not about a table that is missing there, but about the second statement.
#[cold]
fn prepare_error(database: &Connection, sql: &str, error: rusqlite::Error) -> DriverError {
    match Batch::new(database, sql.trim()).next() {
        Ok(Some(_)) => several_statements(),
        _ => from_sqlite(error),
    }
}

/// Comments and white space compile to nothing; the library tells it by the missing text only.
fn is_empty(statement: &Statement<'_>) -> bool {
    statement.column_count() == 0
        && statement.readonly()
        && statement.parameter_count() == 0
        && statement.expanded_sql().is_none()
}

/// Binds all parameters.
pub(crate) fn bind(statement: &mut Statement<'_>, params: RowRef<'_>) -> Result<()> {
    check_count(statement, params.len())?;
    for index in 0..params.len() {
        value::bind(statement, index + 1, params.get(index)?)?;
    }
    Ok(())
}

/// Refuses a number of parameters that is not that of the placeholders.
pub(crate) fn check_count(statement: &Statement<'_>, given: usize) -> Result<()> {
    let expected = statement.parameter_count();
    if expected == given {
        return Ok(());
    }
    let message = format!("the statement has {expected} placeholders, {given} parameters came");
    Err(DriverError::new(ErrorClass::ParameterCount, message).with_sqlstate("07001"))
}

/// Runs one of the driver's own statements. Beyond [`KEPT`] they are not kept: a client whose text is the same would be
/// given them, past the authorizer.
pub(crate) fn run(database: &Connection, sql: &str) -> Result<()> {
    if KEPT.contains(&sql) {
        return drain(&mut *database.prepare_cached(sql).driver_result()?);
    }
    let mut statement = database.prepare(sql).driver_result()?;
    drain(&mut statement)
}

/// Runs a bound statement to its end and drops its rows.
pub(crate) fn drain(statement: &mut Statement<'_>) -> Result<()> {
    let mut cursor = statement.raw_query();
    while cursor.next().driver_result()?.is_some() {}
    Ok(())
}

/// Runs a bound statement and pushes its rows. `announce` is called once, after the first step, and
/// returns the number of columns.
pub(crate) fn stream(
    statement: &mut Statement<'_>,
    rows: &mut RowSink<'_>,
    mut announce: impl FnMut(&Statement<'_>, &mut RowSink<'_>) -> Result<(usize, Flow)>,
) -> Result<()> {
    let mut columns = None;
    let mut flow = Flow::Continue;
    let mut cursor = statement.raw_query();
    while let Some(row) = cursor.next().driver_result()? {
        let count = match columns {
            Some(count) => count,
            None => {
                let (count, first) = announce(row.as_ref(), rows)?;
                flow = first;
                *columns.insert(count)
            }
        };
        if flow == Flow::Continue {
            flow = value::push_row(row, count, rows)?;
        }
        // A write is done by now: the engine changes everything before it gives the first row.
        if flow == Flow::Stop {
            return Ok(());
        }
    }
    drop(cursor);
    if columns.is_none() && statement.column_count() > 0 {
        let _ = announce(statement, rows)?;
    }
    Ok(())
}

/// The connection's counters before a statement, to tell what the statement did.
pub(crate) struct Before {
    changes: u64,
    row_id: i64,
}

impl Before {
    /// Reads the counters.
    pub(crate) fn of(database: &Connection) -> Self {
        Self {
            changes: database.total_changes(),
            row_id: database.last_insert_rowid(),
        }
    }

    /// What the statement that just ended did.
    ///
    /// The engine's number of changes and last row id outlive the statements that set them, so
    /// they count only when this one changed something.
    pub(crate) fn result(&self, database: &Connection, sql: &str) -> ExecuteResult {
        if database.total_changes() == self.changes {
            return ExecuteResult::default();
        }
        let row_id = database.last_insert_rowid();
        let inserted = row_id != self.row_id || always_inserts(sql);
        ExecuteResult {
            rows_affected: database.changes(),
            last_insert_id: inserted.then_some(row_id),
        }
    }
}

/// Whether a statement that changed rows has inserted one. Needed where the last row id is by
/// chance the one of the insert before it, which was into another table.
fn always_inserts(sql: &str) -> bool {
    let starts = |word: &str| {
        sql.trim_start()
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    // ON CONFLICT DO UPDATE changes a row and leaves the last row id as it was.
    let may_update = || {
        sql.as_bytes()
            .windows(8)
            .any(|w| w.eq_ignore_ascii_case(b"conflict"))
    };
    starts("replace") || (starts("insert") && !may_update())
}

#[cfg(test)]
mod tests {
    use driver_api::{Connection as _, Value};

    use super::*;
    use crate::testing::TestDatabase;
    use test_calls::Kept;

    fn with_table() -> TestDatabase {
        let mut database = TestDatabase::new();
        let sql = "CREATE TABLE t(id INTEGER PRIMARY KEY, name VARCHAR(80), flag BOOLEAN)";
        database.execute(sql, []).unwrap();
        database
    }

    #[test]
    fn a_call_takes_exactly_one_statement() {
        let mut database = with_table();
        for sql in ["", "  \n", ";", "-- only words", "/* only words */"] {
            let error = database.execute(sql, []).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the statement is empty [SQLSTATE 42601]",
                "{sql}"
            );
        }
        for sql in [
            "SELECT 1; SELECT 2",
            "INSERT INTO t VALUES (1, 'a', 1); DELETE FROM t",
            "CREATE TABLE a(b); INSERT INTO a VALUES (1)",
            "SELECT 1; not even SQL",
            "SELECT 1; ATTACH 'x' AS y",
        ] {
            let error = database.execute(sql, []).unwrap_err();
            assert_eq!(error.class(), ErrorClass::Syntax, "{sql}: {error}");
            assert!(error.message().contains("more than one"), "{sql}: {error}");
        }
        let error = database
            .execute("SELECT 1\0; DROP TABLE t", [])
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Syntax);
        for sql in [
            "SELECT 1;",
            " SELECT 1 ; ; ",
            "SELECT 1; -- end",
            "/* a */ SELECT 1 /* b */;",
        ] {
            assert_eq!(database.value(sql, []), Value::I64(1), "{sql}");
        }
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
    }

    #[test]
    fn the_header_has_names_and_declared_types_even_without_rows() {
        let mut database = with_table();
        let sql = "SELECT id, name AS label, flag, id + 1 FROM t";
        let header: Vec<_> = database
            .query(sql, [])
            .unwrap()
            .columns
            .into_iter()
            .map(|column| (column.name, column.declared_type, column.kind))
            .collect();
        let expected = [
            ("id", "INTEGER"),
            ("label", "VARCHAR(80)"),
            ("flag", "BOOLEAN"),
            ("id + 1", ""),
        ]
        .map(|(name, declared)| (name.to_owned(), declared.to_owned(), None));
        assert_eq!(header, expected);
        database
            .execute("INSERT INTO t VALUES (1, 'a', true)", [])
            .unwrap();
        let kept = database.query(sql, []).unwrap();
        assert_eq!(kept.columns.len(), 4);
        assert_eq!(kept.rows, [[1.into(), "a".into(), 1.into(), 2.into()]]);
    }

    #[test]
    fn a_cached_statement_sees_a_change_of_the_schema() {
        let mut database = with_table();
        assert_eq!(
            database.query("SELECT * FROM t", []).unwrap().columns.len(),
            3
        );
        database
            .execute("ALTER TABLE t ADD COLUMN more TEXT", [])
            .unwrap();
        assert_eq!(
            database.query("SELECT * FROM t", []).unwrap().columns.len(),
            4
        );
        database
            .execute("INSERT INTO t(id) VALUES (1)", [])
            .unwrap();
        database
            .execute("ALTER TABLE t DROP COLUMN flag", [])
            .unwrap();
        let kept = database.query("SELECT * FROM t", []).unwrap();
        assert_eq!((kept.columns.len(), kept.rows[0].len()), (3, 3));
    }

    #[test]
    fn a_wrong_number_of_parameters_names_both_numbers() {
        let mut database = with_table();
        let error = database.query("SELECT ?, ?", [Value::Null]).err().unwrap();
        assert_eq!(error.class(), ErrorClass::ParameterCount);
        assert_eq!(
            error.message(),
            "the statement has 2 placeholders, 1 parameters came"
        );
        let error = database.execute("SELECT 1", [Value::Null]).unwrap_err();
        assert_eq!(
            error.message(),
            "the statement has 0 placeholders, 1 parameters came"
        );
        let rows = [vec![Value::Null; 2]];
        let error = database
            .execute_many("DELETE FROM t WHERE id = ?", &rows)
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::ParameterCount);
    }

    #[test]
    fn a_reader_that_has_enough_ends_a_query_early() {
        let mut database = TestDatabase::new();
        let endless =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
        for stop_after in [0, 1] {
            let mut kept = Kept {
                stop_after: Some(stop_after),
                ..Kept::default()
            };
            database.query_into(endless, [], &mut kept).unwrap();
            assert_eq!(kept.blocks, stop_after);
        }
    }

    #[test]
    fn a_write_whose_rows_nobody_wants_is_still_done() {
        let mut database = with_table();
        let uninterested = || Kept {
            stop_after: Some(0),
            ..Kept::default()
        };
        let sql = "INSERT INTO t(name) VALUES ('a'), ('b') RETURNING id";
        assert_eq!(database.rows(sql, []), [[1.into()], [Value::I64(2)]]);
        database.query_into(sql, [], &mut uninterested()).unwrap();
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(4));
        assert!(
            database
                .query("DELETE FROM t", [])
                .unwrap()
                .columns
                .is_empty()
        );
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
        // Foreign keys are checked before the first row.
        let child = "CREATE TABLE child(id REFERENCES t(id))";
        database.execute(child, []).unwrap();
        let sql = "INSERT INTO child VALUES (9) RETURNING id";
        let result = database.query_into(sql, [], &mut uninterested());
        assert_eq!(result.unwrap_err().class(), ErrorClass::Constraint);
    }

    #[test]
    fn a_returned_row_that_cannot_be_given_takes_the_write_back() {
        let mut database = with_table();
        let sql = "INSERT INTO t(id) VALUES (1) RETURNING CAST(x'ff' AS TEXT)";
        assert_eq!(
            database.query(sql, []).err().unwrap().class(),
            ErrorClass::InvalidValue
        );
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
    }

    fn result(rows_affected: u64, last_insert_id: Option<i64>) -> ExecuteResult {
        ExecuteResult {
            rows_affected,
            last_insert_id,
        }
    }

    #[test]
    fn the_result_is_that_of_this_statement() {
        let mut database = with_table();
        database
            .execute("CREATE TABLE u(id INTEGER PRIMARY KEY, n UNIQUE)", [])
            .unwrap();
        for (sql, expected) in [
            ("INSERT INTO t(name) VALUES ('a')", result(1, Some(1))),
            ("INSERT INTO u(n) VALUES (5)", result(1, Some(1))),
            ("SELECT * FROM t", result(0, None)),
            ("CREATE TABLE v(a)", result(0, None)),
            ("UPDATE t SET name = 'b'", result(1, None)),
            ("UPDATE t SET name = 'b' WHERE id = 7", result(0, None)),
            ("INSERT OR IGNORE INTO u(n) VALUES (5)", result(0, None)),
            (
                "INSERT INTO u(n) VALUES (5) ON CONFLICT DO UPDATE SET n = 6",
                result(1, None),
            ),
            (
                "WITH x(n) AS (VALUES (7), (8)) INSERT INTO u(n) SELECT n FROM x",
                result(2, Some(3)),
            ),
            ("DELETE FROM u", result(3, None)),
        ] {
            assert_eq!(database.execute(sql, []).unwrap(), expected, "{sql}");
        }
    }

    #[test]
    fn a_description_does_not_run_the_statement() {
        let mut database = with_table();
        let insert = database
            .connection
            .describe("INSERT INTO t VALUES (?, ?, 0) RETURNING name")
            .unwrap();
        assert_eq!((insert.parameters, insert.read_only), (2, false));
        assert_eq!(insert.columns[0].declared_type, "VARCHAR(80)");
        let select = database.connection.describe("SELECT 1 AS one").unwrap();
        assert_eq!((select.parameters, select.read_only), (0, true));
        assert_eq!(select.columns[0].name, "one");
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
        let error = database
            .connection
            .describe("SELECT * FROM nowhere")
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::NotFound);
    }
}
