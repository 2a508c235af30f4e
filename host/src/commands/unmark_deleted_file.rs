//! `unmark_deleted_file`: takes the mark of a deleted file back, so that answers mention it again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;

/// The command.
pub(super) struct UnmarkDeletedFile;

/// Which file.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Path of the file, absolute or from the project's root: where it is, or where it was before it was moved away.
    file_path: String,
    /// Only says whether the file would be found; default false.
    #[serde(default)]
    dry_run: bool,
}

/// What was done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Whether nothing was changed.
    dry_run: bool,
    /// Whether the mark was taken, or would be.
    restored: bool,
    /// The path that the file has now, or would have.
    original_path: String,
    /// Where the older program had moved it to.
    version_dir: Option<String>,
}

impl Operation for UnmarkDeletedFile {
    const NAME: &'static str = "unmark_deleted_file";
    const SUMMARY: &'static str =
        "Takes the mark of a deleted file back; nothing on disk is touched";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = false;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "file_path": "src/cart.py"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = parameters.project.require(context)?;
        // An absolute path stays as it is.
        let path = std::path::Path::new(&project.root_path).join(&parameters.file_path);
        let path = path.to_string_lossy();
        let found = context.code().deleted_file(&project.id, &path)?;
        let file = found.ok_or_else(|| {
            let text = format!("no file {path:?} of the project is marked deleted; see `cleanup_deleted_files` with dry_run");
            CommandError::new(ErrorCode::FileNotFound, text)
        })?;
        if !parameters.dry_run {
            context.code().unmark_deleted(file.id)?;
        }
        Ok(Answer {
            dry_run: parameters.dry_run,
            restored: true,
            original_path: file.original_path.unwrap_or(file.path),
            version_dir: file.version_dir,
        })
    }
}
