//! `get_ast`: the syntax tree of a file as it is on disk.

use std::fs;
use std::time::UNIX_EPOCH;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use super::source_files::SourceFiles;
use crate::analysis::ast::{AstBounds, AstNode};

/// The command.
pub(super) struct GetAst;

/// Of which file, and how much of it.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// The file: its absolute path, or its path below the project's root. Only indexed files are read.
    #[schemars(length(min = 1))]
    file_path: String,
    /// Whether the answer has the tree, and not only its hash; default true.
    #[serde(default = "yes")]
    include_json: bool,
    /// Most levels of nodes; default 12.
    #[serde(default = "default_depth")]
    #[schemars(range(min = 1, max = 50))]
    max_depth: usize,
    /// Most nodes, in the order of the text; default 1,000.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 100_000))]
    limit: usize,
    /// Only nodes that touch this line or later ones, from 1; default 1.
    #[serde(default = "first")]
    #[schemars(range(min = 1))]
    first_line: u32,
    /// Only nodes that touch this line or earlier ones; default: no bound.
    #[serde(default)]
    #[schemars(range(min = 1))]
    last_line: Option<u32>,
}

fn yes() -> bool {
    true
}

fn default_depth() -> usize {
    12
}

fn default_limit() -> usize {
    1_000
}

fn first() -> u32 {
    1
}

/// The tree.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Absolute path.
    file_path: String,
    /// That path below the root of its project.
    relative_path: String,
    file_id: i64,
    language: &'static str,
    /// A hash of the kinds and places of all nodes of the file.
    ast_hash: String,
    /// When the file was last changed, in seconds since 1970.
    file_mtime: Option<f64>,
    /// Nodes in the answer.
    count: usize,
    /// Whether nodes were left out because of `max_depth` or `limit`; narrower lines show them.
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ast: Option<AstNode>,
    freshness: Freshness,
}

impl Operation for GetAst {
    const NAME: &'static str = "get_ast";
    const SUMMARY: &'static str = "Shows the syntax tree of a file, or of some of its lines";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "file_path": "shop/cart.py", "max_depth": 4})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let chosen =
            SourceFiles::choose(context, &parameters.project, Some(&parameters.file_path))?;
        let bounds = AstBounds {
            depth: parameters.max_depth,
            nodes: parameters.limit,
            first_line: parameters.first_line,
            last_line: parameters.last_line.unwrap_or(u32::MAX),
        };
        let mut parsed = chosen.each(&chosen.files, job, |analyzer, file, text| {
            analyzer.ast(file.language, text, &bounds)
        })?;
        let (Some(file), Some(parsed)) = (chosen.files.first(), parsed.pop()) else {
            return Err(CommandError::new(ErrorCode::Internal, "no file was read"));
        };
        let ast = parsed?.map_err(|problem| {
            let message = format!(
                "{} cannot be parsed: {}",
                file.path.display(),
                problem.message
            );
            CommandError::new(ErrorCode::PathUnusable, message)
        })?;
        let modified = fs::metadata(&file.path).and_then(|found| found.modified());
        let modified = modified
            .ok()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Ok(Answer {
            file_path: file.path.display().to_string(),
            relative_path: file.relative_path.clone(),
            file_id: file.id,
            language: file.language.name(),
            ast_hash: ast.hash,
            file_mtime: modified.map(|since| since.as_secs_f64()),
            count: if parameters.include_json { ast.told } else { 0 },
            has_more: parameters.include_json && ast.has_more,
            ast: parameters.include_json.then_some(ast.root),
            freshness: Freshness::of(&context.code(), [file.id])?,
        })
    }
}
