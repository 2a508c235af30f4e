//! `fulltext_search`: the entities whose name, docstring or text holds given words, best first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{Continuation, Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::search::{SearchHit, SearchQuery};

/// The command.
pub(super) struct FulltextSearch;

/// What is searched for.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Words in any order; punctuation within a word keeps its parts together, as in `os.path`.
    #[schemars(length(min = 1))]
    query: String,
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only hits in this kind of text; `file` is text outside of entities.
    #[serde(default)]
    entity_type: Option<TextType>,
    /// Most hits in the answer; default 20.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 1_000))]
    limit: u32,
    #[serde(flatten)]
    rest: Continuation,
}

fn default_limit() -> u32 {
    20
}

/// Whose text is searched.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TextType {
    File,
    Class,
    Function,
    Method,
}

impl TextType {
    fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Class => "class",
            Self::Function => "function",
            Self::Method => "method",
        }
    }
}

/// The hits, best first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    query: String,
    #[serde(flatten)]
    place: Place,
    /// Whether hits hold only some of the words, because nothing holds them all.
    partial_match: bool,
    results: Vec<SearchHit>,
    freshness: Freshness,
}

impl Operation for FulltextSearch {
    const NAME: &'static str = "fulltext_search";
    const SUMMARY: &'static str = "Searches names, docstrings and code for words, best hits first";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"query": "parse header", "entity_type": "function", "limit": 10})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let Parameters {
            query,
            project,
            entity_type,
            limit,
            rest,
        } = parameters;
        let project = project.find(context)?;
        let search = SearchQuery {
            text: &query,
            entity_type: entity_type.map(TextType::as_str),
            project_id: project.as_ref().map(|project| project.id.as_str()),
        };
        let paging = Paging::of(limit, rest);
        let mut found = context.code().fulltext_search(&search, paging.request())?;
        let place = paging.place(&mut found.hits);
        let paths = found.hits.items.iter().map(|hit| hit.file_path.as_str());
        let mut freshness = Freshness::of_paths(&context.code(), paths)?;
        if found.partial_match {
            freshness.lacks("nothing holds all of the words; the hits hold some");
        }
        Ok(Answer {
            query,
            place,
            partial_match: found.partial_match,
            results: found.hits.items,
            freshness,
        })
    }
}
