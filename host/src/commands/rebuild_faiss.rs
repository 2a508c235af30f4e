//! `rebuild_faiss`: makes the index of vectors anew, in memory or in pgvector. The name is the older program's.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::dataset_choice::DatasetChoice;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use crate::search::project_index::IndexKind;
use crate::vectorization::near_graph::make_graph;

/// The command.
pub(super) struct RebuildFaiss;

/// Which project.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: DatasetChoice,
}

/// What was made.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The project, where one was chosen.
    project_id: Option<String>,
    /// The model whose vectors are in the index.
    model: String,
    /// Projects whose index was made.
    indexes_rebuilt: usize,
    /// `indexes_rebuilt` by its older name.
    datasets_rebuilt: usize,
    /// Vectors of all of them.
    total_vectors: usize,
    /// By project.
    results: Vec<ProjectIndexBuilt>,
}

/// The index of one project.
#[derive(Serialize, JsonSchema)]
struct ProjectIndexBuilt {
    project_id: String,
    vectors: usize,
    /// How they are searched: by PostgreSQL with pgvector, else exactly, unless there are very many.
    index: IndexKind,
    seconds: f64,
}

impl Operation for RebuildFaiss {
    const NAME: &'static str = "rebuild_faiss";
    const SUMMARY: &'static str =
        "Makes the index of vectors anew from the stored ones, in memory or in pgvector";
    const ACCESS: Access = Access::Write;
    const LONG: bool = true;
    const DESTRUCTIVE: bool = false;
    const IDEMPOTENT: bool = true;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let code = context.code();
        let chosen = parameters.project.find(context)?.map(|project| project.id);
        let projects = match &chosen {
            Some(id) => vec![id.clone()],
            None => code.project_ids()?,
        };
        let model = context.searcher.model()?;
        let mut results = Vec::new();
        for project_id in projects {
            if job.cancellation.is_cancelled() {
                break;
            }
            let started = Instant::now();
            let built = context
                .searcher
                .rebuild(&code, &project_id, model.model())?;
            results.push(ProjectIndexBuilt {
                project_id,
                vectors: built.vectors,
                index: built.kind,
                seconds: started.elapsed().as_secs_f64(),
            });
        }
        if !job.cancellation.is_cancelled() {
            make_graph(&code, model.model(), true);
        }
        Ok(Answer {
            project_id: chosen,
            model: model.model().to_owned(),
            indexes_rebuilt: results.len(),
            datasets_rebuilt: results.len(),
            total_vectors: results.iter().map(|each| each.vectors).sum(),
            results,
        })
    }
}
