//! `cleanup_deleted_files`: erases the rows of files that are marked deleted, or says what that would take.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;

/// The command.
pub(super) struct CleanupDeletedFiles;

/// Which files.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only says what would be erased; default false.
    #[serde(default)]
    dry_run: bool,
    /// Only files that were marked so many days ago, or earlier; default all.
    #[serde(default)]
    older_than_days: Option<u32>,
    /// Erases the rows for good. Without it nothing is erased, because the mark alone leaves files out of every answer;
    /// default false.
    #[serde(default)]
    hard_delete: bool,
}

/// What was erased, or would be.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Whether nothing was changed.
    dry_run: bool,
    /// The files' paths.
    deleted_files: Vec<String>,
    /// Their number.
    total_files: usize,
    /// Their size in bytes when they were indexed.
    total_size: u64,
}

impl Operation for CleanupDeletedFiles {
    const NAME: &'static str = "cleanup_deleted_files";
    const SUMMARY: &'static str =
        "Erases the rows of files that are marked deleted, or says what that would take";
    const ACCESS: Access = Access::Write;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "dry_run": true})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = parameters.project.find(context)?;
        let id = project.as_ref().map(|project| project.id.as_str());
        let days = parameters.older_than_days.unwrap_or(0);
        let files = context.code().deleted_files(id, days)?;
        let dry_run = parameters.dry_run || !parameters.hard_delete;
        if !dry_run {
            let ids: Vec<i64> = files.iter().map(|file| file.id).collect();
            context.code().erase_files(&ids)?;
        }
        Ok(Answer {
            dry_run,
            total_files: files.len(),
            total_size: files.iter().filter_map(|file| file.size).sum(),
            deleted_files: files.into_iter().map(|file| file.path).collect(),
        })
    }
}
