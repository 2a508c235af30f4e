//! Which statements are not for clients, because they end transactions or change the connection that clients share.

use driver_api::{DriverError, ErrorClass, Result};

use crate::sql::{Token, Tokens};

/// What a statement is to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Gives rows and changes none, unless a function that it calls does.
    Read,
    /// Changes rows.
    Write,
    /// The server commits before and after it.
    Schema,
    /// `SAVEPOINT`, `ROLLBACK TO`, `RELEASE`: only inside a transaction.
    Savepoint,
}

/// Statements that have the effect of a commit, by their first word. `CREATE TEMPORARY TABLE` has not, but is refused.
const SCHEMA: [&str; 16] = [
    "ALTER",
    "CACHE",
    "CHECK",
    "CREATE",
    "DROP",
    "FLUSH",
    "GRANT",
    "INSTALL",
    "OPTIMIZE",
    "RENAME",
    "REPAIR",
    "RESET",
    "REVOKE",
    "TRUNCATE",
    "UNINSTALL",
    "COMMENT",
];

const READS: [&str; 8] = [
    "SELECT", "WITH", "TABLE", "VALUES", "SHOW", "DESCRIBE", "DESC", "EXPLAIN",
];

/// Functions that wait, and answer a request to stop with a value.
const WAITS: [&str; 7] = [
    "SLEEP",
    "BENCHMARK",
    "GET_LOCK",
    "MASTER_POS_WAIT",
    "SOURCE_POS_WAIT",
    "MASTER_GTID_WAIT",
    "WAIT_FOR_EXECUTED_GTID_SET",
];

/// Decides what a statement is.
///
/// # Errors
/// `TransactionState` for the control of transactions, `Access` for what would reach outside the
/// database or change the connection, `Unsupported` for `CALL`.
pub(crate) fn classify(statement: &str) -> Result<Kind> {
    let words = Words::of(statement)?;
    let word = |index: usize| words.upper(index);
    let (first, second, third) = (word(0), word(1), word(2));
    let kind = match (first.as_str(), second.as_str(), third.as_str()) {
        ("ROLLBACK", "TO", _) | ("ROLLBACK", "WORK", "TO") | ("SAVEPOINT" | "RELEASE", ..) => {
            Kind::Savepoint
        }
        ("BEGIN" | "COMMIT" | "ROLLBACK" | "XA" | "END", ..)
        | ("START", "TRANSACTION", _)
        | ("SET", "TRANSACTION" | "AUTOCOMMIT", _)
        | ("SET", "SESSION" | "GLOBAL" | "LOCAL", "TRANSACTION" | "AUTOCOMMIT") => {
            return Err(by_calls());
        }
        (
            "SET" | "USE" | "LOCK" | "UNLOCK" | "HANDLER" | "PREPARE" | "EXECUTE" | "DEALLOCATE",
            ..,
        ) => {
            return Err(refused(&format!(
                "{first} would change the connection for other clients"
            )));
        }
        ("LOAD", "DATA" | "XML", _) => return Err(refused("LOAD reads files")),
        ("CREATE" | "DROP", "TEMPORARY", _) | ("CREATE", "OR", "REPLACE")
            if second == "TEMPORARY" || word(3) == "TEMPORARY" =>
        {
            return Err(refused("temporary tables hide those of other clients"));
        }
        ("CALL", ..) => {
            return Err(DriverError::new(
                ErrorClass::Unsupported,
                "stored procedures are not called, because they may end the transaction",
            )
            .with_sqlstate("0A000"));
        }
        ("ANALYZE" | "LOAD", "TABLE" | "LOCAL" | "NO_WRITE_TO_BINLOG" | "INDEX", _) => Kind::Schema,
        (first, ..) if SCHEMA.contains(&first) => Kind::Schema,
        ("WITH", ..) if words.contains(&["INSERT", "UPDATE", "DELETE", "REPLACE"]) => Kind::Write,
        // It runs what it analyses.
        ("ANALYZE", ..) | ("EXPLAIN" | "DESCRIBE" | "DESC", "ANALYZE", _)
            if words.contains(&["INSERT", "UPDATE", "DELETE", "REPLACE"]) =>
        {
            Kind::Write
        }
        ("ANALYZE", ..) => Kind::Read,
        (first, ..) if READS.contains(&first) => {
            if words.contains(&["OUTFILE", "DUMPFILE"]) && words.contains(&["INTO"]) {
                return Err(refused("SELECT INTO writes files"));
            }
            // Into variables. An explained INSERT INTO is not carried out.
            let explained = matches!(first, "EXPLAIN" | "DESCRIBE" | "DESC" | "SHOW");
            match words.contains(&["INTO"]) && !explained {
                true => Kind::Write,
                false => Kind::Read,
            }
        }
        _ => Kind::Write,
    };
    Ok(kind)
}

/// Whether a statement may end in success because somebody asked for its end.
pub(crate) fn waits(statement: &str) -> Result<bool> {
    Ok(Words::of(statement)?.contains(&WAITS))
}

/// Whether a statement gives the rows that it changes.
pub(crate) fn has_returning(statement: &str) -> Result<bool> {
    Ok(Words::of(statement)?.contains(&["RETURNING"]))
}

