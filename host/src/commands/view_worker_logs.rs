//! `view_worker_logs`: the last lines of the log files of this host's workers.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use crate::supervisor::worker_spec::WorkerKind;

/// Most bytes that are read of a file, from its end.
const MOST_BYTES: u64 = 1024 * 1024;

/// The command.
pub(super) struct ViewWorkerLogs;

/// Which lines.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Only workers of this kind.
    #[serde(default)]
    worker_type: Option<WorkerKind>,
    /// Most lines of each file, from its end; default 100.
    #[serde(default = "default_tail")]
    #[schemars(range(min = 1, max = 10_000))]
    tail: usize,
    /// Only lines that hold this text, in any case.
    #[serde(default)]
    #[schemars(length(min = 1))]
    search_pattern: Option<String>,
}

fn default_tail() -> usize {
    100
}

/// The logs by worker.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    logs: Vec<WorkerLog>,
}

/// The end of one log file.
#[derive(Serialize, JsonSchema)]
struct WorkerLog {
    /// The worker's unique name.
    worker: String,
    /// The file; it stays after the worker's end.
    log_path: PathBuf,
    /// Its last lines that were asked for, oldest first; only the last MiB of the file is looked at.
    lines: Vec<String>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Operation for ViewWorkerLogs {
    const NAME: &'static str = "view_worker_logs";
    const SUMMARY: &'static str = "Shows the last lines of the workers' log files";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"worker_type": "database", "tail": 20})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let Parameters {
            worker_type,
            tail,
            search_pattern,
        } = parameters;
        let pattern = search_pattern.map(|pattern| pattern.to_lowercase());
        let workers = context.workers.status().into_iter();
        let wanted = workers.filter(|worker| worker_type.is_none_or(|kind| kind == worker.kind));
        let logs = wanted.filter_map(|worker| {
            let log_path = worker.log_path?;
            let read = last_lines(&log_path, tail, pattern.as_deref());
            let (lines, problem) = match read {
                Ok(lines) => (lines, None),
                Err(error) => (Vec::new(), Some(error.to_string())),
            };
            Some(WorkerLog {
                worker: worker.name,
                log_path,
                lines,
                problem,
            })
        });
        Ok(Answer {
            logs: logs.collect(),
        })
    }
}

/// The last lines of a file that hold `pattern`, which is in lower case.
fn last_lines(path: &Path, most: usize, pattern: Option<&str>) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(MOST_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line is cut where the beginning is left out.
    let cut = usize::from(start > 0);
    let mut lines: Vec<String> = text
        .lines()
        .skip(cut)
        .filter(|line| pattern.is_none_or(|pattern| line.to_lowercase().contains(pattern)))
        .map(str::to_owned)
        .collect();
    lines.drain(..lines.len().saturating_sub(most));
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_shown_in_their_order() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        std::fs::write(&path, "one INFO\ntwo WARN\nthree info\n").unwrap();
        assert_eq!(
            last_lines(&path, 2, None).unwrap(),
            ["two WARN", "three info"]
        );
        assert_eq!(
            last_lines(&path, 9, Some("info")).unwrap(),
            ["one INFO", "three info"]
        );
        assert!(last_lines(&place.path().join("none"), 1, None).is_err());
    }

    #[test]
    fn of_a_long_file_only_whole_lines_of_its_end_are_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        let line = "x".repeat(99);
        let text = format!("{line}\n").repeat(20_000);
        std::fs::write(&path, text).unwrap();
        let lines = last_lines(&path, 1_000_000, None).unwrap();
        assert_eq!(lines.len() as u64, MOST_BYTES / 100);
        assert!(lines.iter().all(|read| *read == line));
    }
}
