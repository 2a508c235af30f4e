//! `update_indexes`: brings the database up to date with the source tree below a directory.

use std::path::{Path, PathBuf};
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::database_errors::path_code;
use super::error::{CommandError, ErrorCode};
use super::index_totals::IndexTotals;
use super::indexing_process::index_all;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::{ProjectChoice, nothing_chosen, require_absolute};
use crate::code_db::page::PageRequest;

/// Files whose lengths are looked at together.
const FILES_AT_ONCE: u32 = 10_000;

/// The command.
pub(super) struct UpdateIndexes;

/// Which tree.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Absolute path of the directory to index: a project's root, or anything above or below one. Source files
    /// below it are read, except hidden ones, those that `.gitignore` and `.ignore` exclude, those behind
    /// symbolic links, binary ones and those of more than 2 MiB.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    root_dir: Option<String>,
    /// Id of the project, as `list_projects` shows it; its root is indexed where no `root_dir` is given.
    #[serde(default)]
    project_id: Option<String>,
    /// Also counts the project's files that have more lines than this.
    #[serde(default)]
    #[schemars(range(min = 1))]
    max_lines: Option<u32>,
}

/// What was done, of all projects below the directory together.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// One line for people.
    message: String,
    /// The directory that was indexed.
    root_dir: PathBuf,
    /// The project, where the directory holds just one.
    project_id: Option<String>,
    #[serde(flatten)]
    totals: IndexTotals,
    #[serde(skip_serializing_if = "Option::is_none")]
    long_files: Option<LongFiles>,
    seconds: f64,
    #[serde(flatten)]
    older: OlderKeys,
}

/// What the older program's command did besides: it made a damaged database anew. Here that is the command
/// `repair_sqlite_database`, and these always say that nothing of it was done.
#[derive(Default, Serialize, JsonSchema)]
struct OlderKeys {
    /// Always empty.
    db_backup_paths: Vec<PathBuf>,
    /// Always false.
    db_repaired: bool,
    /// Always empty.
    workers_restarted: Vec<String>,
}

/// Files that are longer than a limit.
#[derive(Serialize, JsonSchema)]
struct LongFiles {
    max_lines: u32,
    count: u64,
}

impl Operation for UpdateIndexes {
    const NAME: &'static str = "update_indexes";
    const SUMMARY: &'static str =
        "Indexes a directory: new and changed files are read, deleted ones marked";
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
        let choice = ProjectChoice {
            root_dir: parameters.root_dir,
            project_id: parameters.project_id,
        };
        let root_dir = directory(context, &choice)?;
        let totals = index_all(context, &root_dir, job)?;
        let long_files = parameters
            .max_lines
            .map(|max_lines| long_files(context, &totals, max_lines))
            .transpose()?;
        Ok(Answer {
            message: totals.message(),
            project_id: totals.only_project().map(str::to_owned),
            root_dir,
            totals,
            long_files,
            seconds: started.elapsed().as_secs_f64(),
            older: OlderKeys::default(),
        })
    }
}

/// The directory to index: the one that is named, else the root of the project that is named.
fn directory(context: &Context, choice: &ProjectChoice) -> Result<PathBuf, CommandError> {
    let of_project = match &choice.project_id {
        Some(id) => Some(PathBuf::from(context.code().project(id)?.root_path)),
        None => None,
    };
    let Some(named) = &choice.root_dir else {
        let root = of_project.ok_or_else(nothing_chosen)?;
        return readable_directory(&root);
    };
    require_absolute("root_dir", named)?;
    let named = readable_directory(Path::new(named))?;
    match of_project {
        Some(root) if !named.starts_with(&root) => {
            let problem = format!(
                "/root_dir: found {}, expected a path below {}, the root of that project_id",
                named.display(),
                root.display()
            );
            Err(CommandError::new(ErrorCode::InvalidParameters, problem))
        }
        _ => Ok(named),
    }
}

/// The directory's own path, free of links.
fn readable_directory(path: &Path) -> Result<PathBuf, CommandError> {
    let refused = |code, reason: &str| {
        let message = format!("{} cannot be indexed: {reason}", path.display());
        Err(CommandError::new(code, message).with("path", path.display().to_string()))
    };
    let canonical = match path.canonicalize() {
        Ok(canonical) => canonical,
        Err(error) => return refused(path_code(error.kind()), &error.to_string()),
    };
    if !canonical.is_dir() {
        return refused(
            ErrorCode::NotADirectory,
            "it is not a directory; name the directory that holds it",
        );
    }
    match std::fs::read_dir(&canonical) {
        Ok(_) => Ok(canonical),
        Err(error) => refused(path_code(error.kind()), &error.to_string()),
    }
}

fn long_files(
    context: &Context,
    totals: &IndexTotals,
    max_lines: u32,
) -> Result<LongFiles, CommandError> {
    let code = context.code();
    let mut count = 0;
    for project in totals.projects() {
        let mut request = PageRequest::first(FILES_AT_ONCE);
        loop {
            let page = code.list_project_files(Some(&project.project_id), None, request)?;
            let long = page
                .items
                .iter()
                .filter(|file| file.lines.is_some_and(|lines| lines > max_lines));
            count += long.count() as u64;
            if !page.has_more() {
                break;
            }
            request.offset += page.items.len() as u64;
        }
    }
    Ok(LongFiles { max_lines, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_directory_that_is_there_can_be_indexed() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        assert_eq!(readable_directory(&root), Ok(root.clone()));
        let missing = readable_directory(&root.join("none")).unwrap_err();
        assert_eq!(missing.code(), ErrorCode::PathNotFound);
        assert!(
            missing
                .to_string()
                .contains("none cannot be indexed: No such file"),
            "{missing}"
        );
        let file = root.join("a.py");
        std::fs::write(&file, "").unwrap();
        let file = readable_directory(&file).unwrap_err();
        assert_eq!(file.code(), ErrorCode::NotADirectory);
        assert!(
            file.to_string()
                .ends_with("name the directory that holds it"),
            "{file}"
        );
    }
}
