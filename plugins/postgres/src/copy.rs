//! Finds the inserts that `COPY` does in the same way, only faster.

use driver_api::{Result, RowBlockRef};
use tokio_postgres::Client;

use crate::lexer::{Lexer, Piece, Token};
use crate::parameter::Parameter;
use crate::pump::Pump;
use crate::statement::word;
use crate::statements::Prepared;
use crate::types::Sort;

/// Fewer rows are sent faster as they are than the table is looked at.
const FEWEST_ROWS: usize = 16;

/// An insert that `COPY` can do, as far as its text tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target<'s> {
    /// The table's name, as it is written.
    pub(crate) table: &'s str,
    /// The columns' list with its brackets, as it is written.
    columns: &'s str,
}

impl<'s> Target<'s> {
    /// Reads `INSERT INTO table (columns) VALUES (?, ?)`, and nothing else; `sql` has its
    /// placeholders rewritten.
    pub(crate) fn read(sql: &'s str) -> Option<Self> {
        let pieces: Vec<Piece> = Lexer::new(sql).collect();
        let [insert, into, rest @ ..] = &pieces[..] else {
            return None;
        };
        if word(sql, insert) != "INSERT" || word(sql, into) != "INTO" {
            return None;
        }
        let (table, rest) = split(rest, |piece| {
            matches!(piece.token, Token::Word | Token::QuotedName | Token::Dot)
        });
        let (columns, rest) = list(rest, |token| {
            matches!(token, Token::Word | Token::QuotedName)
        })?;
        let [values, rest @ ..] = rest else {
            return None;
        };
        if word(sql, values) != "VALUES" {
            return None;
        }
        let (given, rest) = list(rest, |token| token == Token::Numbered)?;
        let ended = rest.iter().all(|piece| piece.token == Token::Semicolon);
        let names_only = table.len() % 2 == 1
            && table
                .iter()
                .enumerate()
                .all(|(index, piece)| (piece.token == Token::Dot) == (index % 2 == 1));
        (ended && names_only && given.len() == columns.len()).then_some(())?;
        Some(Self {
            table: text(sql, table)?,
            columns: text(sql, columns)?,
        })
    }

    /// The statement that takes the lock which `COPY` needs, and waits for it.
    pub(crate) fn lock(&self) -> String {
        format!("LOCK TABLE ONLY {} IN ROW EXCLUSIVE MODE", self.table)
    }

    /// The statement that takes the rows.
    pub(crate) fn copy(&self) -> String {
        format!("COPY {} {} FROM STDIN BINARY", self.table, self.columns)
    }
}

/// The pieces at the start that match, and the others.
fn split(pieces: &[Piece], matches: impl Fn(&Piece) -> bool) -> (&[Piece], &[Piece]) {
    let length = pieces.iter().take_while(|piece| matches(piece)).count();
    pieces.split_at(length)
}

/// A list in brackets whose items are one matching token each, with its brackets; and what follows.
fn list(pieces: &[Piece], matches: impl Fn(Token) -> bool) -> Option<(&[Piece], &[Piece])> {
    let length = 1 + pieces.iter().position(|p| p.token == Token::Close)?;
    let (list, rest) = pieces.split_at(length);
    let fits = list.len() % 2 == 1
        && list.iter().enumerate().all(|(index, piece)| match index {
            0 => piece.token == Token::Open,
            _ if index == length - 1 => piece.token == Token::Close,
            _ if index % 2 == 0 => piece.token == Token::Comma,
            _ => matches(piece.token),
        });
    fits.then_some((list, rest))
}

fn text<'s>(sql: &'s str, pieces: &[Piece]) -> Option<&'s str> {
    sql.get(pieces.first()?.start..pieces.last()?.end)
}

/// What of a table makes `COPY` do something else than `INSERT`: it is no plain table, has rules,
/// row security, or triggers for statements. `COPY` is not even tried where it would be refused. A
/// column that only the server may fill was refused when the insert was prepared.
const DIFFERENCES: &str = "SELECT c.relkind NOT IN ('r', 'p') OR c.relhasrules \
       OR c.relrowsecurity OR NOT pg_catalog.has_table_privilege(c.oid, 'INSERT') \
       OR pg_catalog.current_setting('transaction_read_only') = 'on' \
       OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid \
                  AND NOT t.tgisinternal AND t.tgtype & 1 = 0) \
     FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)";

/// Whether `COPY` does to this table what the insert would.
fn table_allows(client: &Client, pump: &mut Pump, table: &str) -> Result<bool> {
    let found = pump.run(DIFFERENCES, client.query_opt(DIFFERENCES, &[&table]))?;
    Ok(found.is_some_and(|row| row.try_get(0).is_ok_and(|differs: bool| !differs)))
}

/// Whether every value goes in the binary form of its column. Text always does, and is not read twice.
fn values_allow(prepared: &Prepared, batch: RowBlockRef<'_>) -> Result<bool> {
    let sorts = prepared.parameters.iter().copied().enumerate();
    let unsure: Vec<(usize, Sort)> = sorts.filter(|(_, sort)| *sort != Sort::Text).collect();
    for row in batch.iter() {
        let row = row?;
        for (index, sort) in &unsure {
            let parameter = Parameter {
                value: row.get(*index)?,
                sort: *sort,
                number: index + 1,
            };
            if parameter.goes_as_text() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// What takes the rows of this batch, where `COPY` does the same as the statement.
pub(crate) fn target<'s>(
    client: &Client,
    pump: &mut Pump,
    prepared: &'s Prepared,
    batch: RowBlockRef<'_>,
) -> Result<Option<Target<'s>>> {
    if batch.rows() < FEWEST_ROWS {
        return Ok(None);
    }
    let Some(target) = Target::read(&prepared.sql) else {
        return Ok(None);
    };
    let same = values_allow(prepared, batch)? && table_allows(client, pump, target.table)?;
    Ok(same.then_some(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_inserts_are_recognised() {
        for (sql, expected) in [
            (
                "INSERT INTO t (a) VALUES ($1)",
                "COPY t (a) FROM STDIN BINARY",
            ),
            (
                "insert into s.\"odd name\"(a, \"b\") values ($1, $2);",
                "COPY s.\"odd name\" (a, \"b\") FROM STDIN BINARY",
            ),
        ] {
            assert_eq!(Target::read(sql).unwrap().copy(), expected, "{sql}");
        }
        for sql in [
            "INSERT INTO t VALUES ($1)",
            "INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING",
            "INSERT INTO t (a) VALUES ($1) RETURNING a",
            "INSERT INTO t (a) VALUES ($1), ($2)",
            "INSERT INTO t (a, b) VALUES ($1, 2)",
            "INSERT INTO t (a, b) VALUES ($1, lower($2))",
            "INSERT INTO t AS x (a) VALUES ($1)",
            "INSERT INTO t (a.b) VALUES ($1)",
            "INSERT INTO t (a, b) VALUES ($1)",
            "INSERT INTO t (a) OVERRIDING SYSTEM VALUE VALUES ($1)",
            "UPDATE t SET a = $1",
            "",
        ] {
            assert_eq!(Target::read(sql), None, "{sql}");
        }
    }
}
