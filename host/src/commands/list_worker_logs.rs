//! `list_worker_logs`: the log files of this host's workers, those of earlier runs included.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::parameters::{Paging, Place};
use super::worker_logs::{LogFile, directories, log_files, writers};
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
        let workers = writers(context);
        let directories = directories(&workers);
        let unknown = parameters.log_dirs.iter().flatten();
        if let Some(unknown) = unknown
            .into_iter()
            .find(|each| !directories.contains(&each.as_path()))
        {
            let message = format!(
                "/log_dirs: found {}, expected one of the directories that workers log to: {directories:?}",
                unknown.display()
            );
            return Err(CommandError::new(ErrorCode::InvalidParameters, message));
        }
        let Parameters {
            log_dirs,
            worker_type,
            paging,
        } = parameters;
        let is_wanted = |file: &LogFile| {
            let directory = file.log_path.parent();
            let is_there = |each: &PathBuf| Some(each.as_path()) == directory;
            worker_type.is_none_or(|kind| kind == file.worker_type)
                && log_dirs
                    .as_ref()
                    .is_none_or(|only| only.iter().any(is_there))
        };
        let mut found = log_files(workers.clone());
        found.retain(is_wanted);
        let mut page = paging.cut(found);
        Ok(Answer {
            total_files: page.total,
            place: paging.place(&mut page),
            log_files: page.items,
        })
    }
}
