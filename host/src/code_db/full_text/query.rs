//! What a person typed as an expression of each engine's full-text search: its words, none of them syntax.
//!
//! Identifiers hold several words: `parseHeader` is found by `parse header`, and `parse_header` by `parseHeader`.

use driver_api::Dialect;

use super::document::{self, UNPLACED};
use super::words::words;
use crate::foundation::identifiers;

/// Words that must stand side by side.
pub(in crate::code_db) type Phrase = Vec<String>;

/// Phrases that mean the same: what was typed first, then what identifiers make of it.
pub(in crate::code_db) type Term = Vec<Phrase>;

/// Most words that are joined to one, as camel case does.
const MOST_JOINED: usize = 4;

/// Whether a hit has all terms or any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::code_db) enum Join {
    /// Every term, or all of them as one word.
    All,
    /// At least one.
    Any,
}

/// What was typed, cut at white space; what punctuation joins (`os.path`) is one phrase.
///
/// Nothing a person types is syntax, so nothing can be a syntax error.
pub(in crate::code_db) fn terms(query: &str) -> Vec<Term> {
    query
        .split(|c: char| c.is_whitespace() || c.is_control())
        .map(|typed| (folded(typed), typed))
        .filter(|(phrase, _)| !phrase.is_empty())
        .map(|(phrase, typed)| {
            let parts: Phrase = identifiers::words(typed).flat_map(folded).collect();
            if parts.len() > phrase.len() {
                vec![phrase, parts]
            } else {
                vec![phrase]
            }
        })
        .collect()
}

/// What camel case makes of terms that follow each other: of all of them for [`Join::All`], else of each two.
pub(in crate::code_db) fn joined(terms: &[Term], join: Join) -> Vec<Phrase> {
    let all: Vec<&[String]> = terms
        .iter()
        .filter_map(|term| term.first().map(Vec::as_slice))
        .collect();
    let concatenated = |some: &[&[String]]| vec![some.concat().concat()];
    match join {
        Join::All if (2..=MOST_JOINED).contains(&all.len()) => vec![concatenated(&all)],
        Join::All => Vec::new(),
        Join::Any => all.windows(2).map(concatenated).collect(),
    }
}

fn folded(text: &str) -> Phrase {
    words(text).map(|word| word.folded.into_owned()).collect()
}

/// The expression that finds the terms, or what `joined` holds.
pub(in crate::code_db) fn expression(
    terms: &[Term],
    joined: &[Phrase],
    join: Join,
    dialect: Dialect,
) -> String {
    let phrase = |phrase: &Phrase| match dialect {
        Dialect::Postgres => postgres(phrase),
        Dialect::Mysql => mysql(phrase),
        _ => format!("\"{}\"", phrase.join(" ")),
    };
    let (and, or) = match dialect {
        Dialect::Postgres => (" & ", " | "),
        Dialect::Mysql => (" ", " "),
        _ => (" AND ", " OR "),
    };
    let required = match (dialect, join) {
        (Dialect::Mysql, Join::All) => "+",
        _ => "",
    };
    let each: Vec<String> = terms
        .iter()
        .map(|term| match &term[..] {
            [one] => format!("{required}{}", phrase(one)),
            _ => {
                let all: Vec<String> = term.iter().map(phrase).collect();
                format!("{required}({})", all.join(or))
            }
        })
        .collect();
    let typed = each.join(if join == Join::All { and } else { or });
    if joined.is_empty() {
        return typed;
    }
    let typed = match join {
        Join::All => format!("({typed})"),
        Join::Any => typed,
    };
    let others = joined.iter().map(phrase);
    std::iter::once(typed)
        .chain(others)
        .collect::<Vec<_>>()
        .join(or)
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
        let terms = terms(query);
        expression(&terms, &joined(&terms, join), join, dialect)
    }

    #[test]
    fn words_are_never_syntax() {
        for (query, expected) in [
            ("checkout", r#""checkout""#),
            ("os.path join", r#"("os path" AND "join") OR "ospathjoin""#),
            (r#"a" OR "b"#, r#"("a" AND "or" AND "b") OR "aorb""#),
            (
                "NEAR(a b) -x *",
                r#"("near a" AND "b" AND "x") OR "nearabx""#,
            ),
            ("entity_name:x", r#""entity name x""#),
            ("a\u{0}b", r#"("a" AND "b") OR "ab""#),
            ("a b c d e", r#""a" AND "b" AND "c" AND "d" AND "e""#),
            ("* ( ^ \"", ""),
            ("", ""),
        ] {
            assert_eq!(of(query, Join::All, Dialect::Sqlite), expected, "{query}");
        }
        assert_eq!(
            of("a ' & ! | b\\", Join::Any, Dialect::Postgres),
            "'a' | 'b' | 'ab'"
        );
        assert_eq!(
            of("+a -b @2 \"(", Join::All, Dialect::Mysql),
            "(+w_a +w_b +w_2) w_ab2"
        );
    }

    #[test]
    fn phrases_stay_together() {
        assert_eq!(
            of("os.path x", Join::All, Dialect::Postgres),
            "(('os' <-> 'path' | '+' & 'os' & 'path') & 'x') | 'ospathx'"
        );
        assert_eq!(
            of("os.path x", Join::Any, Dialect::Mysql),
            "\"w_os w_path\" w_x w_ospathx"
        );
    }

    #[test]
    fn camel_case_and_its_words_are_the_same() {
        for (dialect, expected) in [
            (Dialect::Sqlite, r#"("parseheader" OR "parse header")"#),
            (
                Dialect::Postgres,
                "('parseheader' | ('parse' <-> 'header' | '+' & 'parse' & 'header'))",
            ),
            (Dialect::Mysql, "+(w_parseheader \"w_parse w_header\")"),
        ] {
            assert_eq!(of("parseHeader", Join::All, dialect), expected);
        }
        assert_eq!(
            of("parse_header fast", Join::Any, Dialect::Sqlite),
            r#""parse header" OR "fast" OR "parseheaderfast""#
        );
        assert_eq!(
            of("read file now", Join::Any, Dialect::Sqlite),
            r#""read" OR "file" OR "now" OR "readfile" OR "filenow""#
        );
    }
}
