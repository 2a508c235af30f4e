//! What words in camel case hold, which no tokenizer takes apart: `parseHTTPHeader` is found by `header` as well.
//!
//! These words stand in columns of their own beside the text, so that every engine indexes them like any other text.

use std::collections::HashSet;

use super::words::{fold, words};
use crate::foundation::identifiers;

/// Longer words are data, not names.
const LONGEST_NAME: usize = 60;

/// The words within a word, if it is one in camel case: it begins with a letter, has a capital of ASCII after that, and a
/// small letter somewhere, so that constants and numbers are none.
pub(super) fn parts(word: &str) -> Option<Vec<String>> {
    let mut letters = word.chars();
    let is_name = letters.next().is_some_and(char::is_alphabetic) && word.len() <= LONGEST_NAME;
    if !is_name
        || !letters.any(|letter| letter.is_ascii_uppercase())
        || !word.contains(char::is_lowercase)
    {
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
    for stretch in texts.into_iter().flat_map(stretches) {
        for word in words(stretch) {
            let written = &stretch[word.place];
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

/// The stretches of letters and digits that may hold a word in camel case. To look at bytes costs little, and most texts
/// hold few; what such a stretch really holds, [`parts`] says.
fn stretches(text: &str) -> impl Iterator<Item = &str> {
    // Letters beyond ASCII are taken for parts of words whatever they are, so that no character is cut.
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    let bytes = text.as_bytes();
    let mut at = 1;
    std::iter::from_fn(move || {
        let inner =
            |place: &usize| bytes[*place].is_ascii_uppercase() && is_part(bytes[*place - 1]);
        let capital = (at..bytes.len()).find(inner)?;
        let before = bytes[..capital].iter().rposition(|byte| !is_part(*byte));
        let after = bytes[capital..].iter().position(|byte| !is_part(*byte));
        let start = before.map_or(0, |place| place + 1);
        let end = after.map_or(bytes.len(), |length| capital + length);
        at = end + 1;
        Some(&text[start..end])
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_word_in_camel_case_is_overlooked(text in "[a-zA-Z0-9_ .é价Ж]{0,40}") {
            let within = |text: &str| -> Vec<String> {
                let words = words(text).filter(|word| parts(&text[word.place.clone()]).is_some());
                words.map(|word| text[word.place].to_owned()).collect()
            };
            let found: Vec<String> = stretches(&text).flat_map(within).collect();
            prop_assert_eq!(found, within(&text));
        }
    }

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
