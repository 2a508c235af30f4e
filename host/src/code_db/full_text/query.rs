//! What a person typed as an expression of each engine's full-text search: its words, none of them syntax.

use driver_api::Dialect;

use super::document::{self, UNPLACED};
use super::words::words;

/// Words that must stand side by side.
pub(in crate::code_db) type Phrase = Vec<String>;

/// Whether a hit has all phrases or any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::code_db) enum Join {
    /// Every phrase.
    All,
    /// At least one.
    Any,
}

/// What was typed, cut at white space; what punctuation joins (`os.path`) is one phrase.
///
/// Nothing a person types is syntax, so nothing can be a syntax error.
pub(in crate::code_db) fn phrases(query: &str) -> Vec<Phrase> {
    query
        .split(|c: char| c.is_whitespace() || c.is_control())
        .map(|typed| words(typed).map(|word| word.folded.into_owned()).collect())
        .filter(|phrase: &Phrase| !phrase.is_empty())
        .collect()
}

/// The expression that finds the phrases.
pub(in crate::code_db) fn expression(phrases: &[Phrase], join: Join, dialect: Dialect) -> String {
    let each = phrases.iter();
    match dialect {
        Dialect::Postgres => {
            let all: Vec<String> = each.map(postgres).collect();
            all.join(if join == Join::All { " & " } else { " | " })
        }
        Dialect::Mysql => {
            let required = if join == Join::All { "+" } else { "" };
            let all: Vec<String> = each
                .map(|phrase| format!("{required}{}", mysql(phrase)))
                .collect();
            all.join(" ")
        }
        _ => {
            let all: Vec<String> = each
                .map(|phrase| format!("\"{}\"", phrase.join(" ")))
                .collect();
            all.join(if join == Join::All { " AND " } else { " OR " })
        }
    }
}

fn postgres(phrase: &Phrase) -> String {
    let terms: Vec<String> = phrase
        .iter()
        .map(|word| format!("'{}'", document::postgres_term(word)))
        .collect();
    match &terms[..] {
        [one] => one.clone(),
        // Where places were too many to be kept, the words alone must do.
        _ => format!(
            "({} | '{UNPLACED}' & {})",
            terms.join(" <-> "),
            terms.join(" & ")
        ),
    }
}

fn mysql(phrase: &Phrase) -> String {
    let terms: Vec<String> = phrase
        .iter()
        .map(|word| document::mysql_term(word))
        .collect();
    match &terms[..] {
        [one] => one.clone(),
        _ => format!("\"{}\"", terms.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str, join: Join, dialect: Dialect) -> String {
        expression(&phrases(query), join, dialect)
    }

    #[test]
    fn words_are_never_syntax() {
        for (query, expected) in [
            ("checkout", r#""checkout""#),
            ("os.path join", r#""os path" AND "join""#),
            (r#"a" OR "b"#, r#""a" AND "or" AND "b""#),
            ("NEAR(a b) -x *", r#""near a" AND "b" AND "x""#),
            ("entity_name:x", r#""entity name x""#),
            ("a\u{0}b", r#""a" AND "b""#),
            ("* ( ^ \"", ""),
            ("", ""),
        ] {
            assert_eq!(of(query, Join::All, Dialect::Sqlite), expected, "{query}");
        }
        assert_eq!(
            of("a ' & ! | b\\", Join::Any, Dialect::Postgres),
            "'a' | 'b'"
        );
        assert_eq!(
            of("+a -b @2 \"(", Join::All, Dialect::Mysql),
            "+w_a +w_b +w_2"
        );
    }

    #[test]
    fn phrases_stay_together() {
        assert_eq!(
            of("os.path x", Join::All, Dialect::Postgres),
            "('os' <-> 'path' | '+' & 'os' & 'path') & 'x'"
        );
        assert_eq!(
            of("os.path x", Join::Any, Dialect::Mysql),
            "\"w_os w_path\" w_x"
        );
    }
}
