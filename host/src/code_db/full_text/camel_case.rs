//! What words in camel case hold, which no tokenizer takes apart: `parseHTTPHeader` is found by `header` as well.
//!
//! These words stand in columns of their own beside the text, so that every engine indexes them like any other text.

use std::collections::HashSet;

use super::words::{fold, words};
use crate::foundation::identifiers;

/// Longer words are data, not names.
const LONGEST_NAME: usize = 60;

/// The words within a word, if it is one in camel case: it begins with a letter, has a capital after that, and a small
/// letter somewhere, so that constants and numbers are none.
pub(super) fn parts(word: &str) -> Option<Vec<String>> {
    let mut letters = word.chars();
    let is_name = letters.next().is_some_and(char::is_alphabetic) && word.len() <= LONGEST_NAME;
    if !is_name || !letters.any(char::is_uppercase) || !word.contains(char::is_lowercase) {
        return None;
    }
    let parts: Vec<String> = identifiers::words(word)
        .map(|part| fold(part).into_owned())
        .collect();
    (parts.len() > 1).then_some(parts)
}

/// The columns of a row of `code_content` that hold what its words in camel case are made of.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::code_db) struct CamelCase {
    /// Of its name; none where it has no such word.
    pub(in crate::code_db) name_parts: Option<String>,
    /// Of its docstring and its text; none where they have no such word.
    pub(in crate::code_db) text_parts: Option<String>,
}

impl CamelCase {
    /// What this row holds.
    pub(in crate::code_db) fn of(name: &str, content: &str, docstring: Option<&str>) -> Self {
        Self {
            name_parts: distinct_parts([name]),
            text_parts: distinct_parts([docstring.unwrap_or_default(), content]),
        }
    }
}

/// Stands between the parts of two words, which are no phrase: a word to every engine, and none that is typed.
const BETWEEN: &str = "\u{E000} ";

/// The parts of each different word in camel case, in the order in which it stands first.
fn distinct_parts<const N: usize>(texts: [&str; N]) -> Option<String> {
    let mut seen = HashSet::new();
    let mut found = String::new();
    for text in texts {
        for word in words(text) {
            let written = &text[word.place];
            let Some(parts) = parts(written) else {
                continue;
            };
            if seen.insert(written) {
                if !found.is_empty() {
                    found.push_str(BETWEEN);
                }
                for part in parts {
                    found.push_str(&part);
                    found.push(' ');
                }
            }
        }
    }
    found.pop().map(|_| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_camel_case_comes_apart() {
        for (word, expected) in [
            ("parseHTTPHeader", Some(&["parse", "http", "header"][..])),
            ("Utf8Reader", Some(&["utf", "8", "reader"])),
            ("IOError", Some(&["io", "error"])),
            ("caféBar", Some(&["cafe", "bar"])),
            ("Header", None),
            ("header", None),
            ("SIZE", None),
            ("v2", None),
            ("0x1F", None),
            ("", None),
            ("é", None),
        ] {
            let expected = expected.map(|parts| parts.iter().map(|it| (*it).to_owned()).collect());
            assert_eq!(parts(word), expected, "{word}");
        }
        assert_eq!(parts(&"aB".repeat(31)), None, "no name");
    }

    #[test]
    fn each_word_is_taken_apart_once_wherever_it_stands() {
        let of = CamelCase::of(
            "Cart.addItem",
            "def addItem(self): itemCount += 1; addItem(x)",
            Some("Counts itemCount."),
        );
        assert_eq!(of.name_parts.as_deref(), Some("add item"));
        assert_eq!(
            of.text_parts.as_deref(),
            Some("item count \u{E000} add item")
        );
        let plain = CamelCase::of("Cart.add_item", "MAX = 0x1F", None);
        assert_eq!((plain.name_parts, plain.text_parts), (None, None));
    }
}