/// The statement as this server takes it: other engines have `RELEASE name`, this one wants a word more.
pub(crate) fn in_server_words(statement: &str, kind: Kind) -> Result<String> {
    if kind == Kind::Savepoint {
        let mut tokens = Tokens::of(statement);
        if let Some(first) = tokens.next()?
            && matches!(first.token, Token::Word(word) if word.eq_ignore_ascii_case("RELEASE"))
            && let Some(second) = tokens.next()?
            && !matches!(second.token, Token::Word(word) if word.eq_ignore_ascii_case("SAVEPOINT"))
        {
            return Ok(format!("RELEASE SAVEPOINT {}", &statement[second.start..]));
        }
    }
    Ok(statement.to_owned())
}

fn by_calls() -> DriverError {
    DriverError::new(
        ErrorClass::TransactionState,
        "transactions are started and ended by calls, not by SQL",
    )
    .with_sqlstate("25000")
}

fn refused(reason: &str) -> DriverError {
    DriverError::new(ErrorClass::Access, "the statement is not allowed")
        .with_detail(reason)
        .with_sqlstate("42501")
}

/// The unquoted words of a statement. Parentheses before the first are skipped: `(SELECT 1) UNION ...`.
struct Words<'s>(Vec<&'s str>);

impl<'s> Words<'s> {
    fn of(statement: &'s str) -> Result<Self> {
        let mut tokens = Tokens::of(statement);
        let mut words = Vec::new();
        while let Some(placed) = tokens.next()? {
            match placed.token {
                Token::Word(word) => words.push(word),
                Token::Sign('(') if words.is_empty() => {}
                // What begins with something else is not SQL; the server says so.
                _ if words.is_empty() => break,
                _ => {}
            }
        }
        Ok(Self(words))
    }

    fn upper(&self, index: usize) -> String {
        self.0
            .get(index)
            .map_or_else(String::new, |word| word.to_ascii_uppercase())
    }

    fn contains(&self, searched: &[&str]) -> bool {
        let is = |word: &&str| searched.iter().any(|one| one.eq_ignore_ascii_case(word));
        self.0.iter().any(is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::*;

    #[test]
    fn statements_are_told_apart() {
        for (sql, kind) in [
            ("select 1", Read),
            ("(SELECT 1) UNION (SELECT 2)", Read),
            ("/* a */ SHOW TABLES", Read),
            ("WITH x AS (SELECT 1) SELECT * FROM x", Read),
            ("WITH x AS (SELECT 1) DELETE FROM t", Write),
            ("ANALYZE SELECT 1", Read),
            ("ANALYZE UPDATE t SET a = 1", Write),
            ("EXPLAIN ANALYZE DELETE FROM t", Write),
            ("EXPLAIN DELETE FROM t", Read),
            ("EXPLAIN INSERT INTO t VALUES (1)", Read),
            ("SELECT a INTO @x FROM t", Write),
            ("SELECT 'INTO'", Read),
            ("DO f()", Write),
            ("ANALYZE TABLE t", Schema),
            ("insert into t values (1)", Write),
            ("REPLACE INTO t VALUES (1)", Write),
            ("CREATE TABLE t(a INT)", Schema),
            ("TRUNCATE t", Schema),
            ("SAVEPOINT a", Savepoint),
            ("ROLLBACK TO a", Savepoint),
            ("ROLLBACK WORK TO SAVEPOINT a", Savepoint),
            ("RELEASE SAVEPOINT a", Savepoint),
            ("SELEC 1", Write),
            ("'x'", Write),
        ] {
            assert_eq!(classify(sql), Ok(kind), "{sql}");
        }
    }

    #[test]
    fn what_ends_transactions_or_reaches_outside_is_refused() {
        use ErrorClass::{Access, TransactionState, Unsupported};
        for (sql, class) in [
            ("BEGIN", TransactionState),
            ("BEGIN NOT ATOMIC COMMIT", TransactionState),
            ("start transaction", TransactionState),
            ("COMMIT", TransactionState),
            ("/**/ROLLBACK", TransactionState),
            ("ROLLBACK AND CHAIN", TransactionState),
            ("XA START 'x'", TransactionState),
            ("SET autocommit = 0", TransactionState),
            ("SET @@autocommit = 0", TransactionState),
            ("SET SESSION TRANSACTION READ WRITE", TransactionState),
            ("SET sql_mode = ''", Access),
            ("SET STATEMENT max_statement_time = 1 FOR SELECT 1", Access),
            ("USE other", Access),
            ("LOCK TABLES t WRITE", Access),
            ("PREPARE s FROM 'COMMIT'", Access),
            ("EXECUTE IMMEDIATE 'COMMIT'", Access),
            ("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t", Access),
            ("SELECT 1 INTO OUTFILE '/tmp/x'", Access),
            ("CREATE TEMPORARY TABLE t(a INT)", Access),
            ("CREATE OR REPLACE TEMPORARY TABLE t(a INT)", Access),
            ("CALL p()", Unsupported),
        ] {
            assert_eq!(classify(sql).unwrap_err().class(), class, "{sql}");
        }
    }

    #[test]
    fn a_release_gets_the_word_that_this_server_wants() {
        let words = |sql| in_server_words(sql, Savepoint).unwrap();
        assert_eq!(words("RELEASE `a b`"), "RELEASE SAVEPOINT `a b`");
        assert_eq!(words("release savepoint a"), "release savepoint a");
        assert_eq!(words("ROLLBACK TO a"), "ROLLBACK TO a");
    }
}
