//! `delete_unwatched_projects`: removes from the database what no watched directory holds any more.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::require_absolute;
use crate::code_db::page::PageRequest;
use crate::code_db::projects::Project;

/// Projects that are read together.
const AT_ONCE: u32 = 1_000;

/// The command.
pub(super) struct DeleteUnwatchedProjects;

/// Which directories count.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// As in the older program; all projects of the database are looked at.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    #[expect(dead_code, reason = "callers of the older program give it")]
    root_dir: Option<String>,
    /// Absolute paths of the directories whose projects are kept; default those that the configuration watches.
    #[serde(default)]
    watched_dirs: Option<Vec<String>>,
    /// Only says what would be deleted; default false.
    #[serde(default)]
    dry_run: bool,
}

/// What was deleted, or would be.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Whether nothing was changed.
    dry_run: bool,
    /// Number of projects that were deleted.
    deleted_count: usize,
    /// Number of projects that were kept.
    kept_count: usize,
    /// The projects that were deleted; nothing on disk is touched.
    projects_deleted: Vec<ProjectLine>,
    /// The projects that were kept.
    projects_kept: Vec<ProjectLine>,
    /// Projects that could not be deleted, with the reason.
    errors: Vec<String>,
    /// Watched directories that are not there; projects below them are kept all the same.
    discovery_errors: Vec<String>,
}

/// A project, in short.
#[derive(Serialize, JsonSchema)]
struct ProjectLine {
    /// Its id.
    project_id: String,
    /// Absolute path of its root.
    root_path: String,
}

impl Operation for DeleteUnwatchedProjects {
    const NAME: &'static str = "delete_unwatched_projects";
    const SUMMARY: &'static str =
        "Deletes from the database the projects that lie in no watched directory";
    const ACCESS: Access = Access::Write;
    const LONG: bool = true;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"watched_dirs": ["/home/me/src"], "dry_run": true})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let watched = watched(context, parameters.watched_dirs)?;
        let mut answer = Answer {
            dry_run: parameters.dry_run,
            ..Answer::default()
        };
        let missing = watched.iter().filter(|directory| !directory.is_dir());
        answer.discovery_errors = missing
            .map(|directory| format!("{} is not there", directory.display()))
            .collect();
        for project in all_projects(context)? {
            let line = ProjectLine {
                project_id: project.id.clone(),
                root_path: project.root_path.clone(),
            };
            if is_watched(Path::new(&project.root_path), &watched)
                || job.cancellation.is_cancelled()
            {
                answer.projects_kept.push(line);
                continue;
            }
            if !parameters.dry_run
                && let Err(error) = context.code().delete_project(&project.id)
            {
                answer
                    .errors
                    .push(format!("{}: {error}", project.root_path));
                answer.projects_kept.push(line);
                continue;
            }
            answer.projects_deleted.push(line);
        }
        answer.deleted_count = answer.projects_deleted.len();
        answer.kept_count = answer.projects_kept.len();
        Ok(answer)
    }
}

/// Free of links, as roots are stored, where they are there. None at all would delete everything, which nobody means.
fn watched(context: &Context, named: Option<Vec<String>>) -> Result<Vec<PathBuf>, CommandError> {
    let directories: Vec<PathBuf> = match named {
        Some(named) => {
            for directory in &named {
                require_absolute("watched_dirs", directory)?;
            }
            named.into_iter().map(PathBuf::from).collect()
        }
        None => context.config.get().workers.file_watcher.watch_dirs.clone(),
    };
    if directories.is_empty() {
        let text = "/watched_dirs: expected at least one directory, here or in `workers.file_watcher.watch_dirs`; \
                    without any, every project would be deleted";
        return Err(CommandError::new(ErrorCode::InvalidParameters, text));
    }
    let canonical = |directory: PathBuf| directory.canonicalize().unwrap_or(directory);
    Ok(directories.into_iter().map(canonical).collect())
}

/// A project is watched in whole, or a part of it is.
fn is_watched(root: &Path, watched: &[PathBuf]) -> bool {
    watched
        .iter()
        .any(|directory| root.starts_with(directory) || directory.starts_with(root))
}

fn all_projects(context: &Context) -> Result<Vec<Project>, CommandError> {
    let mut all = Vec::new();
    loop {
        let request = PageRequest {
            limit: AT_ONCE,
            offset: all.len() as u64,
        };
        let page = context.code().projects(request)?;
        let has_more = page.has_more();
        all.extend(page.items);
        if !has_more {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_watched_with_what_is_around_it_and_with_a_part_of_it() {
        let watched = [
            PathBuf::from("/home/me/src"),
            PathBuf::from("/srv/shop/api"),
        ];
        for (root, expected) in [
            ("/home/me/src", true),
            ("/home/me/src/a", true),
            ("/home/me/srcs", false),
            ("/srv/shop", true),
            ("/srv/other", false),
        ] {
            assert_eq!(is_watched(Path::new(root), &watched), expected, "{root}");
        }
    }
}
