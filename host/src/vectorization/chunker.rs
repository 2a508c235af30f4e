//! Cuts the text of an entity into chunks that fit a model, between statements where it is too long.

use std::collections::HashMap;

use crate::analysis::{Analyzer, Language};
use crate::code_db::chunks::replace::{ChunkRecord, FileChunks};
use crate::code_db::chunks::stale::{EntityText, StaleFile};
use crate::foundation::ids::chunk_id;

/// Grows whenever the same text would be cut otherwise; then all chunks are made again.
pub const CHUNKER: i64 = 1;

/// Most tokens of a chunk: small models read 256 pieces of words, and a token here is one piece or a little more.
const MOST_TOKENS: usize = 200;

/// Most chunks of an entity. What is longer is a table or generated code; its rest is found by its words alone.
const MOST_CHUNKS: usize = 64;

/// Makes chunks of files, one after the other.
#[derive(Default)]
pub struct Chunker {
    analyzer: Analyzer,
}

impl Chunker {
    /// All chunks of a file, from the texts of its entities.
    pub fn chunks(&mut self, file: StaleFile, texts: &[EntityText]) -> FileChunks {
        let language = Language::from_name(&file.language);
        let mut seen: HashMap<(String, String), usize> = HashMap::new();
        let mut chunks = Vec::new();
        for text in texts {
            let name = match text.entity_type.as_str() {
                "file" => &file.relative_path,
                _ => &text.name,
            };
            for (ordinal, piece) in (0..).zip(self.pieces(language, text)) {
                let text_of_chunk = format!("{name}\n{}", piece.text);
                let entity = format!("{} {name}", text.entity_type);
                let number = seen.entry((entity.clone(), piece.text)).or_default();
                let uuid = chunk_id(
                    &file.project_id,
                    &file.relative_path,
                    &entity,
                    &text_of_chunk,
                    *number,
                );
                *number += 1;
                chunks.push(ChunkRecord {
                    uuid,
                    entity_type: text.entity_type.clone(),
                    entity_id: text.entity_id,
                    ordinal,
                    line: text.line.saturating_add(piece.line),
                    text: text_of_chunk,
                });
            }
        }
        FileChunks { file, chunks }
    }

    fn pieces(&mut self, language: Option<Language>, text: &EntityText) -> Vec<Piece> {
        let lines: Vec<&str> = text.content.lines().collect();
        let costs: Vec<usize> = lines.iter().map(|line| tokens(line)).collect();
        let mut pieces = if costs.iter().sum::<usize>() <= MOST_TOKENS {
            piece(&lines, 0).into_iter().collect()
        } else {
            let depths = match language {
                Some(language) => self.analyzer.line_depths(language, &text.content),
                None => Vec::new(),
            };
            cut(&lines, &costs, &depths)
        };
        // Where documentation stands outside of the text, it comes before it.
        if let Some(docstring) = outside(text) {
            pieces.splice(0..0, whole_paragraphs(docstring));
        }
        pieces.truncate(MOST_CHUNKS);
        pieces
    }
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    /// Lines before it.
    line: u32,
    text: String,
}

/// The docstring, unless the text holds it.
fn outside(text: &EntityText) -> Option<&str> {
    let docstring = text.docstring.as_deref()?.trim();
    let first = docstring.lines().next()?.trim();
    (!first.is_empty() && !text.content.contains(first)).then_some(docstring)
}

/// A docstring as one piece, or several where it is long; all stand for the first line of their entity.
fn whole_paragraphs(docstring: &str) -> Vec<Piece> {
    let lines: Vec<&str> = docstring.lines().collect();
    let costs: Vec<usize> = lines.iter().map(|line| tokens(line)).collect();
    let mut pieces = cut(&lines, &costs, &[]);
    pieces.iter_mut().for_each(|piece| piece.line = 0);
    pieces
}

/// Cuts lines into pieces of at most [`MOST_TOKENS`], each before the line that is least deep in the syntax, so
/// long as the piece is at least half full.
fn cut(lines: &[&str], costs: &[usize], depths: &[u16]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < lines.len() && pieces.len() < MOST_CHUNKS {
        let mut end = start;
        let (mut sum, mut best) = (0, None);
        while end < lines.len() && (sum == 0 || sum + costs[end] <= MOST_TOKENS) {
            let depth = depths.get(end).copied().unwrap_or(u16::MAX);
            if 2 * sum >= MOST_TOKENS && best.is_none_or(|(least, _)| depth <= least) {
                best = Some((depth, end));
            }
            sum += costs[end];
            end += 1;
        }
        let end = match best {
            Some((_, best)) if end < lines.len() => best,
            _ => end,
        };
        match (
            costs[start..end].iter().sum::<usize>() > MOST_TOKENS,
            &lines[start..end],
        ) {
            (true, [line]) => pieces.extend(cut_line(line, start)),
            (_, some) => pieces.extend(piece(some, start)),
        }
        start = end;
    }
    pieces
}

/// A line that is too long alone, as in minified code.
fn cut_line(line: &str, before: usize) -> Vec<Piece> {
    // Four characters a token is what such text has.
    let characters: Vec<char> = line.chars().take(MOST_CHUNKS * MOST_TOKENS * 4).collect();
    characters
        .chunks(MOST_TOKENS * 4)
        .map(|some| Piece {
            line: number(before),
            text: some.iter().collect(),
        })
        .collect()
}

