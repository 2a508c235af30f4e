//! `repair_database`: brings the marks of deleted files in step with the disk.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::project_choice::ProjectChoice;
use super::watching::rows_of;
use crate::code_db::check::StoredFile;
use crate::universal_driver::maintenance::check::compare_with_disk;
use crate::universal_driver::maintenance::safe_mode::SafeMode;

/// The command.
pub(super) struct RepairDatabase;

/// Which project.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// As in the older program, which moved deleted files there. This one moves no files.
    #[serde(default)]
    #[expect(dead_code, reason = "callers of the older program give it")]
    version_dir: Option<String>,
    /// Only says what would be done; default false.
    #[serde(default)]
    dry_run: bool,
}

/// What was done, or would be.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Whether nothing was changed.
    dry_run: bool,
    /// Paths of files that were marked deleted although they are there; the mark was taken from them.
    files_in_project_restored: Vec<String>,
    /// Paths of files that are not there; they were marked deleted.
    files_in_versions_marked_deleted: Vec<String>,
    /// Files that were written to disk from the database: none, because this program writes no source files.
    files_restored_from_cst: Vec<String>,
    /// What could not be looked at.
    errors: Vec<String>,
    /// Workers that were stopped for it: none.
    workers_stopped: Vec<String>,
    /// Why the database is in safe mode; then nothing was done, see `repair_sqlite_database`.
    #[serde(skip_serializing_if = "Option::is_none")]
    safe_mode: Option<SafeMode>,
}

impl Operation for RepairDatabase {
    const NAME: &'static str = "repair_database";
    const SUMMARY: &'static str =
        "Brings the marks of deleted files of a project, or of all, in step with the disk";
    const ACCESS: Access = Access::Write;
    const LONG: bool = true;
    const NEEDS: Needs = Needs::EvenDamaged;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "dry_run": true})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        if let Some(safe_mode) = context.database.safe_mode() {
            return Ok(Answer {
                dry_run: parameters.dry_run,
                errors: vec![
                    "the database is damaged: `repair_sqlite_database` repairs it".to_owned(),
                ],
                safe_mode: Some(safe_mode),
                ..Answer::default()
            });
        }
        let project = parameters.project.find(context)?;
        let root = project.as_ref().map(|project| project.root_path.as_str());
        let code = context.code();
        let watch = rows_of(job);
        watch
            .progress
            .begin(code.database_status(None)?.files.total);
        let compared = compare_with_disk(&code, root, &watch)?;
        watch.progress.done();
        let ids = |files: &[StoredFile]| -> Vec<i64> { files.iter().map(|file| file.id).collect() };
        if !parameters.dry_run {
            code.revive_files(&ids(&compared.back))?;
            code.mark_deleted(&ids(&compared.gone))?;
        }
        let paths = |files: Vec<StoredFile>| files.into_iter().map(|file| file.path).collect();
        let left_alone =
            |root: &String| format!("the root {root} is not there; its files are left as they are");
        Ok(Answer {
            dry_run: parameters.dry_run,
            errors: compared.missing_roots.iter().map(left_alone).collect(),
            files_in_project_restored: paths(compared.back),
            files_in_versions_marked_deleted: paths(compared.gone),
            ..Answer::default()
        })
    }
}
