//! `search_ast_nodes`: nodes of one kind in the syntax trees of a file or a project, as they are on disk.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use super::source_files::{SourceFile, SourceFiles};
use crate::analysis::Language;
use crate::analysis::ast::{self, AstHit};
use crate::foundation::did_you_mean::nearest_names;

/// Files that are read together before it is looked whether that is enough.
const FILES_AT_ONCE: usize = 64;

/// Most files that one call reads.
const MOST_FILES: usize = 5_000;

/// Kinds that an unknown one is answered with.
const SUGGESTIONS: usize = 3;

/// What the older program called nodes of Python, and what its grammar calls them.
const PYTHON_NAMES: [(&str, &str); 17] = [
    ("AsyncFunctionDef", "function_definition"),
    ("Assert", "assert_statement"),
    ("Assign", "assignment"),
    ("Attribute", "attribute"),
    ("Call", "call"),
    ("ClassDef", "class_definition"),
    ("For", "for_statement"),
    ("FunctionDef", "function_definition"),
    ("If", "if_statement"),
    ("Import", "import_statement"),
    ("ImportFrom", "import_from_statement"),
    ("Lambda", "lambda"),
    ("Raise", "raise_statement"),
    ("Return", "return_statement"),
    ("Try", "try_statement"),
    ("While", "while_statement"),
    ("With", "with_statement"),
];

/// The command.
pub(super) struct SearchAstNodes;

/// Which nodes.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// The kind as the tree-sitter grammar has it, such as `call` or `function_definition`, or as Python's module `ast`
    /// has it, such as `ClassDef`; all named nodes without.
    #[serde(default)]
    #[schemars(length(min = 1))]
    node_type: Option<String>,
    /// Only in this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    /// Most nodes in the answer; default 100.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: usize,
    /// Nodes to leave out at the start; default 0.
    #[serde(default)]
    #[schemars(range(max = 1_000_000))]
    offset: usize,
}

fn default_limit() -> usize {
    100
}

/// The nodes by path and line.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The kind that was looked for, as the grammar has it.
    node_type: Option<String>,
    /// Nodes in this answer.
    count: usize,
    /// Nodes left out before it.
    offset: usize,
    /// Whether nodes follow; they come with `offset` + `count` as `offset`.
    has_more: bool,
    nodes: Vec<Found>,
    freshness: Freshness,
}

/// A node, and where it is.
#[derive(Serialize, JsonSchema)]
struct Found {
    /// Its file, below the root of its project.
    relative_path: String,
    #[serde(flatten)]
    node: AstHit,
}

impl Operation for SearchAstNodes {
    const NAME: &'static str = "search_ast_nodes";
    const SUMMARY: &'static str = "Finds syntax nodes of a kind in a file or a project";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "node_type": "class_definition"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let file_path = parameters.file_path.as_deref();
        let mut chosen = SourceFiles::choose(context, &parameters.project, file_path)?;
        let languages: Vec<Language> = chosen.files.iter().map(|file| file.language).collect();
        let kind = parameters.node_type.as_deref();
        let kind = kind.map(|kind| known(kind, &languages)).transpose()?;
        if let Some(kind) = kind {
            let has: Vec<Language> = having(kind, &languages);
            chosen.files.retain(|file| has.contains(&file.language));
        }
        let wanted = parameters.offset + parameters.limit;
        let (mut found, mut unread, mut read) = (Vec::new(), Vec::new(), 0);
        let some = chosen.files.len().min(MOST_FILES);
        for files in chosen.files[..some].chunks(FILES_AT_ONCE) {
            if found.len() > wanted {
                break;
            }
            let nodes = chosen.each(files, job, |analyzer, file, text| {
                analyzer.ast_nodes(file.language, text, kind, wanted + 1)
            })?;
            for (file, nodes) in files.iter().zip(nodes) {
                match nodes {
                    Ok(Ok(nodes)) => found.extend(nodes.into_iter().map(|node| (file, node))),
                    _ => unread.push(file.relative_path.as_str()),
                }
            }
            read += files.len();
        }
        let has_more = found.len() > wanted;
        let page: Vec<(&SourceFile, AstHit)> = found
            .into_iter()
            .skip(parameters.offset)
            .take(parameters.limit)
            .collect();
        let mut freshness = Freshness::of(&context.code(), page.iter().map(|(file, _)| file.id))?;
        freshness.unread(&unread);
        if !has_more && read < chosen.files.len() {
            freshness.lacks(format!(
                "only {read} of {} files were read; name a file_path or a part of the project as root_dir",
                chosen.files.len()
            ));
        }
        let nodes = page.into_iter().map(|(file, node)| Found {
            relative_path: file.relative_path.clone(),
            node,
        });
        let nodes: Vec<Found> = nodes.collect();
        Ok(Answer {
            node_type: kind.map(str::to_owned),
            count: nodes.len(),
            offset: parameters.offset,
            has_more,
            nodes,
            freshness,
        })
    }
}

/// The kind as a grammar of one of the languages has it.
fn known<'k>(kind: &'k str, languages: &[Language]) -> Result<&'k str, CommandError> {
    let renamed = PYTHON_NAMES.iter().find(|(older, _)| *older == kind);
    let kind = renamed.map_or(kind, |(_, name)| name);
    if languages.is_empty() || !having(kind, languages).is_empty() {
        return Ok(kind);
    }
    let all: BTreeSet<String> = distinct(languages)
        .into_iter()
        .flat_map(ast::kinds)
        .collect();
    let nearest = nearest_names(kind, all.iter().map(String::as_str), SUGGESTIONS);
    let hint = match nearest.is_empty() {
        true => String::new(),
        false => format!("; did you mean {}?", nearest.join(" or ")),
    };
    let message =
        format!("/node_type: no language of these files has nodes of the kind {kind:?}{hint}");
    Err(CommandError::new(ErrorCode::InvalidParameters, message))
}

fn having(kind: &str, languages: &[Language]) -> Vec<Language> {
    let mut having = distinct(languages);
    having.retain(|language| ast::kinds(*language).contains(kind));
    having
}

fn distinct(languages: &[Language]) -> Vec<Language> {
    let all = Language::ALL.into_iter();
    all.filter(|language| languages.contains(language))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_go_by_either_name_and_wrong_ones_suggest_the_nearest() {
        let python = [Language::Python];
        assert_eq!(known("ClassDef", &python), Ok("class_definition"));
        assert_eq!(known("call", &python), Ok("call"));
        let wrong = known("function_definitin", &python).unwrap_err();
        assert_eq!(wrong.code(), ErrorCode::InvalidParameters);
        assert!(
            wrong
                .to_string()
                .contains("did you mean function_definition"),
            "{wrong}"
        );
        for (_, name) in PYTHON_NAMES {
            assert_eq!(known(name, &python), Ok(name));
        }
        let both = [Language::C, Language::Python];
        assert_eq!(having("call", &both), python);
    }
}
