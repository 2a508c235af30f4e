//! The vocabulary of a BERT model, and how a word is cut into its pieces (WordPiece: the longest that fits, repeatedly).
//!
//! The crate `tokenizers` does this and much more, with C++ regular expressions and many dependencies; what uncased
//! BERT needs of it are the lines below. A test of the embedded model compares them with what that library answers.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are unknown, as in BERT.
const LONGEST_WORD: usize = 100;

/// Pieces by their text; those within a word begin with `##`.
pub(super) struct Vocabulary {
    pieces: HashMap<Box<str>, u32>,
}

impl Vocabulary {
    /// From a list with a piece on each line, in the order of their numbers.
    pub(super) fn from_lines(lines: &str) -> Self {
        let pieces = (0..)
            .zip(lines.lines())
            .map(|(number, piece)| (piece.into(), number))
            .collect();
        Self { pieces }
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// The number of a piece.
    #[cfg(test)]
    pub(super) fn number(&self, piece: &str) -> Option<u32> {
        self.pieces.get(piece).copied()
    }

    /// Adds the pieces of a word; nothing and false where the vocabulary cannot spell it.
    pub(super) fn add_pieces(&self, word: &str, pieces: &mut Vec<u32>) -> bool {
        let word = folded(word);
        let before = pieces.len();
        let spelt = word.chars().count() <= LONGEST_WORD && self.spell(&word, pieces);
        if !spelt {
            pieces.truncate(before);
        }
        spelt
    }

    fn spell(&self, word: &str, pieces: &mut Vec<u32>) -> bool {
        let mut key = String::with_capacity(word.len() + 2);
        let mut rest = word;
        while !rest.is_empty() {
            let prefix = if rest.len() == word.len() { "" } else { "##" };
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
            let longest = ends.into_iter().find_map(|end| {
                key.clear();
                key.push_str(prefix);
                key.push_str(&rest[..end]);
                Some((*self.pieces.get(key.as_str())?, end))
            });
            let Some((piece, end)) = longest else {
                return false;
            };
            pieces.push(piece);
            rest = &rest[end..];
        }
        true
    }
}

/// Small letters without accents.
fn folded(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let lower = word.to_lowercase();
    lower.nfd().filter(|c| !is_combining_mark(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(vocabulary: &str, word: &str) -> Option<Vec<u32>> {
        let mut pieces = vec![7];
        let spelt = Vocabulary::from_lines(vocabulary).add_pieces(word, &mut pieces);
        assert_eq!(pieces.remove(0), 7);
        assert!(spelt || pieces.is_empty());
        spelt.then_some(pieces)
    }

    #[test]
    fn the_longest_piece_comes_first() {
        let vocabulary = "token\ntok\n##en\n##ize\n##r\n##i\na";
        assert_eq!(pieces(vocabulary, "Tokenizer"), Some(vec![0, 3, 4]));
        assert_eq!(pieces(vocabulary, "toki"), Some(vec![1, 5]));
        assert_eq!(pieces(vocabulary, "\u{c1}"), Some(vec![6]));
        assert_eq!(pieces(vocabulary, "tokenx"), None);
        assert_eq!(pieces(vocabulary, &"a".repeat(101)), None);
    }
}
