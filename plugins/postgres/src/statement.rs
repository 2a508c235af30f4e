//! What a client's statement is, by its keywords: whether it reads, changes rows, or is refused.

use driver_api::{DriverError, ErrorClass, Result};

use crate::calls;
use crate::error::syntax;
use crate::lexer::{Lexer, Piece, Token};

/// Statements that change a session which clients share, or reach beyond it.
const REFUSED: [(&str, &str); 9] = [
    (
        "COPY",
        "COPY moves data beside the call: insert many rows with `execute_many`",
    ),
    ("DEALLOCATE", "statements are prepared by the driver"),
    (
        "DISCARD",
        "it would change the connection for other clients",
    ),
    ("EXECUTE", "statements are prepared by the driver"),
    ("LISTEN", "notifications are not delivered"),
    ("LOAD", "LOAD runs foreign code"),
    ("PREPARE", "statements are prepared by the driver"),
    ("RESET", "it would change the connection for other clients"),
    ("UNLISTEN", "notifications are not delivered"),
];

const TEMPORARY: &str = "temporary tables and views hide those of other clients";

/// How a statement stands to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It runs in one, or is its own.
    Ordinary,
    /// It needs an open one: `SAVEPOINT`, `RELEASE`.
    Savepoint,
    /// It needs an open one, and makes a failed one usable again: `ROLLBACK TO`.
    RollbackTo,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) step: Step,
    /// It is a query without a part that changes rows or makes a table.
    pub(crate) reads: bool,
    /// It is such a query, and calls no function that may change anything.
    pub(crate) harmless: bool,
    /// Its number of rows is that of the rows that it changed.
    pub(crate) changes: bool,
    /// It is an `INSERT`.
    pub(crate) inserts: bool,
}

/// Looks at a statement; one that a client may not run is an error.
pub(crate) fn classify(sql: &str) -> Result<Shape> {
    let pieces: Vec<Piece> = Lexer::new(sql).collect();
    if pieces.iter().all(|piece| piece.token == Token::Semicolon) {
        return Err(syntax("the statement is empty"));
    }
    let first = leading_words(sql, &pieces);
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    let step = gate(&first)?;
    if makes_temporary_table(sql, &pieces, &first) {
        return Err(refused(TEMPORARY));
    }
    let verb = main_verb(sql, &pieces);
    let queries = matches!(verb.as_str(), "SELECT" | "VALUES" | "TABLE" | "SHOW");
    let reads = queries && !has_inner_change(sql, &pieces) && target(sql, &pieces).is_none();
    Ok(Shape {
        step,
        reads,
        harmless: reads && calls::are_harmless(sql, &pieces),
        changes: is_change(&verb),
        inserts: verb == "INSERT",
    })
}

fn is_change(word: &str) -> bool {
    matches!(word, "INSERT" | "UPDATE" | "DELETE" | "MERGE")
}

/// The word of a piece in capitals; empty for anything else.
pub(crate) fn word(sql: &str, piece: &Piece) -> String {
    match piece.token {
        Token::Word => sql
            .get(piece.start..piece.end)
            .unwrap_or_default()
            .to_ascii_uppercase(),
        _ => String::new(),
    }
}

/// The words that the statement begins with, at most five.
fn leading_words(sql: &str, pieces: &[Piece]) -> Vec<String> {
    pieces
        .iter()
        .skip_while(|piece| matches!(piece.token, Token::Open | Token::Semicolon))
        .take(5)
        .map_while(|piece| Some(word(sql, piece)).filter(|word| !word.is_empty()))
        .collect()
}

fn gate(words: &[&str]) -> Result<Step> {
    match words {
        ["ROLLBACK", rest @ ..] if rest.contains(&"TO") => Ok(Step::RollbackTo),
        ["SAVEPOINT" | "RELEASE", ..] => Ok(Step::Savepoint),
        ["BEGIN" | "COMMIT" | "END" | "ABORT" | "ROLLBACK", ..]
        | ["START" | "PREPARE" | "SET", "TRANSACTION", ..] => Err(DriverError::new(
            ErrorClass::TransactionState,
            "transactions are started and ended by calls, not by SQL",
        )
        .with_sqlstate("25000")),
        ["SET", "LOCAL" | "CONSTRAINTS", ..] => Ok(Step::Ordinary),
        ["SET", ..] => Err(refused("SET would change the connection for other clients")),
        ["CREATE", rest @ ..] if rest.iter().take(3).any(|w| is_temporary(w)) => {
            Err(refused(TEMPORARY))
        }
        [first, ..] => match REFUSED.iter().find(|(word, _)| word == first) {
            Some((_, reason)) => Err(refused(reason)),
            None => Ok(Step::Ordinary),
        },
        [] => Ok(Step::Ordinary),
    }
}

fn is_temporary(word: &str) -> bool {
    matches!(word, "TEMP" | "TEMPORARY" | "PG_TEMP")
}

/// Whether a query makes a temporary table of its result, or `EXPLAIN ANALYZE` any.
fn makes_temporary_table(sql: &str, pieces: &[Piece], first: &[&str]) -> bool {
    let temporary_after = |at: usize, words: usize| {
        let mut next = pieces.iter().skip(at + 1).take(words);
        next.any(|piece| is_temporary(&word(sql, piece)))
    };
    match first {
        ["EXPLAIN", ..] => {
            let create = pieces.iter().position(|piece| word(sql, piece) == "CREATE");
            create.is_some_and(|at| temporary_after(at, 4))
                || target(sql, pieces).is_some_and(|at| temporary_after(at, 2))
        }
        ["SELECT" | "WITH", ..] => target(sql, pieces).is_some_and(|at| temporary_after(at, 2)),
        _ => false,
    }
}

