//! Tells those who watch a job how far its command is.

use std::path::Path;

use tokio::sync::watch;

use super::state::JobState;
use crate::foundation::progress::Progress;

/// Writes what a command reports into the state of its job.
pub(super) struct Reporter<'a> {
    /// Keeps only the latest state, so that a watcher that is slow costs nothing.
    state: &'a watch::Sender<JobState>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(state: &'a watch::Sender<JobState>) -> Self {
        Self { state }
    }
}

impl Progress for Reporter<'_> {
    fn total(&self, files: u64) {
        // A command that works on several trees counts them one after the other.
        self.state
            .send_modify(|state| state.progress.total += files);
    }

    fn step(&self, path: &Path) {
        self.state.send_modify(|state| {
            let progress = &mut state.progress;
            progress.done += 1;
            progress.at = path.display().to_string();
        });
    }

    fn done(&self) {}
}
