//! `get_worker_status`: the worker processes of this host, what they do and how they last ended.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::jobs::queue::{JobQueue, JobTotals};
use super::operation::{Access, Needs, Operation};
use crate::supervisor::worker_spec::WorkerKind;
use crate::supervisor::worker_status::{WorkerState, WorkerStatus};

/// The command.
pub(super) struct GetWorkerStatus;

/// Which workers.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Only workers of this kind.
    #[serde(default)]
    worker_type: Option<WorkerKind>,
    /// As in the older program. Here each worker tells where it logs.
    #[serde(default, rename = "log_path")]
    _log_path: Option<String>,
    /// As in the older program. Here no worker has a lock file; the socket to its host is what tells that it lives.
    #[serde(default, rename = "lock_file_path")]
    _lock_file_path: Option<String>,
}

/// The workers by name.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    summary: Summary,
    processes: Vec<WorkerStatus>,
    log_activity: Vec<LogActivity>,
    /// Always null, as no worker has one; the older program had.
    lock_file: Option<PathBuf>,
    /// The jobs of the server; none where there is no server.
    jobs: Option<JobTotals>,
    /// Why the server goes on with an earlier configuration, certificate or list of tokens than its files hold now.
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_problem: Option<String>,
}

/// How many workers there are.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Summary {
    total: usize,
    /// By state.
    #[serde(flatten)]
    states: BTreeMap<String, usize>,
}

/// What a log file tells without being read.
#[derive(Serialize, JsonSchema)]
struct LogActivity {
    worker: String,
    log_path: PathBuf,
    /// None where there is no file yet.
    size_bytes: Option<u64>,
    /// Time of the last line, in whole seconds since 1970.
    last_write: Option<u64>,
}

impl Operation for GetWorkerStatus {
    const NAME: &'static str = "get_worker_status";
    const SUMMARY: &'static str = "Shows the worker processes: state, restarts, last end, log file";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"worker_type": "file_watcher"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let wanted = parameters.worker_type;
        let mut processes = context.workers.status();
        processes.retain(|worker| wanted.is_none_or(|kind| kind == worker.kind));
        let log_activity = processes.iter().filter_map(log_activity).collect();
        Ok(Answer {
            summary: summary(&processes),
            processes,
            log_activity,
            lock_file: None,
            jobs: context.jobs.as_ref().map(JobQueue::totals),
            configuration_problem: context.config.problem(),
        })
    }
}

fn summary(processes: &[WorkerStatus]) -> Summary {
    let mut states = BTreeMap::new();
    for worker in processes {
        *states.entry(word(worker.state)).or_default() += 1;
    }
    Summary {
        total: processes.len(),
        states,
    }
}

/// The word that the state has in JSON.
fn word(state: WorkerState) -> String {
    match serde_json::to_value(state) {
        Ok(Value::String(word)) => word,
        _ => format!("{state:?}"),
    }
}

fn log_activity(worker: &WorkerStatus) -> Option<LogActivity> {
    let log_path = worker.log_path.clone()?;
    let metadata = fs::metadata(&log_path).ok();
    let written = metadata
        .as_ref()
        .and_then(|metadata| metadata.modified().ok());
    Some(LogActivity {
        worker: worker.name.clone(),
        log_path,
        size_bytes: metadata.map(|metadata| metadata.len()),
        last_write: written.and_then(|time| Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(name: &str, state: WorkerState, log_path: Option<PathBuf>) -> WorkerStatus {
        WorkerStatus {
            name: name.to_owned(),
            kind: WorkerKind::Database,
            state,
            pid: None,
            restarts: 0,
            uptime_seconds: None,
            last_exit: None,
            heartbeat: None,
            log_path,
        }
    }

    #[test]
    fn states_are_counted_by_their_words() {
        let workers = [
            worker("a", WorkerState::Ready, None),
            worker("b", WorkerState::BackingOff, None),
            worker("c", WorkerState::Ready, None),
        ];
        let counted = serde_json::to_value(summary(&workers)).unwrap();
        assert_eq!(counted, json!({"total": 3, "backing_off": 1, "ready": 2}));
    }

    #[test]
    fn a_log_is_told_by_its_size_and_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "one line\n").unwrap();
        let activity = log_activity(&worker(
            "a",
            WorkerState::Ready,
            Some(file.path().to_owned()),
        ))
        .unwrap();
        assert_eq!(activity.size_bytes, Some(9));
        assert!(activity.last_write.unwrap() > 1_600_000_000);
        assert!(log_activity(&worker("a", WorkerState::Ready, None)).is_none());
        let missing = log_activity(&worker(
            "a",
            WorkerState::Ready,
            Some("/no/such.log".into()),
        ))
        .unwrap();
        assert_eq!((missing.size_bytes, missing.last_write), (None, None));
    }
}
