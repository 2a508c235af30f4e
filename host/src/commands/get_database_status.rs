//! `get_database_status`: what the database holds, in numbers.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::project_choice::ProjectChoice;
use crate::code_db::status::{ChunkCounts, DatabaseStatus, FileCounts, RecentActivity};
use crate::universal_driver::maintenance::backup_file::Backup;
use crate::universal_driver::maintenance::safe_mode::SafeMode;

/// The command.
pub(super) struct GetDatabaseStatus;

/// Of which part.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
}

/// The numbers; in safe mode there are none.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The driver that the database is reached through.
    driver: String,
    /// The project that was counted; all without.
    project_id: Option<String>,
    /// Size of the whole database in units of 1024 * 1024 bytes.
    file_size_mb: Option<f64>,
    /// The database's file; none on a server.
    db_path: Option<PathBuf>,
    /// The version of the schema on record.
    schema_version: Option<i64>,
    /// Number of backups, and the newest of them.
    backups: Backups,
    /// Why the database is in safe mode; then it is not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    safe_mode: Option<SafeMode>,
    /// Size of the whole database in bytes; none where the dialect does not tell.
    size_bytes: Option<u64>,
    /// Number of projects.
    #[serde(skip_serializing_if = "Option::is_none")]
    projects: Option<u64>,
    /// Its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<FileCounts>,
    /// Its classes, without those of files marked deleted; so functions, methods, imports and usages.
    #[serde(skip_serializing_if = "Option::is_none")]
    classes: Option<u64>,
    /// Functions outside classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    functions: Option<u64>,
    /// Methods.
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<u64>,
    /// Imported names.
    #[serde(skip_serializing_if = "Option::is_none")]
    imports: Option<u64>,
    /// Places where something is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    usages: Option<u64>,
    /// Its chunks.
    #[serde(skip_serializing_if = "Option::is_none")]
    chunks: Option<ChunkCounts>,
    /// What has happened lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    recent_activity: Option<RecentActivity>,
}

impl Answer {
    fn count(&mut self, status: DatabaseStatus) {
        self.size_bytes = status.size_bytes;
        self.file_size_mb = status.size_bytes.map(megabytes);
        self.projects = Some(status.projects);
        self.files = Some(status.files);
        self.classes = Some(status.classes);
        self.functions = Some(status.functions);
        self.methods = Some(status.methods);
        self.imports = Some(status.imports);
        self.usages = Some(status.usages);
        self.chunks = Some(status.chunks);
        self.recent_activity = Some(status.recent_activity);
    }
}

/// What backups there are.
#[derive(Default, Serialize, JsonSchema)]
struct Backups {
    /// Number of them.
    count: usize,
    /// The newest.
    newest: Option<Backup>,
}

impl Operation for GetDatabaseStatus {
    const NAME: &'static str = "get_database_status";
    const SUMMARY: &'static str = "Shows how much the database holds, of all projects or of one";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::EvenDamaged;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let database = &context.database;
        let safe_mode = database.safe_mode();
        let mut answer = Answer {
            driver: database.driver_name().to_owned(),
            db_path: database.database_file().map(PathBuf::from),
            backups: backups(context)?,
            safe_mode,
            ..Answer::default()
        };
        if answer.safe_mode.is_none() {
            database.make_ready()?;
            let project_id = parameters.project.find(context)?.map(|project| project.id);
            let status = context.code().database_status(project_id.as_deref())?;
            let version = context.code().recorded_version()?;
            answer.schema_version = version.map(|found| found.version);
            answer.project_id = project_id;
            answer.count(status);
        }
        Ok(answer)
    }
}

fn backups(context: &Context) -> Result<Backups, CommandError> {
    let all = context.database.backups().list()?;
    Ok(Backups {
        count: all.len(),
        newest: all.into_iter().next(),
    })
}

/// Two digits are enough to read and to compare.
fn megabytes(bytes: u64) -> f64 {
    let hundredths = bytes.saturating_mul(100) / (1024 * 1024);
    // Exact for every size below 2^53 hundredths, which is more than any disk holds.
    hundredths as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_cut_to_two_digits() {
        assert_eq!(megabytes(0), 0.0);
        assert_eq!(megabytes(3 * 1024 * 1024 / 2), 1.5);
        assert_eq!(megabytes(1_000_000), 0.95);
    }
}
