//! Looks at a statement's text as the server does: where strings and comments are, and where it ends.

use driver_api::Result;

use crate::error::{several_statements, syntax};

/// A piece of a statement; white space and comments are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'s> {
    /// A keyword, name or number.
    Word(&'s str),
    /// A string or a quoted name, quotes included.
    Quoted,
    /// A `?` that stands for a parameter.
    Placeholder,
    /// Any other character.
    Sign(char),
}

/// A token and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed<'s> {
    pub(crate) token: Token<'s>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The tokens of SQL text under this driver's `sql_mode`: a backslash is an ordinary character, and
/// `"` quotes names.
pub(crate) struct Tokens<'s> {
    sql: &'s str,
    at: usize,
}

impl<'s> Tokens<'s> {
    pub(crate) fn of(sql: &'s str) -> Self {
        Self { sql, at: 0 }
    }

    /// The next token; `None` at the end.
    ///
    /// # Errors
    /// `Syntax` for a quote or comment that does not end, and for a comment that the server would
    /// execute.
    pub(crate) fn next(&mut self) -> Result<Option<Placed<'s>>> {
        self.skip_blank()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok(None);
        };
        let token = match first {
            '\'' | '"' | '`' => self.quoted(first)?,
            '?' => self.sign(Token::Placeholder, first),
            _ if is_word(first) => self.word(),
            _ => self.sign(Token::Sign(first), first),
        };
        Ok(Some(Placed {
            token,
            start,
            end: self.at,
        }))
    }

    fn rest(&self) -> &'s str {
        self.sql.get(self.at..).unwrap_or_default()
    }

    fn sign(&mut self, token: Token<'s>, first: char) -> Token<'s> {
        self.at += first.len_utf8();
        token
    }

    fn word(&mut self) -> Token<'s> {
        let rest = self.rest();
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        self.at += length;
        Token::Word(&rest[..length])
    }

    /// A doubled quote stands for one: it ends a token and begins the next, which is the same here.
    fn quoted(&mut self, quote: char) -> Result<Token<'s>> {
        let length = self.rest()[1..]
            .find(quote)
            .ok_or_else(|| syntax("a quote is not closed"))?;
        self.at += length + 2;
        Ok(Token::Quoted)
    }

    fn skip_blank(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with('#') || is_line_comment(trimmed) {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if let Some(comment) = trimmed.strip_prefix("/*") {
                if comment.starts_with('!') || comment.starts_with("M!") {
                    return Err(syntax("comments that are executed are not allowed"));
                }
                let length = comment
                    .find("*/")
                    .ok_or_else(|| syntax("a comment is not closed"))?;
                self.at += length + 4;
            } else {
                return Ok(());
            }
        }
    }
}

/// Two dashes begin a comment only before white space, a control character or the end.
fn is_line_comment(text: &str) -> bool {
    text.strip_prefix("--")
        .is_some_and(|after| after.chars().next().is_none_or(|c| c <= ' '))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii()
}

/// The one statement in `sql`, without what follows its last token but a closing `;`.
///
/// # Errors
/// `Syntax` when there is none, or more than one.
pub(crate) fn only_statement(sql: &str) -> Result<&str> {
    // The server takes a NUL for a character of its own, the scanner above would for white space's sake not.
    if sql.contains('\0') {
        return Err(syntax("the statement contains the character NUL"));
    }
    let mut tokens = Tokens::of(sql);
    let (mut end, mut ended) = (None, false);
    while let Some(placed) = tokens.next()? {
        match placed.token {
            Token::Sign(';') => ended = end.is_some(),
            _ if ended => return Err(several_statements()),
            _ => end = Some(placed.end),
        }
    }
    let end = end.ok_or_else(|| syntax("the statement is empty"))?;
    Ok(sql[..end].trim_start())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(sql: &str) -> Vec<Token<'_>> {
        let mut tokens = Tokens::of(sql);
        std::iter::from_fn(|| tokens.next().unwrap())
            .map(|placed| placed.token)
            .collect()
    }

    #[test]
    fn strings_names_and_comments_hide_what_is_in_them() {
        use Token::*;
        for (sql, expected) in [
            ("a ? b", vec![Word("a"), Placeholder, Word("b")]),
            ("'?;' \"?;\" `?;`", vec![Quoted, Quoted, Quoted]),
            ("'a\\' ?", vec![Quoted, Placeholder]),
            ("'it''s;' ?", vec![Quoted, Quoted, Placeholder]),
            ("1 -- ?;\n?", vec![Word("1"), Placeholder]),
            ("1--?", vec![Word("1"), Sign('-'), Sign('-'), Placeholder]),
            ("1 # ?;\n?", vec![Word("1"), Placeholder]),
            ("/* ?; ' */ ? --", vec![Placeholder]),
            ("/*+ hint */ größe", vec![Word("größe")]),
        ] {
            assert_eq!(tokens(sql), expected, "{sql}");
        }
    }

    #[test]
    fn exactly_one_statement_is_taken() {
        for sql in [
            "SELECT 1",
            "SELECT 1;",
            " SELECT 1 ; ; -- end",
            "SELECT 1/* ; */;",
        ] {
            assert_eq!(only_statement(sql).unwrap(), "SELECT 1", "{sql}");
        }
        for (sql, message) in [
            ("", "the statement is empty"),
            (" ; -- ", "the statement is empty"),
            (
                "SELECT 1; x",
                "a call takes one statement, this is more than one",
            ),
            (
                "SELECT 'a\\'; DROP TABLE t; -- '",
                "a call takes one statement, this is more than one",
            ),
            ("SELECT 'x", "a quote is not closed"),
            ("SELECT /* x", "a comment is not closed"),
            (
                "/*!50000 COMMIT */",
                "comments that are executed are not allowed",
            ),
            (
                "SELECT 1 /*M! x */",
                "comments that are executed are not allowed",
            ),
            ("SELECT 1\0", "the statement contains the character NUL"),
        ] {
            let error = only_statement(sql).unwrap_err();
            assert_eq!(error.message(), message, "{sql}");
            assert_eq!(error.sqlstate(), Some("42601"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_scanned_without_panic(sql in "[a;?'\"`/*#\\-\n \\\\é!]{0,40}") {
            if let Ok(statement) = only_statement(&sql) {
                prop_assert!(sql.contains(statement) && !statement.trim().is_empty());
            }
        }

        #[test]
        fn quoted_text_is_one_piece(text in any::<String>(), quote in prop::sample::select(vec!['\'', '"', '`'])) {
            let doubled: String = text.replace('\0', "").replace(quote, &format!("{quote}{quote}"));
            let sql = format!("SELECT {quote}{doubled}{quote} ; ");
            prop_assert_eq!(only_statement(&sql).unwrap().len(), sql.len() - 3);
        }
    }
}
