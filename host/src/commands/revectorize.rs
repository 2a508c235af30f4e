//! `revectorize`: gives all code of a project vectors now, or makes all of them anew.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::dataset_choice::DatasetChoice;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use crate::foundation::progress::RowProgress;
use crate::vectorization::chunker::CHUNKER;
use crate::vectorization::near_graph::make_graph;
use crate::vectorization::vectorizer::Vectorizer;

/// The command.
pub(super) struct Revectorize;

/// Which project.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: DatasetChoice,
    /// Whether vectors that are there are made anew as well; until they are, meaning counts less in searches. Default
    /// false.
    #[serde(default)]
    force: bool,
}

/// What was done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The project, where one was chosen.
    project_id: Option<String>,
    /// The model.
    model: String,
    /// The model that made this database's vectors before, where it was another one. Its hosts make no more until they
    /// are started again or call this command, and vectors of projects that were not chosen are made anew by this
    /// host's worker.
    replaced_model: Option<String>,
    /// Projects that were looked at.
    projects_processed: usize,
    /// `projects_processed` by its older name.
    datasets_processed: usize,
    /// Files whose chunks were made.
    files_chunked: u64,
    /// Chunks that got a vector.
    total_chunks_revectorized: u64,
    /// By project.
    results: Vec<ProjectResult>,
    /// Whether somebody stopped it; what was stored by then stays.
    cancelled: bool,
    seconds: f64,
}

/// What was done to one project.
#[derive(Serialize, JsonSchema)]
struct ProjectResult {
    project_id: String,
    root_path: String,
    files_chunked: u64,
    chunks_revectorized: u64,
}

impl Operation for Revectorize {
    const NAME: &'static str = "revectorize";
    const SUMMARY: &'static str = "Gives all code vectors that has none, or makes all vectors anew";
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
        let started = Instant::now();
        let code = context.code();
        let chosen = parameters.project.find(context)?;
        let project_id = chosen.as_ref().map(|project| project.id.clone());
        let projects = match chosen {
            Some(project) => vec![project],
            None => {
                let all = code.project_ids()?;
                all.iter()
                    .map(|id| code.project(id))
                    .collect::<Result<_, _>>()?
            }
        };
        let model = context.searcher.model()?;
        let batch_size = context.config.get().workers.vectorization.batch_size;
        let mut vectorizer = Vectorizer::new(code.clone(), model, batch_size);
        let replaced_model = vectorizer.claim_turn()?;
        let mut results = Vec::new();
        for project in projects {
            let work = Work {
                project_id: &project.id,
                force: parameters.force,
            };
            let (files_chunked, chunks_revectorized) = work.run(context, &mut vectorizer, job)?;
            results.push(ProjectResult {
                project_id: project.id,
                root_path: project.root_path,
                files_chunked,
                chunks_revectorized,
            });
        }
        // A model that took another's place keeps its claim until that runs out, so that the other one notices.
        if replaced_model.is_none() {
            vectorizer.give_turn_back()?;
        }
        if !job.cancellation.is_cancelled() {
            make_graph(&code, vectorizer.model(), false);
        }
        Ok(Answer {
            project_id,
            model: vectorizer.model().to_owned(),
            replaced_model,
            projects_processed: results.len(),
            datasets_processed: results.len(),
            files_chunked: results.iter().map(|each| each.files_chunked).sum(),
            total_chunks_revectorized: results.iter().map(|each| each.chunks_revectorized).sum(),
            results,
            cancelled: job.cancellation.is_cancelled(),
            seconds: started.elapsed().as_secs_f64(),
        })
    }
}

/// What is to be done to one project.
struct Work<'a> {
    project_id: &'a str,
    force: bool,
}

impl Work<'_> {
    /// Files whose chunks were made, and chunks that got a vector.
    fn run(
        &self,
        context: &Context,
        vectorizer: &mut Vectorizer,
        job: &Job<'_>,
    ) -> Result<(u64, u64), CommandError> {
        let code = context.code();
        let is_stopped = || job.cancellation.is_cancelled();
        let mut files = 0;
        while !is_stopped() {
            match vectorizer.chunk_some(Some(self.project_id))? {
                0 => break,
                some => files += some as u64,
            }
        }
        while !is_stopped() && vectorizer.forget_other_models(self.project_id)? {}
        while self.force && !is_stopped() && code.forget_vectors(self.project_id)? {}
        let pending = code.vector_coverage(Some(self.project_id), CHUNKER)?;
        job.progress.begin(pending.chunks_pending);
        let mut chunks = 0;
        while !is_stopped() {
            vectorizer.take_turn()?;
            match vectorizer.embed_some(self.project_id)? {
                0 => break,
                some => {
                    chunks += some as u64;
                    job.progress.rows("embedding", "code_chunks", some as u64);
                }
            }
        }
        RowProgress::done(job.progress);
        while !is_stopped() && vectorizer.copy_near(self.project_id)? > 0 {
            vectorizer.take_turn()?;
        }
        Ok((files, chunks))
    }
}
