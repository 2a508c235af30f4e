//! What engines without SQLite's index store of a row of text: its words, in the form that each one indexes.
//!
//! The words are cut here, not by the engine: so all of them find the same, whatever its parser, its stop words
//! and its shortest word are.

use std::collections::BTreeMap;
use std::fmt::Write;

use driver_api::Dialect;

use super::words::words;

/// The columns of a row of `code_content` that are searched.
#[derive(Clone, Copy, Debug)]
pub(in crate::code_db) struct Columns<'a> {
    pub(in crate::code_db) entity_type: &'a str,
    pub(in crate::code_db) entity_name: Option<&'a str>,
    pub(in crate::code_db) content: &'a str,
    pub(in crate::code_db) docstring: Option<&'a str>,
    pub(in crate::code_db) name_parts: Option<&'a str>,
    pub(in crate::code_db) text_parts: Option<&'a str>,
}

impl<'a> Columns<'a> {
    /// Each text with its weight of PostgreSQL; the content last, because it may be too long to be placed whole.
    fn weighted(self) -> impl Iterator<Item = (&'a str, Weight)> {
        let columns = [
            (self.entity_type, Weight::Kind),
            (self.entity_name.unwrap_or_default(), Weight::Name),
            (self.name_parts.unwrap_or_default(), Weight::NameParts),
            (self.docstring.unwrap_or_default(), Weight::Docstring),
            (self.content, Weight::Content),
            (self.text_parts.unwrap_or_default(), Weight::Content),
        ];
        columns.into_iter().filter(|(text, _)| !text.is_empty())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Kind,
    Name,
    NameParts,
    Docstring,
    Content,
}

impl Weight {
    fn letter(self) -> &'static str {
        match self {
            Self::Name => "A",
            Self::NameParts | Self::Docstring => "B",
            Self::Content => "C",
            Self::Kind => "D",
        }
    }

    /// How often MySQL gets the words: it weighs by their number alone.
    fn copies(self) -> usize {
        match self {
            Self::Name => 8,
            Self::NameParts => 4,
            Self::Docstring => 2,
            Self::Content | Self::Kind => 1,
        }
    }
}

/// The words of a row in the form of this dialect: a `tsvector` as text, or words for a `FULLTEXT` index.
pub(in crate::code_db) fn document(columns: Columns<'_>, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => postgres(columns),
        _ => mysql(columns),
    }
}

/// Marks a row whose words have not all their places; no word of a text is this.
pub(super) const UNPLACED: &str = "+";

/// PostgreSQL keeps places up to this number, and so many of one word.
const LAST_PLACE: u32 = 16_383;
const MOST_PLACES: usize = 255;

/// A `tsvector` holds a megabyte; this leaves room for what the engine adds to each word.
const MOST_BYTES: usize = 900_000;

/// Longer words are replaced by a digest: MySQL's limit is 84 characters, PostgreSQL's 2,046 bytes.
const LONGEST_WORD: usize = 60;

