//! Tells those who watch a job how far its command is.

use std::path::Path;

use tokio::sync::watch;

use super::state::JobState;
use crate::foundation::progress::{Progress, RowProgress};

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

impl RowProgress for Reporter<'_> {
    fn begin(&self, rows: u64) {
        // One part of the work follows another, or begins anew: what is done stays done.
        self.state.send_modify(|state| {
            let progress = &mut state.progress;
            progress.total = progress.done + rows;
        });
    }

    fn rows(&self, doing: &str, table: &str, rows: u64) {
        self.state.send_modify(|state| {
            let progress = &mut state.progress;
            progress.done += rows;
            progress.total = progress.total.max(progress.done);
            progress.at = format!("{doing} {table}");
        });
    }

    fn done(&self) {
        self.state
            .send_modify(|state| state.progress.total = state.progress.done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::jobs::state::JobStatus;

    #[test]
    fn parts_of_the_work_add_up_and_what_is_done_stays_done() {
        let mut state = JobState::new("a".into(), "restore_database".into(), None);
        state.status = JobStatus::Running;
        let state = watch::Sender::new(state);
        let reporter = Reporter::new(&state);
        reporter.begin(100);
        reporter.rows("checking", "files", 50);
        assert_eq!(state.borrow().percent(), 50);
        assert_eq!(state.borrow().description(), "50 of 100: checking files");
        // There were fewer rows than it seemed.
        RowProgress::done(&reporter);
        reporter.begin(50);
        assert_eq!(state.borrow().percent(), 50);
        reporter.rows("copying", "files", 25);
        assert_eq!(state.borrow().percent(), 75);
        // Files are counted beside rows.
        Progress::total(&reporter, 100);
        reporter.step(Path::new("/srv/a.py"));
        assert_eq!(state.borrow().description(), "76 of 200: /srv/a.py");
    }
}
