//! `semantic_search`: the entities that mean what is asked, or hold its words, best first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{Continuation, Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::chunks::coverage::VectorCoverage;
use crate::code_db::page::Page;
use crate::search::hits::Hit;
use crate::search::project_index::IndexKind;
use crate::search::searcher::{Found, Question};

/// The command.
pub(super) struct SemanticSearch;

/// What is searched for.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// What the code does, in plain words; names of it help.
    #[schemars(length(min = 1, max = 10_000))]
    query: String,
    #[serde(flatten)]
    project: ProjectChoice,
    /// What counts; default `hybrid`.
    #[serde(default)]
    mode: Mode,
    /// Most hits in the answer; default 10. The same as `limit`, which counts where both are given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000))]
    k: Option<u32>,
    /// Most hits in the answer; default 10.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000))]
    limit: Option<u32>,
    /// Only hits whose `similarity` is at least this; hits by words alone have none and are left out then.
    #[serde(default)]
    #[schemars(range(min = -1, max = 1))]
    min_score: Option<f32>,
    #[serde(flatten)]
    rest: Continuation,
}

/// Hits when nothing else is wanted.
const DEFAULT_HITS: u32 = 10;

/// What counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// Meaning and words, as one ranking.
    #[default]
    Hybrid,
    /// Meaning alone.
    Meaning,
    /// Words alone: any of them, the best by BM25 where the database has it.
    Words,
}

/// The hits, best first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    query: String,
    /// What was asked for.
    mode: Mode,
    /// The project, where one was chosen.
    project_id: Option<String>,
    /// That project's dataset, which is all of it.
    dataset_id: Option<String>,
    /// Always null: the index is no file, but in memory or in the database.
    index_path: Option<String>,
    min_score: Option<f32>,
    /// `limit` by its older name.
    k: u32,
    #[serde(flatten)]
    place: Place,
    results: Vec<Hit>,
    /// Whether the answer is worse than it could be; `warning` says why and what to do.
    degraded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    details: Details,
}

/// What the answer rests on.
#[derive(Serialize, JsonSchema)]
struct Details {
    /// The model whose vectors were compared.
    model: Option<String>,
    /// How vectors were searched, if they were.
    index: Option<IndexKind>,
    /// How much of the code has vectors.
    vectors: VectorCoverage,
}

impl Operation for SemanticSearch {
    const NAME: &'static str = "semantic_search";
    const SUMMARY: &'static str =
        "Finds code by what it does: by meaning and by words together, best hits first";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"query": "compute the price after a discount", "k": 5})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let Parameters {
            query,
            project,
            mode,
            k,
            limit,
            min_score,
            rest,
        } = parameters;
        let project = project.find(context)?.map(|project| project.id);
        let dataset_id = match &project {
            Some(id) => context.code().dataset_of(id)?,
            None => None,
        };
        let limit = limit.or(k).unwrap_or(DEFAULT_HITS);
        let paging = Paging::of(limit, rest);
        let question = Question {
            text: &query,
            project_id: project.as_deref(),
            by_words: mode != Mode::Meaning,
            by_meaning: mode != Mode::Words,
            min_score,
            page: paging.request(),
        };
        let found = context.searcher.search(&context.code(), &question)?;
        let warning = match mode {
            Mode::Words => None,
            Mode::Hybrid | Mode::Meaning => warning(&found),
        };
        let details = Details {
            model: found.model,
            index: found.index,
            vectors: found.coverage,
        };
        let mut page = Page {
            items: found.hits,
            total: found.total as u64,
            offset: question.page.offset,
        };
        let place = paging.place(&mut page);
        Ok(Answer {
            mode,
            dataset_id,
            index_path: None,
            project_id: project,
            min_score,
            k: limit,
            place,
            results: page.items,
            degraded: warning.is_some(),
            warning,
            details,
            query,
        })
    }
}

/// What makes the answer worse than it could be, and what to do.
fn warning(found: &Found) -> Option<String> {
    const MAKE: &str = "call `revectorize`, or set workers.vectorization.enabled for `serve`";
    if let Some(error) = &found.model_failed {
        return Some(format!("{error}; hits are by words alone"));
    }
    let VectorCoverage {
        total_chunks,
        chunks_pending,
        files_pending,
    } = found.coverage;
    let with_vector = found.coverage.chunks_with_vector();
    if let (Some(model), 1..) = (&found.model, found.foreign) {
        return Some(format!(
            "{} chunks have vectors of another model than this host's, {model}, and are not found by their meaning; \
             configure the model that made them, or call `revectorize` to make all anew by this one",
            found.foreign
        ));
    }
    match (with_vector, chunks_pending + files_pending) {
        (_, 0) => None,
        (0, _) => Some(format!(
            "no code has a vector yet, so meaning does not count; {MAKE}"
        )),
        _ => Some(format!(
            "vectors are incomplete: {chunks_pending} of {total_chunks} chunks have none, and {files_pending} files \
             changed since their chunks were made; where nothing makes them in the background, {MAKE}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::error::EmbeddingError;

    fn found(total_chunks: u64, chunks_pending: u64, files_pending: u64) -> Found {
        Found {
            hits: Vec::new(),
            total: 0,
            model: Some("m".into()),
            model_failed: None,
            foreign: 0,
            coverage: VectorCoverage {
                total_chunks,
                chunks_pending,
                files_pending,
            },
            index: None,
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(warning(&found(9, 0, 0)), None);
        assert_eq!(warning(&found(0, 0, 0)), None);
        let none = warning(&found(0, 0, 4)).unwrap();
        assert!(none.starts_with("no code has a vector yet"), "{none}");
        let some = warning(&found(9, 2, 1)).unwrap();
        assert!(
            some.contains("2 of 9 chunks have none, and 1 files changed"),
            "{some}"
        );
        let foreign = Found {
            foreign: 5,
            ..found(9, 0, 0)
        };
        let foreign = warning(&foreign).unwrap();
        assert!(
            foreign.starts_with("5 chunks have vectors of another model than this host's, m"),
            "{foreign}"
        );
        let failed = Found {
            model_failed: Some(EmbeddingError::Unavailable {
                url: "http://127.0.0.1:1".into(),
                reason: "refused".into(),
            }),
            ..found(9, 0, 0)
        };
        assert!(
            warning(&failed)
                .unwrap()
                .ends_with("hits are by words alone")
        );
    }
}
