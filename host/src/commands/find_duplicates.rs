//! `find_duplicates`: functions and methods of the same or nearly the same form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::duplicate_meaning;
use super::duplicate_search::{self, DuplicateGroup};
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{Paging, Place};
use super::project_choice::ProjectChoice;
use super::source_files::SourceFiles;

/// The command.
pub(super) struct FindDuplicates;

/// Where, and how alike.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only within this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    /// Only functions of at least so many lines; default 5.
    #[serde(default = "default_lines")]
    #[schemars(range(min = 1))]
    min_lines: u32,
    /// How alike they are at least, from above 0 to 1, which is the same but for names and numbers; default 0.8.
    #[serde(default = "default_similarity")]
    #[schemars(range(min = 0.3, max = 1.0))]
    min_similarity: f64,
    /// Whether functions of like meaning and other form are wanted, too: those whose vectors are near; default false.
    #[serde(default)]
    use_semantic: bool,
    /// How alike in meaning, as the cosine of their vectors; default 0.85.
    #[serde(default = "default_semantic")]
    #[schemars(range(min = 0.0, max = 1.0))]
    semantic_threshold: f64,
    #[serde(flatten)]
    paging: Paging,
}

fn default_lines() -> u32 {
    5
}

fn default_similarity() -> f64 {
    0.8
}

fn default_semantic() -> f64 {
    0.85
}

/// The groups, longest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    min_lines: u32,
    min_similarity: f64,
    /// As `total`.
    total_groups: u64,
    /// Functions in all groups, those of other pages included.
    total_occurrences: usize,
    #[serde(flatten)]
    place: Place,
    duplicate_groups: Vec<DuplicateGroup>,
    freshness: Freshness,
}

impl Operation for FindDuplicates {
    const NAME: &'static str = "find_duplicates";
    const SUMMARY: &'static str =
        "Finds functions and methods of the same or nearly the same form, or of like meaning";
    const ACCESS: Access = Access::Read;
    const LONG: bool = true;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "min_lines": 3, "min_similarity": 0.9})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let file_path = parameters.file_path.as_deref();
        let chosen = SourceFiles::choose(context, &parameters.project, file_path)?;
        let reviewed = chosen.each(&chosen.files, job, |analyzer, file, text| {
            Some(analyzer.review(file.language, text).ok()?.shapes)
        })?;
        let (mut shapes, mut unread) = (Vec::new(), Vec::new());
        for (file, found) in chosen.files.iter().zip(reviewed) {
            match found {
                Ok(Some(found)) => shapes.extend(found.into_iter().map(|shape| (file, shape))),
                _ => unread.push(file.relative_path.as_str()),
            }
        }
        let (min_lines, min_similarity) = (parameters.min_lines, parameters.min_similarity);
        let candidates = duplicate_search::candidates(shapes, min_lines);
        let of_form = duplicate_search::of_like_form(&candidates, min_similarity);
        let mut of_meaning = Vec::new();
        let mut lacks = Vec::new();
        if parameters.use_semantic {
            let threshold = parameters.semantic_threshold;
            let project = &chosen.project.id;
            let alike = duplicate_meaning::find(context, project, &candidates, threshold, job)?;
            (of_meaning, lacks) = (alike.groups, alike.lacks);
        }
        let groups = duplicate_search::told(&candidates, of_form, of_meaning);
        let total_occurrences = groups.iter().map(|group| group.occurrences.len()).sum();
        let mut page = parameters.paging.cut(groups);
        let place = parameters.paging.place(&mut page);
        let shown = page.items.iter().flat_map(|group| &group.occurrences);
        let mut freshness = Freshness::of(&context.code(), shown.map(|each| each.file_id))?;
        freshness.unread(&unread);
        for lack in lacks {
            freshness.lacks(lack);
        }
        Ok(Answer {
            min_lines,
            min_similarity,
            total_groups: page.total,
            total_occurrences,
            place,
            duplicate_groups: page.items,
            freshness,
        })
    }
}
