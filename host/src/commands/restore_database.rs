//! `restore_database`: puts a backup in the place of what the database holds, and indexes what changed since.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::index_totals::IndexTotals;
use super::indexing_process::index_all;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::project_choice::require_absolute;
use super::watching::rows_of;
use crate::universal_driver::maintenance::backup_file::Backup;
use crate::universal_driver::maintenance::safe_mode::SafeMode;

/// The command.
pub(super) struct RestoreDatabase;

/// Which backup.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Absolute path of a directory that is indexed afterwards, so that what changed since the backup is read; default
    /// the directories that the configuration watches.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    root_dir: Option<String>,
    /// Name of the backup as `list_backup_files` shows it, or the absolute path of its file; default the newest.
    #[serde(default)]
    backup: Option<String>,
    /// As in the older program. What counts is the configuration that this program runs with.
    #[serde(default)]
    #[expect(dead_code, reason = "callers of the older program give it")]
    config_file: Option<String>,
    /// As in the older program, whose indexing it was passed to; nothing depends on it.
    #[serde(default)]
    #[schemars(range(min = 1))]
    #[expect(dead_code, reason = "callers of the older program give it")]
    max_lines: Option<u32>,
    /// Verifies the backup and says what would be done; default false.
    #[serde(default)]
    dry_run: bool,
}

/// What was done, or would be.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// One line for people.
    message: String,
    /// Whether nothing was changed.
    dry_run: bool,
    /// What is done, in sentences.
    plan: Vec<String>,
    /// The backup that is restored.
    backup: Backup,
    /// Rows of all of its tables.
    rows: u64,
    /// Files of the backup that was made of what was there before.
    db_backup_paths: Vec<PathBuf>,
    /// Directories that were indexed afterwards.
    dirs_processed: Vec<PathBuf>,
    /// What indexing each of them came to.
    totals: Vec<IndexTotals>,
    /// Workers that were stopped for it and run again: the DB worker, where the database is a file.
    workers_stopped: Vec<String>,
    /// Why the database was in safe mode before.
    #[serde(skip_serializing_if = "Option::is_none")]
    safe_mode: Option<SafeMode>,
}

impl Operation for RestoreDatabase {
    const NAME: &'static str = "restore_database";
    const SUMMARY: &'static str =
        "Puts a backup in the place of what the database holds; what is there is saved first";
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
        let database = &context.database;
        let backup = database.backups().find(parameters.backup.as_deref())?;
        let directories = directories(context, parameters.root_dir)?;
        let safe_mode = database.safe_mode();
        let watch = rows_of(job);
        let mut answer = Answer {
            message: format!("the backup {} is whole and would be restored", backup.name),
            dry_run: parameters.dry_run,
            plan: plan(&backup, &directories),
            rows: 0,
            db_backup_paths: Vec::new(),
            dirs_processed: Vec::new(),
            totals: Vec::new(),
            workers_stopped: Vec::new(),
            safe_mode,
            backup: backup.clone(),
        };
        if parameters.dry_run {
            answer.rows = database.verify_backup(&backup, &watch)?;
            return Ok(answer);
        }
        let restored = database.restore(&backup, &watch)?;
        answer.rows = restored.rows;
        answer.db_backup_paths = restored.saved.into_iter().map(|saved| saved.path).collect();
        if database.database_file().is_some() {
            answer.workers_stopped.push("database".to_owned());
        }
        for directory in directories {
            answer.totals.push(index_all(context, &directory, job)?);
            answer.dirs_processed.push(directory);
        }
        answer.message = format!(
            "the backup {} was restored, {} rows",
            backup.name, answer.rows
        );
        Ok(answer)
    }
}

fn directories(context: &Context, named: Option<String>) -> Result<Vec<PathBuf>, CommandError> {
    match named {
        Some(directory) => {
            require_absolute("root_dir", &directory)?;
            Ok(vec![directory.into()])
        }
        None => Ok(context.config.get().workers.file_watcher.watch_dirs.clone()),
    }
}

fn plan(backup: &Backup, directories: &[PathBuf]) -> Vec<String> {
    let mut plan = vec![
        format!("verify {}", backup.path.display()),
        "make a backup of what the database holds".to_owned(),
        "put the backup in its place".to_owned(),
    ];
    let indexed = directories.iter();
    plan.extend(indexed.map(|directory| format!("index {}", directory.display())));
    plan
}
