//! `ast_statistics`: how many syntax nodes of which kind there are in a file or a project.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use super::source_files::SourceFiles;

/// The command.
pub(super) struct AstStatistics;

/// Of what.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only of this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    /// Most files that are read; default 500.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: usize,
    /// Files to leave out at the start, by path; default 0.
    #[serde(default)]
    offset: usize,
}

fn default_limit() -> usize {
    500
}

/// The counts.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    project_id: String,
    file_path: Option<String>,
    /// Files in the project, or the one.
    files_count: usize,
    /// Files that were read for this answer.
    count: usize,
    offset: usize,
    /// Whether files follow; they come with `offset` + `count` as `offset`.
    has_more: bool,
    /// Trees that an older program stored in the database. This one stores none: it parses when it is asked.
    ast_trees_count: u64,
    /// Named nodes.
    nodes: u64,
    /// Levels of the deepest tree.
    max_depth: u64,
    /// Nodes by language and kind.
    node_types: BTreeMap<&'static str, BTreeMap<String, u64>>,
    freshness: Freshness,
}

impl Operation for AstStatistics {
    const NAME: &'static str = "ast_statistics";
    const SUMMARY: &'static str = "Counts syntax nodes by kind in a file or a project";
    const ACCESS: Access = Access::Read;

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
        let file_path = parameters.file_path.as_deref();
        let chosen = SourceFiles::choose(context, &parameters.project, file_path)?;
        let all = &chosen.files;
        let first = parameters.offset.min(all.len());
        let last = (first + parameters.limit).min(all.len());
        let files = &all[first..last];
        let counted = chosen.each(files, job, |analyzer, file, text| {
            analyzer.ast_counts(file.language, text)
        })?;
        let code = context.code();
        let only = file_path.and(all.first()).map(|file| file.id);
        let mut answer = Answer {
            project_id: chosen.project.id.clone(),
            file_path: parameters.file_path,
            files_count: all.len(),
            count: files.len(),
            offset: first,
            has_more: last < all.len(),
            ast_trees_count: code.stored_trees(&chosen.project.id, only)?,
            nodes: 0,
            max_depth: 0,
            node_types: BTreeMap::new(),
            freshness: Freshness::of(&code, files.iter().map(|file| file.id))?,
        };
        let mut unread = Vec::new();
        for (file, counts) in files.iter().zip(counted) {
            let Ok(Ok(counts)) = counts else {
                unread.push(file.relative_path.as_str());
                continue;
            };
            answer.nodes += counts.nodes;
            answer.max_depth = answer.max_depth.max(counts.depth);
            let kinds = answer.node_types.entry(file.language.name()).or_default();
            for (kind, count) in counts.kinds {
                *kinds.entry(kind).or_default() += count;
            }
        }
        answer.freshness.unread(&unread);
        Ok(answer)
    }
}
