//! `repair_sqlite_database`: repairs a damaged database from its backups, or begins anew; named as in the older
//! program, it works on every engine.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::watching::rows_of;
use crate::universal_driver::maintenance::repair::{RepairMode, Repaired};
use crate::universal_driver::maintenance::safe_mode::SafeMode;

/// The command.
pub(super) struct RepairSqliteDatabase;

/// Whether a sound database is looked after, too.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Absolute path of a project's root; the answer repeats it. The repair is always that of the whole database.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    root_dir: Option<String>,
    /// Also mends the rows of a database whose file is sound; default false.
    #[serde(default)]
    force: bool,
    /// As in the older program. What is there is saved among the backups of the configuration.
    #[serde(default)]
    #[expect(dead_code, reason = "callers of the older program give it")]
    backup_dir: Option<String>,
}

/// What was done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// As it was given.
    root_dir: Option<String>,
    /// The database's file; none on a server.
    db_path: Option<PathBuf>,
    /// Where backups lie.
    backup_dir: PathBuf,
    /// How it was repaired.
    mode: RepairMode,
    /// Whether the engine finds its files sound now.
    integrity_ok: bool,
    /// What it says of them; `ok` when that is nothing.
    integrity_message: String,
    /// Whether the marker of a damaged database was taken away.
    marker_cleared: bool,
    /// All that was done; none where there was nothing to do.
    repair: Option<Repaired>,
    /// Workers that were stopped for it and run again.
    workers_stopped: Vec<String>,
    /// What to do next.
    next_step: String,
    /// Why the database was in safe mode before.
    #[serde(skip_serializing_if = "Option::is_none")]
    safe_mode: Option<SafeMode>,
}

impl Operation for RepairSqliteDatabase {
    const NAME: &'static str = "repair_sqlite_database";
    const SUMMARY: &'static str =
        "Repairs a damaged database: the newest sound backup takes its place, else an empty one";
    const ACCESS: Access = Access::Write;
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
        let database = &context.database;
        let safe_mode = database.safe_mode();
        let checked = database.check(&rows_of(job))?;
        let repaired = match checked.integrity_ok && !parameters.force {
            true => None,
            false => Some(database.repair(&rows_of(job))?),
        };
        let after = repaired
            .as_ref()
            .map_or(&checked, |repaired| &repaired.after);
        let mode = repaired
            .as_ref()
            .map_or(RepairMode::Nothing, |repaired| repaired.mode);
        let replaced = matches!(
            mode,
            RepairMode::Salvaged | RepairMode::Restored | RepairMode::Emptied
        );
        Ok(Answer {
            root_dir: parameters.root_dir,
            db_path: database.database_file().map(PathBuf::from),
            backup_dir: database.backups().directory.clone(),
            mode,
            integrity_ok: after.integrity_ok,
            integrity_message: after.integrity_message.clone(),
            marker_cleared: safe_mode.is_some() && database.safe_mode().is_none(),
            next_step: repaired.as_ref().map_or_else(
                || "nothing is to be done; `force` mends rows, too".to_owned(),
                |repaired| repaired.next_step.clone(),
            ),
            workers_stopped: if replaced {
                vec!["database".to_owned()]
            } else {
                Vec::new()
            },
            repair: repaired,
            safe_mode,
        })
    }
}
