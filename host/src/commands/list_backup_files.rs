//! `list_backup_files`: the backups of the database, newest first.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::parameters::{Paging, Place};
use crate::code_db::page::Page;
use crate::universal_driver::maintenance::backup_file::Backup;
use crate::universal_driver::maintenance::safe_mode::SafeMode;

/// The command.
pub(super) struct ListBackupFiles;

/// Which part of the list.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Absolute path of a project's root; the backups are those of the whole database all the same.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    #[expect(
        dead_code,
        reason = "callers of the older program give it; there is one database"
    )]
    root_dir: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// The backups.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    /// Where they lie.
    backup_dir: PathBuf,
    /// The backups, newest first.
    files: Vec<Backup>,
    /// Why the database is in safe mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    safe_mode: Option<SafeMode>,
}

impl Operation for ListBackupFiles {
    const NAME: &'static str = "list_backup_files";
    const SUMMARY: &'static str = "Lists the backups of the database, newest first";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::EvenDamaged;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"limit": 10})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let backups = context.database.backups();
        let mut page = Page::of(&backups.list()?, parameters.paging.request());
        Ok(Answer {
            place: parameters.paging.place(&mut page),
            backup_dir: backups.directory.clone(),
            files: page.items,
            safe_mode: context.database.safe_mode(),
        })
    }
}
