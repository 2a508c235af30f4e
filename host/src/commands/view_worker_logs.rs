//! `view_worker_logs`: lines of the log files of this host's workers, chosen by time, level, event and text.

use std::path::{Path, PathBuf};

use regex::RegexBuilder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use super::log_events::{EventType, Level, LevelName, Moment};
use super::log_lines::{Line, Lines, Part, Wanted, read};
use super::operation::{Access, Needs, Operation};
use super::worker_logs::{LogFile, log_files, writers};
use crate::supervisor::worker_spec::WorkerKind;

/// Most bytes that are read of each file, from its end.
const MOST_BYTES: u64 = 1024 * 1024;

/// The same where one file is asked for.
const MOST_BYTES_OF_ONE: u64 = 64 * 1024 * 1024;

/// Lines of each file when nothing else is wanted.
const DEFAULT_TAIL: usize = 100;

/// Most memory that a pattern may take.
const PATTERN_BYTES: usize = 1024 * 1024;

/// The command.
pub(super) struct ViewWorkerLogs;

/// Which lines.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Only this file, one that `list_worker_logs` lists; `entries` has its lines then. Without it, the end of the log
    /// of each worker.
    #[serde(default)]
    log_path: Option<PathBuf>,
    /// Only workers of this kind.
    #[serde(default)]
    worker_type: Option<WorkerKind>,
    /// Only lines from this moment in UTC on: `2026-11-24 09:15:30`, or a date for its midnight. Nothing with `tail`.
    #[serde(default)]
    from_time: Option<Moment>,
    /// Only lines up to this moment in UTC. Nothing with `tail`.
    #[serde(default)]
    to_time: Option<Moment>,
    /// Only lines that tell of one of these.
    #[serde(default)]
    event_types: Option<Vec<EventType>>,
    /// Only lines of these levels.
    #[serde(default)]
    log_levels: Option<Vec<LevelName>>,
    /// Only lines in which this regular expression occurs, in any case.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1_000))]
    search_pattern: Option<String>,
    /// Only the last so many of these lines; default 100 of each file where neither a file nor a time is given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    tail: Option<usize>,
    /// Most lines of each file; default 1000.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: usize,
    /// Lines of each file to leave out at the start; default 0. Nothing with `tail`.
    #[serde(default)]
    offset: u64,
}

fn default_limit() -> usize {
    1000
}

/// The logs by worker.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Without `log_path`: what was found in the log of each worker.
    logs: Vec<WorkerLog>,
    /// With `log_path`: the lines of that file, oldest first.
    entries: Vec<Line>,
    /// Number of lines that were looked at: of the last MiB of each file, or the last 64 MiB of one that was asked for.
    total_lines: u64,
    /// Number of those that are wanted; more than are in the answer where `limit` or `tail` is smaller.
    filtered_lines: u64,
}

/// What was found in one log file.
#[derive(Serialize, JsonSchema)]
struct WorkerLog {
    /// The worker's unique name.
    worker: String,
    /// The file; it stays after the worker's end.
    log_path: PathBuf,
    /// The lines that were asked for, oldest first.
    lines: Vec<String>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Operation for ViewWorkerLogs {
    const NAME: &'static str = "view_worker_logs";
    const SUMMARY: &'static str =
        "Shows lines of the workers' log files: the last ones, or by time, level, event or text";
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
        let part = parameters.part();
        let log_path = parameters.log_path.clone();
        let kind = parameters.worker_type;
        let wanted = parameters.wanted()?;
        let mut workers = writers(context);
        workers.retain(|worker| kind.is_none_or(|kind| kind == worker.kind));
        let mut answer = Answer {
            logs: Vec::new(),
            entries: Vec::new(),
            total_lines: 0,
            filtered_lines: 0,
        };
        if let Some(log_path) = log_path {
            let file = known(&log_path, &log_files(workers))?;
            let lines = read(&file, MOST_BYTES_OF_ONE, &wanted, part).map_err(|error| {
                let message = format!("/log_path: {} cannot be read: {error}", file.display());
                CommandError::new(ErrorCode::InvalidParameters, message)
            })?;
            answer.count(&lines);
            answer.entries = lines.lines.into();
            return Ok(answer);
        }
        for worker in workers {
            let Some(log_path) = worker.log_path else {
                continue;
            };
            let (lines, problem) = match read(&log_path, MOST_BYTES, &wanted, part) {
                Ok(lines) => (lines, None),
                Err(error) => (Lines::default(), Some(error.to_string())),
            };
            answer.count(&lines);
            let lines = lines.lines.into_iter().map(|line| line.text).collect();
            answer.logs.push(WorkerLog {
                worker: worker.name,
                log_path,
                lines,
                problem,
            });
        }
        Ok(answer)
    }
}

