//! Rewrites the placeholder `?` to PostgreSQL's `$1`, `$2`, … and nothing else.

use driver_api::Result;

use crate::error::syntax;
use crate::lexer::{Lexer, Token, continues_name};

/// SQL as PostgreSQL takes it, and how many parameters it has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    pub(crate) sql: String,
    pub(crate) placeholders: usize,
}

/// Rewrites one statement.
///
/// A `?` is always a placeholder outside strings, quoted identifiers and comments; the operators that
/// contain one are written with `??`.
pub(crate) fn rewrite(sql: &str) -> Result<Rewritten> {
    // The protocol takes a NUL for the end.
    if sql.as_bytes().contains(&0) {
        return Err(syntax("the statement contains the character NUL"));
    }
    let mut out = String::with_capacity(sql.len() + 16);
    let (mut copied, mut placeholders) = (0, 0usize);
    for piece in Lexer::new(sql) {
        match piece.token {
            Token::Placeholder => {
                out.push_str(between(sql, copied, piece.start));
                placeholders += 1;
                push_number(&mut out, placeholders, sql.as_bytes().get(piece.end));
                copied = piece.end;
            }
            Token::EscapedQuestionMark => {
                out.push_str(between(sql, copied, piece.start));
                out.push('?');
                copied = piece.end;
            }
            Token::Numbered => {
                return Err(syntax("the placeholder for parameters is `?`, not `$1`"));
            }
            _ => {}
        }
    }
    out.push_str(between(sql, copied, sql.len()));
    Ok(Rewritten {
        sql: out,
        placeholders,
    })
}

/// Appends `$1`, apart from a name or number on either side, which would swallow it.
fn push_number(out: &mut String, number: usize, next: Option<&u8>) {
    if out.as_bytes().last().is_some_and(|b| continues_name(*b)) {
        out.push(' ');
    }
    out.push('$');
    out.push_str(&number.to_string());
    if next.is_some_and(|b| continues_name(*b)) {
        out.push(' ');
    }
}

/// Token boundaries lie before and after ASCII characters, so the range is always valid.
fn between(sql: &str, start: usize, end: usize) -> &str {
    sql.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use driver_api::ErrorClass;
    use proptest::prelude::*;

    use super::*;

    fn sql(text: &str) -> String {
        rewrite(text).unwrap().sql
    }

    #[test]
    fn placeholders_are_numbered_and_nothing_else_is_touched() {
        for (given, expected) in [
            ("SELECT ?, ?", "SELECT $1, $2"),
            ("SELECT '?', ?", "SELECT '?', $1"),
            ("SELECT 'it''s ?', ?", "SELECT 'it''s ?', $1"),
            (r"SELECT '\', ?", r"SELECT '\', $1"),
            (r"SELECT E'\'?', ?", r"SELECT E'\'?', $1"),
            (r"SELECT e'\\', ?", r"SELECT e'\\', $1"),
            (
                "SELECT E'a' -- '\n '\\'?', ?",
                "SELECT E'a' -- '\n '\\'?', $1",
            ),
            (r"SELECT nameE'\', ?", r"SELECT nameE'\', $1"),
            ("SELECT U&'?', U&\"?\", ?", "SELECT U&'?', U&\"?\", $1"),
            ("SELECT \"a?\"\"?\", ?", "SELECT \"a?\"\"?\", $1"),
            (
                "SELECT $$?$$, $a$ $b$ ? $a$, ?",
                "SELECT $$?$$, $a$ $b$ ? $a$, $1",
            ),
            ("SELECT a$b$, ? -- $b$", "SELECT a$b$, $1 -- $b$"),
            ("SELECT 1 -- ?\n, ?", "SELECT 1 -- ?\n, $1"),
            ("SELECT /* ? /* ? */ ? */ ?", "SELECT /* ? /* ? */ ? */ $1"),
            ("SELECT a ?? 'k', b ??| ?", "SELECT a ? 'k', b ?| $1"),
            ("SELECT 1 LIMIT?", "SELECT 1 LIMIT $1"),
            ("SELECT ?::int,?1", "SELECT $1::int,$2 1"),
            ("SELECT 'open ?", "SELECT 'open ?"),
            ("SELECT é?", "SELECT é $1"),
        ] {
            assert_eq!(sql(given), expected, "{given}");
        }
        assert_eq!(rewrite("SELECT ?, '?', ?").unwrap().placeholders, 2);
    }

    #[test]
    fn numbered_placeholders_and_nul_are_refused() {
        for text in ["SELECT $1", "SELECT 1\0"] {
            assert_eq!(
                rewrite(text).unwrap_err().class(),
                ErrorClass::Syntax,
                "{text}"
            );
        }
        assert_eq!(sql("SELECT '$1'"), "SELECT '$1'");
    }

    /// A piece of SQL, and what it must become; `#` stands for a placeholder.
    fn any_piece() -> impl Strategy<Value = String> {
        let body = "[a-z?$ ;é()]{0,6}";
        prop_oneof![
            body.prop_map(|b| format!("'{b}'")),
            body.prop_map(|b| format!("'{b}''{b}'")),
            body.prop_map(|b| format!("E'{b}\\'?{b}'")),
            body.prop_map(|b| format!("\"{b}\"\"{b}\"")),
            "[a-z?' ;é]{0,6}".prop_map(|b| format!("$x1${b}$${b}$x1$")),
            "[a-z?'\"$ ]{0,6}".prop_map(|b| format!("--{b}\n")),
            "[a-z?'\"$ ]{0,6}".prop_map(|b| format!("/*{b}/*{b}*/{b}*/")),
            "[a-z_é][a-z0-9_é$]{0,4}",
            // Two of them in a row would begin a comment.
            "-?[+=<>,.0-9]{1,3}",
            Just("#".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn only_placeholders_change(pieces in prop::collection::vec(any_piece(), 0..12)) {
            // The pieces are known by construction; no tokenizer says where the placeholders are.
            let (mut given, mut expected, mut count) = (String::new(), String::new(), 0);
            for piece in &pieces {
                if piece == "#" {
                    count += 1;
                    given.push_str(" ? ");
                    expected.push_str(&format!(" ${count} "));
                } else {
                    given.push_str(&format!(" {piece} "));
                    expected.push_str(&format!(" {piece} "));
                }
            }
            let rewritten = rewrite(&given).unwrap();
            prop_assert_eq!(rewritten.sql, expected);
            prop_assert_eq!(rewritten.placeholders, count);
        }

        #[test]
        fn any_text_is_taken_without_a_panic(text in any::<String>()) {
            let _ = rewrite(&text);
        }
    }
}