/// The places of one word, with the letters of their weights.
type Places = Vec<(u32, &'static str)>;

fn postgres(columns: Columns<'_>) -> String {
    let mut lexemes: BTreeMap<String, Places> = BTreeMap::new();
    let mut place = 0;
    let mut complete = true;
    for (text, weight) in columns.weighted() {
        for word in words(text) {
            place += 1;
            let places = lexemes.entry(postgres_term(&word.folded)).or_default();
            if place <= LAST_PLACE && places.len() < MOST_PLACES {
                places.push((place, weight.letter()));
            } else {
                complete = false;
            }
        }
        // No phrase begins in one column and ends in the next.
        place += 1;
    }
    let bytes = |word: &String, places: usize| word.len() + 8 + 2 * places;
    if lexemes
        .iter()
        .map(|(word, places)| bytes(word, places.len()))
        .sum::<usize>()
        > MOST_BYTES
    {
        complete = false;
        lexemes.values_mut().for_each(Vec::clear);
    }
    let mut left = MOST_BYTES;
    lexemes.retain(|word, places| {
        let fits = left.checked_sub(bytes(word, places.len()));
        left = fits.unwrap_or(left);
        fits.is_some()
    });
    if !complete {
        lexemes.insert(UNPLACED.to_owned(), Vec::new());
    }
    print_lexemes(&lexemes)
}

fn print_lexemes(lexemes: &BTreeMap<String, Places>) -> String {
    let mut printed = String::new();
    for (word, places) in lexemes {
        let _ = write!(printed, "'{word}'");
        for (number, (place, weight)) in places.iter().enumerate() {
            let mark = if number == 0 { ':' } else { ',' };
            let _ = write!(printed, "{mark}{place}{weight}");
        }
        printed.push(' ');
    }
    printed
}

/// A word as PostgreSQL gets it. Words are letters and digits, so nothing needs to be escaped.
pub(super) fn postgres_term(word: &str) -> String {
    if word.len() <= LONGEST_WORD {
        word.to_owned()
    } else {
        digest(word)
    }
}

/// Stands between two columns for MySQL; no term is this.
const BETWEEN: &str = "x_x ";

fn mysql(columns: Columns<'_>) -> String {
    let mut printed = String::new();
    for (text, weight) in columns.weighted() {
        let start = printed.len();
        for word in words(text) {
            printed.push_str(&mysql_term(&word.folded));
            printed.push(' ');
        }
        if printed.len() > start {
            printed.push_str(BETWEEN);
            let once = printed[start..].to_owned();
            (1..weight.copies()).for_each(|_| printed.push_str(&once));
        }
    }
    printed
}

/// A word as MySQL gets it: letters, digits and `_` are what its parser takes for a word. The beginning makes
/// every word long enough to be indexed, and none a stop word.
pub(super) fn mysql_term(word: &str) -> String {
    if word.is_ascii() && word.len() <= LONGEST_WORD {
        format!("w_{word}")
    } else if word.len() <= LONGEST_WORD / 2 {
        let mut term = String::from("u_");
        for byte in word.bytes() {
            let _ = write!(term, "{byte:02x}");
        }
        term
    } else {
        digest(word)
    }
}

fn digest(word: &str) -> String {
    format!("h_{}", &blake3::hash(word.as_bytes()).to_hex()[..40])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CART: Columns<'_> = Columns {
        entity_type: "method",
        entity_name: Some("Cart.add"),
        content: "self.add(item)",
        docstring: None,
        name_parts: None,
        text_parts: None,
    };

    fn sorted(document: &str) -> Vec<&str> {
        let mut terms: Vec<&str> = document
            .split(' ')
            .filter(|term| !term.is_empty())
            .collect();
        terms.sort_unstable();
        terms
    }

    #[test]
    fn postgres_gets_places_and_weights() {
        let printed = document(CART, Dialect::Postgres);
        let expected = [
            "'add':4A,7C",
            "'cart':3A",
            "'item':8C",
            "'method':1D",
            "'self':6C",
        ];
        assert_eq!(sorted(&printed), expected);
        let columns = Columns {
            name_parts: Some("add item"),
            content: "x",
            text_parts: Some("item count"),
            ..CART
        };
        let printed = document(columns, Dialect::Postgres);
        let expected = [
            "'add':4A,6B",
            "'cart':3A",
            "'count':12C",
            "'item':7B,11C",
            "'method':1D",
            "'x':9C",
        ];
        assert_eq!(sorted(&printed), expected);
    }

    #[test]
    fn mysql_gets_words_that_no_setting_leaves_out() {
        let columns = Columns {
            entity_name: None,
            content: "a the Straße",
            ..CART
        };
        assert_eq!(
            document(columns, Dialect::Mysql),
            "w_method x_x w_a w_the u_73747261c39f65 x_x "
        );
        let columns = Columns {
            name_parts: Some("add item"),
            text_parts: Some("count"),
            ..columns
        };
        assert_eq!(
            document(columns, Dialect::Mysql),
            format!(
                "w_method x_x {}w_a w_the u_73747261c39f65 x_x w_count x_x ",
                "w_add w_item x_x ".repeat(4)
            )
        );
        assert_eq!(
            document(CART, Dialect::Mysql)
                .matches("w_cart w_add x_x ")
                .count(),
            8
        );
    }

    #[test]
    fn long_words_are_digests_everywhere() {
        let word = "x".repeat(61);
        assert_eq!(postgres_term(&word), mysql_term(&word));
        assert_eq!(postgres_term(&word).len(), 42);
        assert_eq!(mysql_term(&"ж".repeat(16)).len(), 42);
    }

    #[test]
    fn what_cannot_be_placed_is_said() {
        let text = "again ".repeat(MOST_PLACES + 1);
        let columns = Columns {
            content: &text,
            ..CART
        };
        assert!(document(columns, Dialect::Postgres).contains("'+' "));
        assert!(!document(CART, Dialect::Postgres).contains("'+' "));
    }

    #[test]
    fn a_text_of_too_many_words_is_cut_to_what_the_engine_takes() {
        let text: String = (0..200_000).map(|number| format!("w{number} ")).collect();
        let columns = Columns {
            content: &text,
            ..CART
        };
        let printed = document(columns, Dialect::Postgres);
        assert!(
            printed.len() < 1_000_000 && printed.contains("'+' "),
            "{}",
            printed.len()
        );
    }
}
