//! Finds functions that are alike in files that were read.

use schemars::JsonSchema;
use serde::Serialize;

use super::source_files::SourceFile;
use crate::analysis::review::Shape;
use crate::code_graph::duplicates::{self, Group};

/// Functions of fewer tokens are alike by chance.
const FEWEST_TOKENS: usize = 20;

/// A function that may be like others.
pub(super) struct Candidate<'a> {
    /// Its file.
    pub(super) file: &'a SourceFile,
    /// Where it is, and its form.
    pub(super) shape: Shape,
}

impl Candidate<'_> {
    fn lines(&self) -> u32 {
        self.shape.end_line.saturating_sub(self.shape.line) + 1
    }
}

/// What functions of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Likeness {
    /// Their form: twice the runs of tokens that both have, by the runs of both together. Names, numbers and comments do
    /// not count.
    Form,
    /// Their meaning: the cosine of the means of their vectors.
    Meaning,
}

/// Functions that are alike.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DuplicateGroup {
    /// What is alike.
    likeness: Likeness,
    /// How alike the least alike of the pairs that link them are, from 0 to 1.
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

/// Those of the functions that are long enough to be compared.
pub(super) fn candidates(shapes: Vec<(&SourceFile, Shape)>, min_lines: u32) -> Vec<Candidate<'_>> {
    shapes
        .into_iter()
        .map(|(file, shape)| Candidate { file, shape })
        .filter(|each| each.lines() >= min_lines && each.shape.tokens.len() >= FEWEST_TOKENS)
        .collect()
}

/// The groups of candidates whose form is at least so alike.
pub(super) fn of_like_form(candidates: &[Candidate<'_>], min_similarity: f64) -> Vec<Group> {
    let sequences: Vec<&[u32]> = candidates
        .iter()
        .map(|each| each.shape.tokens.as_slice())
        .collect();
    duplicates::groups(&sequences, min_similarity)
}

/// The groups as they are told, the longest first; those of like meaning that are of one form are told once.
pub(super) fn told(
    candidates: &[Candidate<'_>],
    of_form: Vec<Group>,
    of_meaning: Vec<Group>,
) -> Vec<DuplicateGroup> {
    let within = |inner: &Group, outer: &Group| {
        inner
            .members
            .iter()
            .all(|member| outer.members.contains(member))
    };
    let new: Vec<Group> = of_meaning
        .into_iter()
        .filter(|group| !of_form.iter().any(|other| within(group, other)))
        .collect();
    let tell = |likeness| {
        move |group: Group| {
            let members = group.members.iter().map(|place| &candidates[*place]);
            DuplicateGroup {
                likeness,
                similarity: group.similarity,
                lines: members.clone().map(Candidate::lines).max().unwrap_or(0),
                occurrences: members.map(occurrence).collect(),
            }
        }
    };
    let of_form = of_form.into_iter().map(tell(Likeness::Form));
    let mut found: Vec<DuplicateGroup> = of_form
        .chain(new.into_iter().map(tell(Likeness::Meaning)))
        .collect();
    found.sort_by_key(|group| std::cmp::Reverse(group.lines as usize * group.occurrences.len()));
    found
}

fn occurrence(Candidate { file, shape }: &Candidate<'_>) -> Occurrence {
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
