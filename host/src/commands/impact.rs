//! `impact`: what depends on an entity, or on the uncommitted changes of the tree, directly and through others.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command as Process;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::entity_choice::{EntityChoice, chosen_or_only};
use super::error::{CommandError, ErrorCode};
use super::freshness::{Freshness, NOT_ALL_USAGES};
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::EntityType;
use super::project_choice::ProjectChoice;
use crate::code_db::graph::Definition;
use crate::code_db::projects::Project;
use crate::code_graph::calls::{Calls, Reached};
use crate::code_graph::enclosing::Enclosing;

/// The command.
pub(super) struct Impact;

/// Of what.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Name of a class, function or method, or `Class.method`; without one, what the uncommitted changes of the
    /// project's git working tree touch.
    #[serde(default)]
    #[schemars(length(min = 1))]
    entity_name: Option<String>,
    /// Only entities of this kind.
    #[serde(default)]
    entity_type: Option<EntityType>,
    /// Only entities in this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    #[serde(flatten)]
    project: ProjectChoice,
    /// Most usages between the entity and what depends on it; default 5.
    #[serde(default = "default_depth")]
    #[schemars(range(min = 1, max = 20))]
    max_depth: u32,
    /// Most entities in the answer; default 200.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 5_000))]
    limit: usize,
    /// Entities to leave out at the start, nearest first; default 0.
    #[serde(default)]
    #[schemars(range(max = 100_000))]
    offset: usize,
}

fn default_depth() -> u32 {
    5
}

fn default_limit() -> usize {
    200
}

/// What depends on the entities, nearest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The entities that the question is about.
    changed: Vec<Definition>,
    /// What uses them, directly or through others.
    affected: Vec<Reached>,
    count: usize,
    /// Entities left out before this answer.
    offset: usize,
    /// Files that hold any of it.
    files: Vec<String>,
    /// Whether more depends on them than the limits let through.
    has_more: bool,
    freshness: Freshness,
}

impl Operation for Impact {
    const NAME: &'static str = "impact";
    const SUMMARY: &'static str =
        "Shows what depends on an entity, or on the uncommitted git changes, transitively";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"entity_name": "apply", "root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = chosen_or_only(context, &parameters.project)?;
        let changed = match &parameters.entity_name {
            Some(name) => EntityChoice {
                entity_name: name.clone(),
                entity_type: parameters.entity_type,
                file_path: parameters.file_path.clone(),
            }
            .find(context, &project)?,
            None => touched(context, &project)?,
        };
        let code = context.code();
        let calls = Calls::load(&code, &project.id)?;
        let found = calls.dependents(
            &changed,
            parameters.max_depth,
            parameters.offset + parameters.limit,
        )?;
        let (mut affected, has_more) = (found.reached, found.has_more);
        affected.drain(..parameters.offset.min(affected.len()));
        let both = changed
            .iter()
            .chain(affected.iter().map(|each| &each.definition));
        let mut freshness = Freshness::of(&code, both.map(|each| each.file_id))?;
        if has_more {
            freshness.lacks("more depends on it; raise max_depth, or go on with offset");
        }
        if found.is_cut {
            freshness.lacks(NOT_ALL_USAGES);
        }
        let files: HashSet<&str> = affected
            .iter()
            .map(|each| each.definition.relative_path.as_str())
            .collect();
        let mut files: Vec<String> = files.into_iter().map(str::to_owned).collect();
        files.sort();
        Ok(Answer {
            count: affected.len(),
            offset: parameters.offset,
            changed,
            affected,
            files,
            has_more,
            freshness,
        })
    }
}

/// The entities on lines that differ from the last commit.
fn touched(context: &Context, project: &Project) -> Result<Vec<Definition>, CommandError> {
    let code = context.code();
    let mut lines = Vec::new();
    for (path, changed) in changed_lines(&uncommitted(Path::new(&project.root_path))?) {
        let file = match code.file(Some(&project.id), &path) {
            Ok(file) => file,
            // The change is in something that is no source text.
            Err(_) => continue,
        };
        lines.extend(changed.into_iter().map(|line| (file.id, line)));
    }
    let enclosing = Enclosing::read(&code, lines.iter().map(|(file, _)| *file))?;
    let mut seen = HashSet::new();
    let found = lines
        .iter()
        .filter_map(|(file, line)| enclosing.around(*file, *line))
        .filter(|each| seen.insert((each.entity_type, each.entity_id)));
    Ok(found.cloned().collect())
}

/// The difference between the working tree and the last commit, paths relative to the project's root.
fn uncommitted(root: &Path) -> Result<String, CommandError> {
    let refused = |reason: String| {
        let message = format!(
            "the uncommitted changes of {} cannot be told: {reason}; name an entity_name instead",
            root.display()
        );
        CommandError::new(ErrorCode::PathUnusable, message).with("path", root.display().to_string())
    };
    let output = Process::new("git")
        .args([
            "diff",
            "HEAD",
            "--unified=0",
            "--no-color",
            "--no-ext-diff",
            "--relative",
        ])
        .current_dir(root)
        .output()
        .map_err(|error| refused(format!("git: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(refused(
            said.lines().next().unwrap_or("git failed").to_owned(),
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The lines of each file's new text that a difference touches; a deletion touches the line before it.
fn changed_lines(diff: &str) -> Vec<(String, Vec<u32>)> {
    let mut files: Vec<(String, Vec<u32>)> = Vec::new();
    for line in diff.lines() {
        if let Some(path) = line.strip_prefix("+++ b/") {
            files.push((path.to_owned(), Vec::new()));
        } else if let Some(rest) = line.strip_prefix("@@ ")
            && let Some((_, lines)) = files.last_mut()
        {
            let new = rest.split(' ').find_map(|part| part.strip_prefix('+'));
            let (first, count) = new
                .map(|new| new.split_once(',').unwrap_or((new, "1")))
                .unwrap_or_default();
            if let (Ok(first), Ok(count)) = (first.parse::<u32>(), count.parse::<u32>()) {
                lines.extend(first..first.saturating_add(count.max(1)));
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_lines_of_the_new_text() {
        let diff = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -3 +3,2 @@ def f\n-a\n+b\n+c\n\
                    @@ -9,2 +10,0 @@\n-d\n-e\n--- a/y.py\n+++ /dev/null\n";
        assert_eq!(changed_lines(diff), [("x.py".to_owned(), vec![3, 4, 10])]);
    }
}
