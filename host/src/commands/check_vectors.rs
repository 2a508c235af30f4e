//! `check_vectors`: how much of the code can be found by meaning, and what is missing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use crate::code_db::chunks::coverage::ModelVectors;
use crate::code_db::leases::MODEL_LEASE;
use crate::vectorization::chunker::CHUNKER;

/// The command.
pub(super) struct CheckVectors;

/// Which project.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
}

/// Chunks of the sample.
const SAMPLE: u32 = 5;

/// Characters of a chunk in the sample.
const SHOWN: usize = 120;

/// How much of the code can be found by meaning.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The project, where one was chosen.
    project_id: Option<String>,
    /// The configured model.
    model: Option<String>,
    /// The model that makes the vectors of this database, or did last. Where it is another than `model`, this host makes
    /// none until `revectorize` is called here.
    model_in_use: Option<String>,
    /// Why that model cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    model_error: Option<String>,
    /// All chunks, those of deleted files included.
    total_chunks: u64,
    /// Chunks with a vector of any model.
    chunks_with_vector: u64,
    /// Chunks with a vector of the configured model, which is what a search compares.
    chunks_with_model: u64,
    /// Chunks of present files that have no vector.
    chunks_pending_vectorization: u64,
    /// Files whose chunks were not yet made, or of other content than is stored now.
    files_pending_chunking: u64,
    /// Chunks with a vector of the configured model, in hundredths of all; 100 where there are none.
    vectorization_percentage: f64,
    /// Whether every chunk has its vector.
    is_complete: bool,
    /// The vectors that are stored, by model.
    models: Vec<ModelVectors>,
    /// Some of the chunks that lack a vector of the configured model.
    sample_chunks: Vec<SampleChunk>,
}

/// A chunk without a vector.
#[derive(Serialize, JsonSchema)]
struct SampleChunk {
    chunk_id: i64,
    entity_type: String,
    entity_name: String,
    relative_path: String,
    line: u32,
    /// Its beginning.
    text: String,
}

impl Operation for CheckVectors {
    const NAME: &'static str = "check_vectors";
    const SUMMARY: &'static str =
        "Counts the chunks of code that have vectors, and those that wait for one";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = parameters.project.find(context)?.map(|project| project.id);
        let code = context.code();
        let (model, model_error) = match context.searcher.model() {
            Ok(model) => (Some(model.model().to_owned()), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let coverage = code.vector_coverage(project.as_deref(), CHUNKER)?;
        let models = code.vectors_by_model(project.as_deref())?;
        let chunks_with_model = models
            .iter()
            .find(|each| Some(&each.model) == model.as_ref())
            .map_or(0, |each| each.vectors);
        let name = model.as_deref().unwrap_or_default();
        let lacking = code.chunks_without(project.as_deref(), name, SAMPLE)?;
        let sample = code.chunks_by_id(&lacking)?.into_iter();
        let foreign = coverage
            .chunks_with_vector()
            .saturating_sub(chunks_with_model);
        Ok(Answer {
            project_id: project,
            model,
            model_in_use: code.lease_holder(MODEL_LEASE)?,
            model_error,
            total_chunks: coverage.total_chunks,
            chunks_with_vector: coverage.chunks_with_vector(),
            chunks_with_model,
            chunks_pending_vectorization: coverage.chunks_pending,
            files_pending_chunking: coverage.files_pending,
            vectorization_percentage: percentage(chunks_with_model, coverage.total_chunks),
            is_complete: coverage.is_complete() && foreign == 0,
            models,
            sample_chunks: sample
                .map(|chunk| SampleChunk {
                    chunk_id: chunk.id,
                    entity_type: chunk.entity_type,
                    entity_name: chunk.entity_name,
                    relative_path: chunk.relative_path,
                    line: chunk.line,
                    text: chunk.text.chars().take(SHOWN).collect(),
                })
                .collect(),
        })
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "rounded to hundredths of a percent"
)]
fn percentage(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 100.0;
    }
    (part as f64 / whole as f64 * 10_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_all_of_nothing() {
        assert!((percentage(0, 0) - 100.0).abs() < 1e-9);
        assert!((percentage(1, 3) - 33.33).abs() < 1e-9);
    }
}
