//! Finds functions that are alike in files that were read.

use schemars::JsonSchema;
use serde::Serialize;

use super::source_files::SourceFile;
use crate::analysis::review::Shape;
use crate::code_graph::duplicates;

/// Functions of fewer tokens are alike by chance.
const FEWEST_TOKENS: usize = 20;

/// Functions that are alike.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DuplicateGroup {
    /// How alike the least alike of the pairs that link them are, from 0 to 1: twice the runs of tokens that both have,
    /// by the runs of both together. Names, numbers and comments do not count.
    similarity: f64,
    /// Lines of the longest.
    lines: u32,
    /// By path and line.
    pub(super) occurrences: Vec<Occurrence>,
}

/// One of the functions.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Occurrence {
    /// `function` or `method`.
    pub(super) entity_type: &'static str,
    /// Its name; a method's with its class before it.
    pub(super) name: String,
    /// Its file, below the root of its project.
    pub(super) relative_path: String,
    /// First line, from 1.
    pub(super) line: u32,
    /// Last line.
    pub(super) end_line: u32,
    /// The id of its file.
    #[serde(skip)]
    pub(super) file_id: i64,
}

/// The groups of functions of at least `min_lines` lines that are at least so alike, the longest first.
pub(super) fn find(
    shapes: &[(&SourceFile, Shape)],
    min_lines: u32,
    min_similarity: f64,
) -> Vec<DuplicateGroup> {
    let lines = |shape: &Shape| shape.end_line.saturating_sub(shape.line) + 1;
    let large: Vec<&(&SourceFile, Shape)> = shapes
        .iter()
        .filter(|(_, shape)| lines(shape) >= min_lines && shape.tokens.len() >= FEWEST_TOKENS)
        .collect();
    let sequences: Vec<&[u32]> = large
        .iter()
        .map(|(_, shape)| shape.tokens.as_slice())
        .collect();
    let groups = duplicates::groups(&sequences, min_similarity);
    let mut found: Vec<DuplicateGroup> = groups
        .into_iter()
        .map(|group| {
            let members: Vec<_> = group.members.iter().map(|place| large[*place]).collect();
            DuplicateGroup {
                similarity: group.similarity,
                lines: members
                    .iter()
                    .map(|(_, shape)| lines(shape))
                    .max()
                    .unwrap_or(0),
                occurrences: members.into_iter().map(occurrence).collect(),
            }
        })
        .collect();
    found.sort_by_key(|group| std::cmp::Reverse(group.lines as usize * group.occurrences.len()));
    found
}

fn occurrence((file, shape): &(&SourceFile, Shape)) -> Occurrence {
    let (entity_type, name) = match &shape.class_name {
        Some(class) => ("method", format!("{class}.{}", shape.name)),
        None => ("function", shape.name.clone()),
    };
    Occurrence {
        entity_type,
        name,
        relative_path: file.relative_path.clone(),
        line: shape.line,
        end_line: shape.end_line,
        file_id: file.id,
    }
}