/// Where the `INTO` of `SELECT … INTO table` stands; the keyword cannot be a name without quotes, but
/// behind a dot or `AS`.
fn target(sql: &str, pieces: &[Piece]) -> Option<usize> {
    let before = pieces.windows(2).position(|pair| match pair {
        [before, into] => {
            word(sql, into) == "INTO"
                && before.token != Token::Dot
                && !matches!(word(sql, before).as_str(), "INSERT" | "MERGE" | "AS")
        }
        _ => false,
    })?;
    Some(before + 1)
}

fn refused(reason: &str) -> DriverError {
    DriverError::new(ErrorClass::Access, "the statement is not allowed")
        .with_detail(reason)
        .with_sqlstate("42501")
}

/// The statement's keyword; after `WITH` it is the first that stands outside all brackets.
fn main_verb(sql: &str, pieces: &[Piece]) -> String {
    let mut pieces = pieces
        .iter()
        .skip_while(|piece| matches!(piece.token, Token::Open | Token::Semicolon));
    let first = pieces.next().map(|piece| word(sql, piece));
    if first.as_deref() != Some("WITH") {
        return first.unwrap_or_default();
    }
    let mut depth = 0i64;
    for piece in pieces {
        match piece.token {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            Token::Word if depth == 0 => {
                let word = word(sql, piece);
                if is_change(&word) || matches!(word.as_str(), "SELECT" | "VALUES" | "TABLE") {
                    return word;
                }
            }
            _ => {}
        }
    }
    String::new()
}

/// Whether a bracket begins with a keyword that changes rows: `WITH gone AS (DELETE …)`.
fn has_inner_change(sql: &str, pieces: &[Piece]) -> bool {
    pieces.windows(2).any(|pair| match pair {
        [open, next] => open.token == Token::Open && is_change(&word(sql, next)),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_changing_are_told_apart() {
        for (sql, reads, changes) in [
            ("SELECT 1", true, false),
            ("(SELECT 1) UNION (SELECT 2)", true, false),
            ("/* DELETE */ values (1)", true, false),
            ("WITH a AS (SELECT 1) SELECT * FROM a", true, false),
            (
                "WITH a AS (DELETE FROM t RETURNING 1) SELECT * FROM a",
                false,
                false,
            ),
            (
                "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
                false,
                true,
            ),
            ("update t set a = 1", false, true),
            ("CREATE TABLE t(a int)", false, false),
            ("EXPLAIN ANALYZE DELETE FROM t", false, false),
            ("SELECT 1 INTO t", false, false),
            (
                "WITH a AS (SELECT 1) SELECT * INTO UNLOGGED t FROM a",
                false,
                false,
            ),
            ("SELECT t.into, 1 AS into FROM t", true, false),
            ("INSERT INTO temp SELECT 1", false, true),
        ] {
            let shape = classify(sql).unwrap();
            assert_eq!((shape.reads, shape.changes), (reads, changes), "{sql}");
        }
        assert!(classify("INSERT INTO t VALUES (1)").unwrap().inserts);
    }

    #[test]
    fn transactions_are_not_started_or_ended_by_sql() {
        for sql in [
            "BEGIN",
            "begin;",
            "START TRANSACTION",
            "COMMIT",
            "END",
            "ROLLBACK",
            "ABORT",
            "PREPARE TRANSACTION 'x'",
            "COMMIT PREPARED 'x'",
            "ROLLBACK PREPARED 'x'",
            "SET TRANSACTION READ WRITE",
            "/* */ COMMIT",
        ] {
            let error = classify(sql).unwrap_err();
            assert_eq!(error.class(), ErrorClass::TransactionState, "{sql}");
            assert_eq!(error.sqlstate(), Some("25000"), "{sql}");
        }
        assert_eq!(
            classify("ROLLBACK WORK TO a").unwrap().step,
            Step::RollbackTo
        );
        assert_eq!(classify("SAVEPOINT a").unwrap().step, Step::Savepoint);
    }

    #[test]
    fn what_would_change_the_session_is_refused() {
        for sql in [
            "SET search_path = x",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
            "RESET ALL",
            "DISCARD ALL",
            "LISTEN x",
            "COPY t FROM '/etc/passwd'",
            "CREATE TEMP TABLE t(a int)",
            "CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1",
            "PREPARE x AS SELECT 1",
            "LOAD 'x'",
            "SELECT 1 INTO TEMP x",
            "SELECT a INTO local temporary x FROM t",
            "WITH a AS (SELECT 1) SELECT * INTO TEMP TABLE x FROM a",
            "SELECT 1 INTO pg_temp.x",
            "EXPLAIN ANALYZE SELECT 1 INTO TEMP x",
            "EXPLAIN (ANALYZE) CREATE TEMP TABLE x AS SELECT 1",
        ] {
            let error = classify(sql).unwrap_err();
            assert_eq!(error.class(), ErrorClass::Access, "{sql}");
        }
        assert!(classify("SET LOCAL work_mem = '1MB'").is_ok());
    }

    #[test]
    fn nothing_is_no_statement() {
        for sql in ["", " \n", ";;", "-- only words", "/* /* */ */"] {
            assert_eq!(
                classify(sql).unwrap_err().message(),
                "the statement is empty",
                "{sql}"
            );
        }
    }
}
