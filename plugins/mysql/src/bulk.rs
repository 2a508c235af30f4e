//! Many rows with few round trips: an `INSERT` of one row becomes inserts of many.

use driver_api::{ExecuteResult, Result, RowBlockRef};
use mysql::Value as Cell;

use crate::parameter;
use crate::sql::{Token, Tokens};
use crate::statement::{Run, Statements};

/// Numbers of rows that one statement inserts, the largest first. Few, because each is a statement to prepare.
const SIZES: [usize; 6] = [1_024, 256, 64, 16, 4, 1];

/// Placeholders that a statement may have.
const PLACEHOLDERS: usize = 65_535;

/// Bytes of parameters in one statement, where the server would take more.
const LARGEST_STATEMENT: usize = 8 << 20;

/// An `INSERT` or `REPLACE` of one row of values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Insert<'s> {
    /// Up to and without the row.
    head: &'s str,
    /// The parenthesised row.
    row: &'s str,
    /// What follows the row.
    tail: &'s str,
}

impl<'s> Insert<'s> {
    /// Takes `INSERT INTO t (a, b) VALUES (?, ?)` apart; `None` for anything that is not of this form, or whose end
    /// has parameters of its own or gives rows.
    pub(crate) fn of(statement: &'s str) -> Result<Option<Self>> {
        let mut tokens = Tokens::of(statement);
        let starts = tokens
            .next()?
            .is_some_and(|first| is(first.token, &["INSERT", "REPLACE"]));
        if !starts {
            return Ok(None);
        }
        let Some(start) = row_start(&mut tokens)? else {
            return Ok(None);
        };
        let Some(end) = row_end(&mut tokens)? else {
            return Ok(None);
        };
        if !tail_fits(&mut tokens)? {
            return Ok(None);
        }
        Ok(Some(Self {
            head: &statement[..start],
            row: &statement[start..end],
            tail: &statement[end..],
        }))
    }

    /// The statement that inserts this many rows.
    fn of_rows(&self, rows: usize) -> String {
        let length = self.head.len() + (self.row.len() + 1) * rows + self.tail.len();
        let mut sql = String::with_capacity(length);
        sql.push_str(self.head);
        for index in 0..rows {
            if index > 0 {
                sql.push(',');
            }
            sql.push_str(self.row);
        }
        sql.push_str(self.tail);
        sql
    }
}

/// Where the parenthesis of the row opens; `None` where something else than `VALUES` and a row comes.
fn row_start(tokens: &mut Tokens<'_>) -> Result<Option<usize>> {
    let (mut depth, mut after_values) = (0_usize, false);
    while let Some(placed) = tokens.next()? {
        match placed.token {
            Token::Sign('(') if after_values => return Ok(Some(placed.start)),
            _ if after_values => return Ok(None),
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth = depth.saturating_sub(1),
            Token::Placeholder => return Ok(None),
            token if depth == 0 && is(token, &["SELECT", "SET"]) => return Ok(None),
            token => after_values = depth == 0 && is(token, &["VALUES", "VALUE"]),
        }
    }
    Ok(None)
}

/// Where the row ends whose parenthesis is open.
fn row_end(tokens: &mut Tokens<'_>) -> Result<Option<usize>> {
    let mut depth = 1_usize;
    while let Some(placed) = tokens.next()? {
        match placed.token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(Some(placed.end));
        }
    }
    Ok(None)
}

/// Whether what follows the row means the same after many: no other row, no parameters, no rows given.
fn tail_fits(tokens: &mut Tokens<'_>) -> Result<bool> {
    let mut first = true;
    while let Some(placed) = tokens.next()? {
        let other_row = first && placed.token == Token::Sign(',');
        if other_row || placed.token == Token::Placeholder || is(placed.token, &["RETURNING"]) {
            return Ok(false);
        }
        first = false;
    }
    Ok(true)
}

fn is(token: Token<'_>, words: &[&str]) -> bool {
    matches!(token, Token::Word(word) if words.iter().any(|one| one.eq_ignore_ascii_case(word)))
}

/// Runs the insert for every row. The last row goes alone, so that its generated key is told.
pub(crate) fn insert(
    run: &mut Run<'_>,
    statements: &mut Statements,
    insert: &Insert<'_>,
    batch: RowBlockRef<'_>,
) -> Result<ExecuteResult> {
    let limit = (run.server.facts.largest_packet / 2).min(LARGEST_STATEMENT);
    let largest = PLACEHOLDERS / batch.columns().max(1);
    let mut total = ExecuteResult::default();
    let mut pending = Pending::default();
    for index in 0..batch.rows() {
        let last = index + 1 == batch.rows();
        let mut row = Vec::with_capacity(batch.columns());
        parameter::append(batch.row(index)?, &mut row)?;
        let bytes = parameter::size(&row);
        if last || pending.bytes + bytes > limit || pending.rows >= SIZES[0].min(largest) {
            pending.flush(run, statements, insert, &mut total)?;
        }
        pending.add(row, bytes);
    }
    pending.flush(run, statements, insert, &mut total)?;
    Ok(total)
}

/// Rows that wait for a statement.
#[derive(Default)]
struct Pending {
    cells: Vec<Cell>,
    rows: usize,
    bytes: usize,
}

impl Pending {
    fn add(&mut self, row: Vec<Cell>, bytes: usize) {
        self.cells.extend(row);
        self.rows += 1;
        self.bytes += bytes;
    }