/// These lines without empty ones; none where all are empty.
fn piece(lines: &[&str], before: usize) -> Option<Piece> {
    let full = |line: &&&str| !line.trim().is_empty();
    let first = lines.iter().position(|line| full(&line))?;
    let kept: Vec<&str> = lines.iter().filter(full).copied().collect();
    Some(Piece {
        line: number(before + first),
        text: kept.join("\n"),
    })
}

fn number(lines: usize) -> u32 {
    u32::try_from(lines).unwrap_or(u32::MAX)
}

/// About how many pieces of words a model makes of a text: runs of letters or digits, long ones more than once, and
/// every other character but white space.
fn tokens(text: &str) -> usize {
    let (mut tokens, mut run) = (0, 0);
    for c in text.chars() {
        if c.is_alphanumeric() {
            run += 1;
            tokens += usize::from(run % 6 == 1);
        } else {
            run = 0;
            tokens += usize::from(!c.is_whitespace());
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> StaleFile {
        StaleFile {
            id: 1,
            project_id: "p".into(),
            relative_path: "shop/cart.py".into(),
            language: "python".into(),
            content_hash: "h".into(),
        }
    }

    fn function(line: u32, content: &str, docstring: Option<&str>) -> EntityText {
        EntityText {
            file_id: 1,
            entity_type: "function".into(),
            entity_id: 7,
            name: "total".into(),
            line,
            content: content.into(),
            docstring: docstring.map(str::to_owned),
        }
    }

    fn chunks(texts: &[EntityText]) -> Vec<ChunkRecord> {
        Chunker::default().chunks(file(), texts).chunks
    }

    #[test]
    fn a_short_entity_is_one_chunk_with_its_name() {
        let found = chunks(&[function(5, "def total(x):\n\n    return x\n", None)]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text, "total\ndef total(x):\n    return x");
        assert_eq!(
            (found[0].line, found[0].entity_id, found[0].ordinal),
            (5, 7, 0)
        );
    }

    #[test]
    fn a_chunk_is_known_by_its_text_not_by_its_place() {
        let (a, b) = (
            "def total(x):\n    return x\n",
            "def total(x):\n    return x + 1\n",
        );
        let before = chunks(&[function(5, a, None)]);
        let moved = chunks(&[function(50, a, None)]);
        let changed = chunks(&[function(5, b, None)]);
        assert_eq!(before[0].uuid, moved[0].uuid);
        assert_ne!(before[0].uuid, changed[0].uuid);
        let twice = chunks(&[function(5, a, None), function(9, a, None)]);
        assert_eq!(twice[0].uuid, before[0].uuid);
        assert_ne!(twice[0].uuid, twice[1].uuid);
    }

    #[test]
    fn documentation_outside_of_the_text_comes_first_and_inside_only_once() {
        let body = "fn total() {}";
        let found = chunks(&[function(5, body, Some("Adds up."))]);
        let texts: Vec<&str> = found.iter().map(|chunk| chunk.text.as_str()).collect();
        assert_eq!(texts, ["total\nAdds up.", "total\nfn total() {}"]);
        let inside = chunks(&[function(
            5,
            "def total():\n    \"\"\"Adds up.\"\"\"\n",
            Some("Adds up."),
        )]);
        assert_eq!(inside.len(), 1);
    }

    #[test]
    fn a_long_body_is_cut_between_its_outermost_statements() {
        let block = |n: usize| {
            format!(
                "    if a{n}:\n{}",
                format!("        call(a{n}, b)\n").repeat(12)
            )
        };
        let body = format!("def total():\n{}{}{}", block(1), block(2), block(3));
        let found = chunks(&[function(1, &body, None)]);
        assert!(found.len() >= 2, "{found:?}");
        for chunk in &found[1..] {
            let first = chunk.text.lines().nth(1).unwrap();
            assert!(first.starts_with("    if a"), "{first}");
        }
        let lines: Vec<u32> = found.iter().map(|chunk| chunk.line).collect();
        let expected = |chunk: &ChunkRecord| body.lines().nth(chunk.line as usize - 1).unwrap();
        for chunk in &found {
            assert_eq!(
                Some(expected(chunk)),
                chunk.text.lines().nth(1),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_line_without_end_makes_a_bounded_number_of_chunks() {
        let found = chunks(&[function(1, &"var a=1;".repeat(200_000), None)]);
        assert_eq!(found.len(), MOST_CHUNKS);
        assert!(
            found
                .iter()
                .all(|chunk| chunk.text.len() <= MOST_TOKENS * 4 + 10)
        );
    }

    proptest! {
        #[test]
        fn no_line_is_lost_or_doubled(lines in prop::collection::vec("[a-z ]{0,80}", 0..60)) {
            let content = lines.join("\n");
            let kept: Vec<&str> = content.lines().filter(|line| !line.trim().is_empty()).collect();
            let found = chunks(&[function(1, &content, None)]);
            let cut: Vec<&str> = found.iter().flat_map(|chunk| chunk.text.lines().skip(1)).collect();
            prop_assert_eq!(cut, kept);
        }
    }
}
