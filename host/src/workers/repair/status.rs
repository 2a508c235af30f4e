//! What the repair worker tells about itself with each heartbeat.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

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
    /// The root of the project that it is at.
    project: Option<String>,
    /// Looks at projects that were brought to their end since the worker started.
    looks: u64,
    /// Files compared since then.
    files_checked: u64,
    /// Files repaired since then.
    files_repaired: u64,
    /// Rows repaired since then.
    rows_repaired: u64,
    /// How often it left a project to somebody else: who indexes it, or another host's repair worker.
    gave_way: u64,
    /// The last thing that went wrong with a whole project or the database.
    last_error: Option<String>,
}

/// What a repair worker does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Activity {
    /// It waits for the next look.
    #[default]
    Waiting,
    /// It compares.
    Looking,
    /// It repairs.
    Repairing,
}

impl Reported for Status {
    fn to_json(&self) -> Value {
        serde_json::to_value(self.lock().clone()).unwrap_or_default()
    }
}

impl Status {
    pub(super) fn waiting(&self) {
        let mut facts = self.lock();
        facts.activity = Activity::Waiting;
        facts.project = None;
    }

    pub(super) fn looking_at(&self, project: &str) {
        let mut facts = self.lock();
        facts.activity = Activity::Looking;
        facts.project = Some(project.to_owned());
    }

    pub(super) fn repairing(&self) {
        self.lock().activity = Activity::Repairing;
    }

    pub(super) fn looked_at(&self, files: u64) {
        let mut facts = self.lock();
        facts.looks += 1;
        facts.files_checked += files;
    }

    pub(super) fn repaired_files(&self, files: u64) {
        self.lock().files_repaired += files;
    }

    pub(super) fn repaired_rows(&self, rows: u64) {
        self.lock().rows_repaired += rows;
    }

    pub(super) fn gave_way(&self) {
        self.lock().gave_way += 1;
    }

    pub(super) fn failed(&self, error: String) {
        self.lock().last_error = Some(error);
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
