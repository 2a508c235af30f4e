//! `get_database_corruption_status`: whether the database is damaged, and what its marker says.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::watching::rows_of;
use crate::code_db::check::Finding;
use crate::universal_driver::maintenance::safe_mode::SafeMode;

/// The command.
pub(super) struct GetDatabaseCorruptionStatus;

/// It is about the whole database.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Absolute path of a project's root; the answer repeats it. The check is always that of the whole database.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    root_dir: Option<String>,
}

/// What the check found.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// As it was given.
    root_dir: Option<String>,
    /// The database's file; none on a server.
    db_path: Option<PathBuf>,
    /// Whether the engine finds its files sound.
    integrity_ok: bool,
    /// What it says of them; `ok` when that is nothing.
    integrity_message: String,
    /// Whether the marker of a damaged database is there.
    marker_present: bool,
    /// The file of the marker; none while there is none.
    marker_path: Option<PathBuf>,
    /// What the marker says.
    marker: Option<String>,
    /// What else is not as it should be, and what `repair_database` would do.
    findings: Vec<Finding>,
    /// Why the database is in safe mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    safe_mode: Option<SafeMode>,
}

impl Operation for GetDatabaseCorruptionStatus {
    const NAME: &'static str = "get_database_corruption_status";
    const SUMMARY: &'static str =
        "Checks the database as a whole: its files, its rows, its search index";
    const ACCESS: Access = Access::Read;
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
        let checked = context.database.check(&rows_of(job))?;
        let marker = checked.safe_mode.clone();
        Ok(Answer {
            root_dir: parameters.root_dir,
            db_path: context.database.database_file().map(PathBuf::from),
            integrity_ok: checked.integrity_ok,
            integrity_message: checked.integrity_message,
            marker_present: marker.is_some(),
            marker_path: marker.as_ref().map(|marker| marker.marker_path.clone()),
            marker: marker.map(|marker| marker.reason),
            findings: checked.findings,
            safe_mode: checked.safe_mode,
        })
    }
}