impl Answer {
    fn count(&mut self, lines: &Lines) {
        self.total_lines += lines.total;
        self.filtered_lines += lines.wanted;
    }
}

impl Parameters {
    fn part(&self) -> Part {
        let has_bounds =
            self.log_path.is_some() || self.from_time.is_some() || self.to_time.is_some();
        match self.tail {
            Some(tail) => Part::Last(tail.min(self.limit)),
            None if has_bounds || self.offset > 0 => Part::Behind(self.offset, self.limit),
            None => Part::Last(DEFAULT_TAIL.min(self.limit)),
        }
    }

    fn wanted(self) -> Result<Wanted, CommandError> {
        let pattern = self.search_pattern.as_deref().map(|pattern| {
            let mut builder = RegexBuilder::new(pattern);
            let built = builder.case_insensitive(true).size_limit(PATTERN_BYTES).build();
            built.map_err(|error| {
                let message = format!(
                    "/search_pattern: found {pattern:?}, expected a regular expression, such as \"failed|gone\": {error}"
                );
                CommandError::new(ErrorCode::InvalidParameters, message)
            })
        });
        let has_tail = self.tail.is_some();
        Ok(Wanted {
            from: self.from_time.filter(|_| !has_tail),
            to: self.to_time.filter(|_| !has_tail),
            levels: self
                .log_levels
                .map(|names| names.into_iter().map(Level::from).collect()),
            events: self.event_types,
            pattern: pattern.transpose()?,
        })
    }
}

/// The path of a log file as it is known, never another.
fn known(asked: &Path, files: &[LogFile]) -> Result<PathBuf, CommandError> {
    let mut paths = files.iter().map(|file| &file.log_path);
    if let Some(found) = paths.find(|path| path.as_path() == asked) {
        return Ok(found.clone());
    }
    let known: Vec<_> = files
        .iter()
        .map(|file| file.log_path.display().to_string())
        .collect();
    let message = format!(
        "/log_path: found {}, expected one of the files that `list_worker_logs` lists: {}",
        asked.display(),
        known.join(", ")
    );
    Err(CommandError::new(ErrorCode::InvalidParameters, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(given: Value) -> Parameters {
        serde_json::from_value(given).unwrap()
    }

    #[test]
    fn the_end_is_shown_unless_a_file_or_a_time_is_given() {
        let part = |given| format!("{:?}", parameters(given).part());
        assert_eq!(part(json!({})), "Last(100)");
        assert_eq!(part(json!({"limit": 5})), "Last(5)");
        assert_eq!(part(json!({"log_path": "/w.log"})), "Behind(0, 1000)");
        assert_eq!(
            part(json!({"from_time": "2026-11-24", "offset": 3})),
            "Behind(3, 1000)"
        );
        assert_eq!(part(json!({"log_path": "/w.log", "tail": 7})), "Last(7)");
    }

    #[test]
    fn the_last_lines_are_those_of_any_time_and_a_pattern_is_checked() {
        let timed = json!({"from_time": "2026-11-24", "to_time": "2026-11-25"});
        let wanted = parameters(timed.clone()).wanted().unwrap();
        assert!(wanted.from.is_some() && wanted.to.is_some());
        let mut last = timed;
        last["tail"] = json!(3);
        let wanted = parameters(last).wanted().unwrap();
        assert!(wanted.from.is_none() && wanted.to.is_none());
        let pattern = json!({"search_pattern": "GO[NM]E"});
        let pattern = parameters(pattern).wanted().unwrap().pattern.unwrap();
        assert!(pattern.is_match("the host is gone"));
        let wrong = parameters(json!({"search_pattern": "f("}))
            .wanted()
            .unwrap_err();
        assert!(
            wrong.to_string().contains("/search_pattern: found \"f(\""),
            "{wrong}"
        );
    }
}