    fn flush(
        &mut self,
        run: &mut Run<'_>,
        statements: &mut Statements,
        insert: &Insert<'_>,
        total: &mut ExecuteResult,
    ) -> Result<()> {
        let columns = self.cells.len() / self.rows.max(1);
        let mut cells = std::mem::take(&mut self.cells).into_iter();
        while self.rows > 0 {
            let size = SIZES
                .into_iter()
                .find(|size| *size <= self.rows)
                .unwrap_or(1);
            let prepared = statements.prepare(run.server, &insert.of_rows(size))?;
            let params = cells.by_ref().take(size * columns).collect();
            let done = run.run(prepared, params, None)?;
            total.rows_affected += done.rows_affected;
            total.last_insert_id = done.last_insert_id;
            self.rows -= size;
        }
        self.bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use test_needs::needs;

    use super::*;

    fn parts(sql: &str) -> Option<(&str, &str, &str)> {
        Insert::of(sql)
            .unwrap()
            .map(|insert| (insert.head, insert.row, insert.tail))
    }

    #[test]
    fn an_insert_of_one_row_is_taken_apart() {
        for (sql, expected) in [
            (
                "INSERT INTO t (a, b) VALUES (?, ?)",
                ("INSERT INTO t (a, b) VALUES ", "(?, ?)", ""),
            ),
            (
                "insert into `values` values(?, ')', coalesce(?, (1)))",
                (
                    "insert into `values` values",
                    "(?, ')', coalesce(?, (1)))",
                    "",
                ),
            ),
            (
                "REPLACE t VALUE (?) /* end */",
                ("REPLACE t VALUE ", "(?)", " /* end */"),
            ),
            (
                "INSERT INTO t VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES(a), b = 1",
                (
                    "INSERT INTO t VALUES ",
                    "(?)",
                    " ON DUPLICATE KEY UPDATE a = VALUES(a), b = 1",
                ),
            ),
        ] {
            assert_eq!(parts(sql), Some(expected), "{sql}");
        }
        for sql in [
            "UPDATE t SET a = ?",
            "INSERT INTO t SELECT ?",
            "INSERT INTO t SET a = ?",
            "INSERT INTO t (a) SELECT a FROM (VALUES (?)) v",
            "INSERT INTO t VALUES (?), (?)",
            "INSERT INTO t VALUES (?) ON DUPLICATE KEY UPDATE a = ?",
            "INSERT INTO t VALUES (?) RETURNING a",
            "DELETE FROM t WHERE a = ?",
        ] {
            assert_eq!(parts(sql), None, "{sql}");
        }
    }

    #[test]
    fn rows_are_repeated() {
        let insert = Insert::of("INSERT INTO t VALUES (?) -- x")
            .unwrap()
            .unwrap();
        assert_eq!(insert.of_rows(3), "INSERT INTO t VALUES (?),(?),(?) -- x");
    }

    #[needs(mariadb)]
    #[test]
    fn many_rows_go_in_as_one_by_one() {
        use crate::testing::TestDatabase;
        use driver_api::Value;
        let mut database = TestDatabase::new();
        let create = |name: &str| {
            format!(
                "CREATE TABLE {name}(id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT UNIQUE, s TEXT)"
            )
        };
        database.run(&[&create("fast"), &create("slow")]);
        for count in [1_i64, 2, 5, 1_023, 1_025, 3_000] {
            database.run(&["TRUNCATE fast", "TRUNCATE slow"]);
            let rows: Vec<_> = (0..count)
                .map(|n| {
                    vec![
                        Value::I64(n),
                        Value::Text("x".repeat(usize::try_from(n % 50).unwrap())),
                    ]
                })
                .collect();
            let fast = database
                .execute_many("INSERT INTO fast(n, s) VALUES (?, ?)", &rows)
                .unwrap();
            // Not of the form that is taken apart.
            let slow = database
                .execute_many("INSERT INTO slow(n, s) SELECT ?, ?", &rows)
                .unwrap();
            assert_eq!(fast.rows_affected, u64::try_from(count).unwrap());
            assert_eq!(
                (fast.rows_affected, fast.last_insert_id.is_some()),
                (slow.rows_affected, true)
            );
            let last = database.value("SELECT max(id) FROM fast", []);
            assert_eq!(fast.last_insert_id.map(Value::I64), Some(last));
            let rows = |name| format!("SELECT n, s FROM {name} ORDER BY n");
            assert!(database.rows(&rows("fast"), []) == database.rows(&rows("slow"), []));
        }
        let replaced = database
            .execute_many(
                "REPLACE INTO fast(n, s) VALUES (?, ?)",
                &[vec![1.into(), "new".into()]],
            )
            .unwrap();
        assert_eq!(replaced.rows_affected, 2);
    }

    #[needs(mariadb)]
    #[test]
    fn large_rows_are_split_before_the_server_refuses_them() {
        use crate::testing::TestDatabase;
        use driver_api::Value;
        let mut database = TestDatabase::new();
        database.run(&["CREATE TABLE t(a LONGBLOB)"]);
        let rows: Vec<_> = (0..30)
            .map(|n| vec![Value::Bytes(vec![n; 1 << 20])])
            .collect();
        let done = database
            .execute_many("INSERT INTO t VALUES (?)", &rows)
            .unwrap();
        assert_eq!(done.rows_affected, 30);
        assert_eq!(
            database.value("SELECT sum(length(a)) FROM t", []),
            Value::Decimal("31457280".into())
        );
    }
}
