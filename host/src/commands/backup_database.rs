//! `backup_database`: copies the whole database, as it is at one moment, while others go on to use it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::project_choice::require_absolute;
use super::watching::rows_of;
use crate::universal_driver::maintenance::backup_file::{Backup, Reason};
use crate::universal_driver::maintenance::safe_mode::SafeMode;

/// The command.
pub(super) struct BackupDatabase;

/// Where to.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Absolute path of a project's root; the answer repeats it. The backup is always that of the whole database.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    root_dir: Option<String>,
    /// Absolute path of the directory of the backup; default that of the configuration (`database.backup.directory`).
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    backup_dir: Option<String>,
    /// Makes the portable form of a database that is a file, which can be restored on any engine; default false.
    #[serde(default)]
    portable: bool,
}

/// The backup.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// As it was given.
    root_dir: Option<String>,
    /// The database's file; none on a server.
    db_path: Option<PathBuf>,
    /// Where the backup lies.
    backup_dir: PathBuf,
    /// Its file.
    backup_paths: Vec<PathBuf>,
    /// Number of files.
    count: usize,
    /// What it is.
    backup: Backup,
    /// Why the database is in safe mode; then its files were copied as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    safe_mode: Option<SafeMode>,
}

impl Operation for BackupDatabase {
    const NAME: &'static str = "backup_database";
    const SUMMARY: &'static str = "Copies the whole database while it is used";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = false;
    const LONG: bool = true;
    const NEEDS: Needs = Needs::EvenDamaged;

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
        let own = context.database.backups();
        let backups = match &parameters.backup_dir {
            Some(directory) => {
                require_absolute("backup_dir", directory)?;
                own.in_directory(directory.as_ref())
            }
            None => own.clone(),
        };
        let watch = rows_of(job);
        let backup = context.database.back_up_to(
            &backups,
            Reason::Requested,
            parameters.portable,
            &watch,
        )?;
        Ok(Answer {
            root_dir: parameters.root_dir,
            db_path: context.database.database_file().map(PathBuf::from),
            backup_dir: backups.directory,
            backup_paths: vec![backup.path.clone()],
            count: 1,
            backup,
            safe_mode: context.database.safe_mode(),
        })
    }
}
