//! `list_worker_logs`: the log files of this host's workers, those of earlier runs included.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::parameters::{Paging, Place};
use crate::supervisor::worker_spec::WorkerKind;

/// The command.
pub(super) struct ListWorkerLogs;

/// Which files.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Only in these of the directories that workers log to; in all of them without.
    #[serde(default)]
    log_dirs: Option<Vec<PathBuf>>,
    /// Only logs of workers of this kind.
    #[serde(default)]
    worker_type: Option<WorkerKind>,
    #[serde(flatten)]
    paging: Paging,
}

/// The files by path.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    /// As `total`.
    total_files: u64,
    log_files: Vec<LogFile>,
}

/// One log file.
#[derive(Clone, Serialize, JsonSchema)]
struct LogFile {
    log_path: PathBuf,
    /// The kind of the worker that writes it, or wrote it.
    worker_type: WorkerKind,
    /// The worker's unique name.
    worker: String,
    /// Bytes.
    size: u64,
    /// When it was last written, in seconds since 1970.
    modified: Option<f64>,
    /// Whether the worker writes it now; others are what earlier files were renamed to.
    is_current: bool,
}

impl Operation for ListWorkerLogs {
    const NAME: &'static str = "list_worker_logs";
    const SUMMARY: &'static str = "Lists the log files of the workers, earlier ones included";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"worker_type": "database"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let mut found = BTreeMap::new();
        let mut directories = Vec::new();
        for worker in context.workers.status() {
            let Some(current) = worker.log_path else {
                continue;
            };
            let (Some(directory), Some(name)) = (current.parent(), current.file_name()) else {
                continue;
            };
            directories.push(directory.to_owned());
            let is_wanted = parameters
                .worker_type
                .is_none_or(|kind| kind == worker.kind)
                && parameters
                    .log_dirs
                    .as_ref()
                    .is_none_or(|only| only.iter().any(|each| each == directory));
            let entries = fs::read_dir(directory).into_iter().flatten().flatten();
            for entry in entries.filter(|_| is_wanted) {
                let is_its = entry
                    .file_name()
                    .as_encoded_bytes()
                    .starts_with(name.as_encoded_bytes());
                let Some(metadata) = entry
                    .metadata()
                    .ok()
                    .filter(|each| is_its && each.is_file())
                else {
                    continue;
                };
                let modified = metadata.modified().ok();
                let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let log_path = entry.path();
                let file = LogFile {
                    worker_type: worker.kind,
                    worker: worker.name.clone(),
                    size: metadata.len(),
                    modified: modified.map(|since| since.as_secs_f64()),
                    is_current: log_path == current,
                    log_path: log_path.clone(),
                };
                found.insert(log_path, file);
            }
        }
        let unknown = parameters.log_dirs.iter().flatten();
        if let Some(unknown) = unknown.into_iter().find(|each| !directories.contains(each)) {
            directories.sort();
            directories.dedup();
            let message = format!(
                "/log_dirs: found {}, expected one of the directories that workers log to: {directories:?}",
                unknown.display()
            );
            return Err(CommandError::new(ErrorCode::InvalidParameters, message));
        }
        let mut page = parameters.paging.cut(found.into_values().collect());
        Ok(Answer {
            total_files: page.total,
            place: parameters.paging.place(&mut page),
            log_files: page.items,
        })
    }
}
