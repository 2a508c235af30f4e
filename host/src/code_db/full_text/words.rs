//! Cuts text into words as SQLite's tokenizer `unicode61` does, so that every engine finds the same.
//!
//! A word is a run of letters and digits in the sense of Unicode's categories; `total_price` are two. Capitals are
//! made small, and a Latin letter loses its diacritic, as <https://sqlite.org/fts5.html> has it.

use std::borrow::Cow;
use std::ops::Range;

use unicode_general_category::{GeneralCategory, get_general_category};

/// A word of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// Where it stands, in bytes.
    pub(super) place: Range<usize>,
    /// What it is compared by.
    pub(super) folded: Cow<'t, str>,
}

/// The words of `text`, from its start to its end.
pub(super) fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(is_word_character)?;
        let length = text[start..].find(|c| !is_word_character(c) && !is_diacritic(c));
        let end = length.map_or(text.len(), |length| start + length);
        from = end;
        Some(Word {
            place: start..end,
            folded: fold(&text[start..end]),
        })
    })
}

fn is_word_character(c: char) -> bool {
    use GeneralCategory as G;
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    matches!(
        get_general_category(c),
        G::UppercaseLetter
            | G::LowercaseLetter
            | G::TitlecaseLetter
            | G::ModifierLetter
            | G::OtherLetter
            | G::DecimalNumber
            | G::LetterNumber
            | G::OtherNumber
            | G::PrivateUse
    )
}

/// The combining marks that SQLite takes for part of a word (`sqlite3Fts5UnicodeIsdiacritic`).
fn is_diacritic(c: char) -> bool {
    const FROM: u32 = 768;
    const MARKS: u64 = 0x0003_61F8_0802_9FDF;
    u32::from(c)
        .checked_sub(FROM)
        .is_some_and(|place| place < 50 && MARKS >> place & 1 == 1)
}

pub(super) fn fold(word: &str) -> Cow<'_, str> {
    let small = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if word.bytes().all(small) {
        return Cow::Borrowed(word);
    }
    let kept = word.chars().filter(|c| !is_diacritic(*c));
    Cow::Owned(kept.map(|c| without_diacritic(small_letter(c))).collect())
}

fn small_letter(c: char) -> char {
    let mut small = c.to_lowercase();
    match (small.next(), small.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// The letter below a single diacritic; letters that bear several keep them, as in SQLite.
fn without_diacritic(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    let mut parts = Vec::new();
    unicode_normalization::char::decompose_canonical(c, |part| parts.push(part));
    match parts[..] {
        [letter, _] if letter.is_ascii_alphabetic() => letter,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> Vec<String> {
        words(text).map(|word| word.folded.into_owned()).collect()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(
            folded("def total_price(items): # v2.0"),
            ["def", "total", "price", "items", "v2", "0"]
        );
        assert_eq!(folded("os.path.join"), ["os", "path", "join"]);
        assert_eq!(folded("价格=Цена"), ["价格", "цена"]);
        assert_eq!(folded("* ( ^ \""), [""; 0]);
    }

    #[test]
    fn capitals_and_single_diacritics_make_no_difference() {
        assert_eq!(folded("Café CAFE\u{301} ñ"), ["cafe", "cafe", "n"]);
        assert_eq!(folded("\u{1EBF}"), ["\u{1EBF}"]);
    }

    proptest! {
        #[test]
        fn places_follow_each_other_and_hold_their_words(text in "\\PC{0,40}") {
            let mut end = 0;
            for word in words(&text) {
                prop_assert!(word.place.start >= end && word.place.end > word.place.start);
                prop_assert!(text.is_char_boundary(word.place.start));
                prop_assert_eq!(&fold(&text[word.place.clone()]), &word.folded);
                end = word.place.end;
            }
        }
    }
}
