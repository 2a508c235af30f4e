//! The embedded model: static vectors of word pieces, added up. It needs no download and embeds thousands of texts a second.
//!
//! The vectors were distilled from all-MiniLM-L6-v2; `assets/static-embeddings` holds them, what made them, and
//! their licence. A passage is the sum of its pieces, each counted by the logarithm of how often it occurs, plus
//! half of its title: names say more than bodies. Both choices were measured, see `docs/benchmarks.md`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::error::Result;
use super::provider::{EmbeddingProvider, Passage};
use super::word_pieces::Vocabulary;
use crate::foundation::identifiers::words;
use crate::foundation::vector::normalise;

/// The file that `distil.py` writes; that script says what is in it.
static FILE: &[u8] = include_bytes!("../../assets/static-embeddings/static-embeddings.bin");

/// The name of the model. It changes with anything that changes vectors.
pub const MODEL: &str = "static-minilm-l6-v2-256d-1";

/// What a title weighs beside its text.
const TITLE_WEIGHT: f32 = 0.5;

/// Reading the file takes some milliseconds, and many processes never embed anything.
static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| Table::parse(FILE));

struct Table {
    vocabulary: Vocabulary,
    dimensions: usize,
    scales: Vec<f32>,
    /// One row of signed bytes for each piece.
    components: &'static [u8],
}

impl Table {
    /// None where the file is not what `distil.py` writes, which a test rules out.
    fn parse(file: &'static [u8]) -> Option<Self> {
        let rest = file.strip_prefix(b"STATEMB1")?;
        let (count, rest) = number(rest)?;
        let (dimensions, rest) = number(rest)?;
        let (words, rest) = number(rest)?;
        let (words, rest) = rest.split_at_checked(words)?;
        let (scales, components) = rest.split_at_checked(count * 4)?;
        let vocabulary = Vocabulary::from_lines(std::str::from_utf8(words).ok()?);
        let whole = vocabulary.len() == count && components.len() == count * dimensions;
        let (scales, _) = scales.as_chunks::<4>();
        whole.then(|| Self {
            vocabulary,
            dimensions,
            scales: scales
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect(),
            components,
        })
    }

    fn embed(&self, text: &str) -> Vec<f32> {
        let mut pieces = Vec::new();
        for word in words(text) {
            self.vocabulary.add_pieces(word, &mut pieces);
        }
        let mut counts: HashMap<u32, f32> = HashMap::with_capacity(pieces.len());
        for piece in &pieces {
            *counts.entry(*piece).or_default() += 1.0;
        }
        // Sums of floats depend on their order; the same text has the same vector.
        pieces.sort_unstable();
        pieces.dedup();
        let mut vector = vec![0.0; self.dimensions];
        for piece in pieces {
            let count = counts.get(&piece).copied().unwrap_or(1.0);
            self.add(piece, 1.0 + count.ln(), &mut vector);
        }
        normalise(&mut vector);
        vector
    }

    fn add(&self, piece: u32, weight: f32, vector: &mut [f32]) {
        let row = piece as usize;
        let start = row * self.dimensions;
        let components = self.components.get(start..start + self.dimensions);
        let factor = self.scales.get(row).copied().unwrap_or(0.0) * weight;
        for (sum, component) in vector.iter_mut().zip(components.unwrap_or_default()) {
            *sum += f32::from(component.cast_signed()) * factor;
        }
    }
}

/// A little-endian number, and what follows it.
fn number(bytes: &'static [u8]) -> Option<(usize, &'static [u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

/// The embedded model.
#[derive(Clone, Copy, Debug, Default)]
pub struct StaticModel;

impl StaticModel {
    fn embed_text(text: &str) -> Vec<f32> {
        TABLE
            .as_ref()
            .map_or_else(Vec::new, |table| table.embed(text))
    }
}

impl EmbeddingProvider for StaticModel {
    fn model(&self) -> &str {
        MODEL
    }

    fn embed(&self, passages: &[Passage<'_>]) -> Result<Vec<Vec<f32>>> {
        let embed = |passage: &Passage<'_>| {
            let mut vector = Self::embed_text(&format!("{} {}", passage.title, passage.text));
            for (sum, title) in vector.iter_mut().zip(Self::embed_text(passage.title)) {
                *sum += TITLE_WEIGHT * title;
            }
            normalise(&mut vector);
            vector
        };
        Ok(passages.iter().map(embed).collect())
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>> {
        Ok(Self::embed_text(query))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::vector::dot;

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn the_file_is_whole_and_of_the_documented_shape() {
        let table = Table::parse(FILE).unwrap();
        assert_eq!((table.vocabulary.len(), table.dimensions), (29_523, 256));
        assert!(FILE.len() <= 8_000_000);
        assert!(Table::parse(&FILE[..FILE.len() - 1]).is_none());
        // A row is scaled so that its greatest component is 127.
        assert!(dot(&table.components[..256], &table.components[..256]) >= 127 * 127);
    }

    /// Pieces as the Python package `tokenizers` 0.23 gives them for these words with the model's `tokenizer.json`.
    #[test]
    fn words_are_cut_as_the_original_tokenizer_cuts_them() {
        let table = Table::parse(FILE).unwrap();
        let spelt = |pieces: &[&str]| -> Vec<u32> {
            pieces
                .iter()
                .map(|piece| table.vocabulary.number(piece).unwrap())
                .collect()
        };
        for (word, expected) in [
            ("Configuration", &["configuration"][..]),
            ("deserialize", &["des", "##eria", "##li", "##ze"]),
            ("mutex", &["mute", "##x"]),
            ("asyncio", &["as", "##yn", "##cio"]),
            ("kubernetes", &["ku", "##ber", "##net", "##es"]),
            ("Cafe\u{301}", &["cafe"]),
            ("\u{141}\u{d3}D\u{179}", &["\u{142}odz"]),
            (
                "\u{426}\u{435}\u{43d}\u{430}",
                &["\u{446}", "##\u{435}", "##\u{43d}\u{430}"],
            ),
            ("stra\u{df}e", &["st", "##ra\u{df}e"]),
            ("\u{130}stanbul", &["istanbul"]),
        ] {
            let mut pieces = Vec::new();
            assert!(table.vocabulary.add_pieces(word, &mut pieces), "{word}");
            assert_eq!(pieces, spelt(expected), "{word}");
        }
    }

    #[test]
    fn vectors_are_one_long_and_always_the_same() {
        let passage = Passage {
            title: "Cart.total_price",
            text: "def total_price(self):\n    return sum(item.price for item in self.items)",
        };
        let twice = StaticModel.embed(&[passage, passage]).unwrap();
        assert_eq!(twice[0], twice[1]);
        assert!((cosine(&twice[0], &twice[0]) - 1.0).abs() < 1e-5);
        assert_eq!(StaticModel.embed_query("").unwrap(), vec![0.0; 256]);
    }

    #[test]
    fn what_means_the_same_is_nearer_than_what_does_not() {
        let query = StaticModel.embed_query("delete a directory").unwrap();
        let passages = ["removeFolder", "parse_http_header", "sha256_digest"]
            .map(|title| Passage { title, text: "" });
        let vectors = StaticModel.embed(&passages).unwrap();
        let cosines: Vec<f32> = vectors
            .iter()
            .map(|vector| cosine(&query, vector))
            .collect();
        assert!(
            cosines[0] > 0.4 && cosines[1] < 0.2 && cosines[2] < 0.2,
            "{cosines:?}"
        );
    }
}
