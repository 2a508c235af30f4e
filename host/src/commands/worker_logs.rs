//! The log files of this host's workers, those of earlier runs included: no other file is listed or read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use schemars::JsonSchema;
use serde::Serialize;

use super::context::Context;
use crate::supervisor::worker_spec::WorkerKind;
use crate::supervisor::worker_status::{WorkerState, WorkerStatus};

/// One log file.
#[derive(Clone, Serialize, JsonSchema)]
pub(super) struct LogFile {
    pub(super) log_path: PathBuf,
    /// The kind of the worker that writes it, or wrote it.
    pub(super) worker_type: WorkerKind,
    /// The worker's unique name.
    pub(super) worker: String,
    /// Bytes.
    size: u64,
    /// When it was last written, in seconds since 1970.
    modified: Option<f64>,
    /// Whether the worker writes it now; others are what earlier files were renamed to.
    is_current: bool,
}

/// Whoever writes a log: the workers, and the processes that index for commands, which are gone when it is read.
pub(super) fn writers(context: &Context) -> Vec<WorkerStatus> {
    let mut writers = context.workers.status();
    writers.retain(|worker| worker.kind != WorkerKind::Indexing);
    let kind = WorkerKind::Indexing;
    let log_path = context.config.get().worker_log(kind.as_str()).path;
    if log_path.exists() {
        writers.push(WorkerStatus {
            name: kind.to_string(),
            kind,
            state: WorkerState::Stopped,
            pid: None,
            restarts: 0,
            uptime_seconds: None,
            last_exit: None,
            heartbeat: None,
            log_path: Some(log_path),
        });
    }
    writers
}

/// The log files of these workers, by path.
pub(super) fn log_files(workers: Vec<WorkerStatus>) -> Vec<LogFile> {
    let mut found = BTreeMap::new();
    for worker in workers {
        let Some(current) = worker.log_path else {
            continue;
        };
        let (Some(directory), Some(name)) = (current.parent(), current.file_name()) else {
            continue;
        };
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let is_its = is_of(
                name.as_encoded_bytes(),
                entry.file_name().as_encoded_bytes(),
            );
            // What a link leads to is no log of ours.
            let metadata = entry.metadata().ok();
            let Some(metadata) = metadata.filter(|each| is_its && each.is_file()) else {
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
    found.into_values().collect()
}

/// The directories that these workers log to.
pub(super) fn directories(workers: &[WorkerStatus]) -> Vec<&Path> {
    let files = workers.iter().filter_map(|worker| worker.log_path.as_ref());
    let mut directories: Vec<&Path> = files.filter_map(|file| file.parent()).collect();
    directories.sort();
    directories.dedup();
    directories
}

/// Whether `found` is the log `name`, or what it was renamed to when it was full: `name.1`, `name.2` and so on.
fn is_of(name: &[u8], found: &[u8]) -> bool {
    let Some(rest) = found.strip_prefix(name) else {
        return false;
    };
    match rest {
        [] => true,
        [b'.', number @ ..] => !number.is_empty() && number.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_a_worker_and_what_it_was_renamed_to_are_found_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        for name in [
            "w.log",
            "w.log.1",
            "w.log.12",
            "w.log.key",
            "w.log2",
            "w.logs.1",
            "other.log",
        ] {
            fs::write(place.path().join(name), "").unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", place.path().join("w.log.3")).unwrap();
        let worker = WorkerStatus {
            name: "w".into(),
            kind: WorkerKind::Repair,
            state: WorkerState::Ready,
            pid: None,
            restarts: 0,
            uptime_seconds: None,
            last_exit: None,
            heartbeat: None,
            log_path: Some(place.path().join("w.log")),
        };
        let silent = WorkerStatus {
            log_path: None,
            ..worker.clone()
        };
        let workers = vec![worker, silent];
        assert_eq!(directories(&workers), [place.path()]);
        let files = log_files(workers);
        let found: Vec<_> = files
            .iter()
            .map(|file| {
                (
                    file.log_path.file_name().unwrap().to_str().unwrap(),
                    file.is_current,
                )
            })
            .collect();
        assert_eq!(
            found,
            [("w.log", true), ("w.log.1", false), ("w.log.12", false)]
        );
    }
}
