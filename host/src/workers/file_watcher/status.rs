//! What the file watcher tells about itself with each heartbeat.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

use crate::indexing::summary::IndexSummary;
use crate::workers::announce::Reported;

/// The status, shared between the worker's loop and its heartbeats.
#[derive(Clone, Default)]
pub(super) struct Status {
    facts: Arc<Mutex<Facts>>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Facts {
    /// What it is doing.
    activity: Activity,
    /// Roots of the projects below the watched directories.
    projects: Vec<PathBuf>,
    /// Directories with an inotify watch.
    directories_watched: usize,
    /// Why changes may be found only by the periodic scan; none while every directory is watched.
    degraded: Option<String>,
    /// Files read and stored since the worker started.
    files_indexed: u64,
    /// Files marked deleted since the worker started.
    files_deleted: u64,
    /// Files that could not be indexed as a whole, in the last run over each project.
    problems: usize,
    /// When the last complete scan ended, in seconds since 1970.
    last_scan: Option<u64>,
    /// The last thing that went wrong with a whole project, or while looking for projects.
    last_error: Option<String>,
}

/// What a file watcher does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Activity {
    /// It looks at whole trees.
    #[default]
    Scanning,
    /// It waits for changes.
    Watching,
    /// It stores changes.
    Updating,
}

impl Reported for Status {
    fn to_json(&self) -> Value {
        serde_json::to_value(self.lock().clone()).unwrap_or_default()
    }
}

impl Status {
    pub(super) fn doing(&self, activity: Activity) {
        self.lock().activity = activity;
    }

    pub(super) fn watching(
        &self,
        projects: Vec<PathBuf>,
        directories: usize,
        degraded: Option<String>,
    ) {
        let mut facts = self.lock();
        facts.projects = projects;
        facts.directories_watched = directories;
        facts.degraded = degraded;
    }

    pub(super) fn indexed(&self, summary: &IndexSummary) {
        let mut facts = self.lock();
        facts.files_indexed += summary.files_indexed;
        facts.files_deleted += summary.files_deleted;
        facts.problems = summary.problems.len();
    }

    pub(super) fn scanned(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.lock().last_scan = now.ok().map(|time| time.as_secs());
    }

    pub(super) fn failed(&self, error: String) {
        self.lock().last_error = Some(error);
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
