//! What the indexing process tells its parent, in its heartbeats.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commands::error::CommandError;
use crate::commands::index_totals::IndexTotals;
use crate::foundation::progress::Progress;

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    /// The number of the project in hand, from 1; 0 before the first.
    pub(super) project: u64,
    /// Files of that project that are to be worked on.
    pub(super) files: u64,
    /// Those that are finished.
    pub(super) files_done: u64,
    /// The last of them.
    pub(super) path: PathBuf,
    /// What came of it; none before the end.
    pub(super) result: Option<Result<IndexTotals, CommandError>>,
}

/// The report as it is written while the work goes on. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Reporter(Arc<Mutex<Report>>);

impl Reporter {
    pub(super) fn to_json(&self) -> Value {
        // Texts, numbers and lists: there is none that cannot be told.
        serde_json::to_value(&*self.lock()).unwrap_or_default()
    }

    pub(super) fn finish(&self, result: Result<IndexTotals, CommandError>) {
        self.lock().result = Some(result);
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Reporter {
    fn total(&self, files: u64) {
        let mut report = self.lock();
        *report = Report {
            project: report.project + 1,
            files,
            ..Report::default()
        };
    }

    fn step(&self, path: &Path) {
        let mut report = self.lock();
        report.files_done += 1;
        // As text, because a name that is not UTF-8 has no other form in a message.
        report.path = path.to_string_lossy().as_ref().into();
    }

    fn done(&self) {}
}

/// Passes on what reports say to whoever hears how far the command is.
pub(super) struct Replay<'p> {
    progress: &'p dyn Progress,
    project: u64,
    files_done: u64,
}

impl<'p> Replay<'p> {
    pub(super) fn to(progress: &'p dyn Progress) -> Self {
        Self {
            progress,
            project: 0,
            files_done: 0,
        }
    }

    /// A process that was started again begins again.
    pub(super) fn hear(&mut self, report: &Report) {
        if report.project != self.project || report.files_done < self.files_done {
            self.end();
            if report.project > 0 {
                self.progress.total(report.files);
                self.project = report.project;
            }
        }
        for _ in self.files_done..report.files_done {
            self.progress.step(&report.path);
        }
        self.files_done = report.files_done;
    }

    /// The project in hand is finished.
    pub(super) fn end(&mut self) {
        if self.project > 0 {
            self.progress.done();
        }
        (self.project, self.files_done) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Heard {
        fn note(&self, what: String) {
            self.0.lock().unwrap().push(what);
        }
    }

    impl Progress for Heard {
        fn total(&self, files: u64) {
            self.note(format!("total {files}"));
        }

        fn step(&self, path: &Path) {
            self.note(path.display().to_string());
        }

        fn done(&self) {
            self.note("done".to_owned());
        }
    }

    #[test]
    fn what_is_replayed_is_what_was_reported() {
        let (reporter, heard) = (Reporter::default(), Heard::default());
        let mut replay = Replay::to(&heard);
        let told = || serde_json::from_value::<Report>(reporter.to_json()).unwrap();
        replay.hear(&told());
        reporter.total(2);
        replay.hear(&told());
        reporter.step(Path::new("/a.py"));
        reporter.step(Path::new("/b.py"));
        replay.hear(&told());
        replay.hear(&told());
        reporter.total(1);
        reporter.step(Path::new("/c.py"));
        replay.hear(&told());
        replay.end();
        let expected = [
            "total 2", "/b.py", "/b.py", "done", "total 1", "/c.py", "done",
        ];
        assert_eq!(*heard.0.lock().unwrap(), expected);
    }

    #[test]
    fn a_process_that_is_started_again_is_heard_from_the_beginning() {
        let heard = Heard::default();
        let mut replay = Replay::to(&heard);
        let report = |files_done| Report {
            project: 1,
            files: 3,
            files_done,
            path: "/a.py".into(),
            result: None,
        };
        replay.hear(&report(2));
        replay.hear(&report(1));
        // It may be heard before it has found a project.
        replay.hear(&Report::default());
        replay.hear(&report(3));
        let again = ["done", "total 3", "/a.py"];
        let expected = [
            &["total 3", "/a.py", "/a.py"][..],
            &again,
            &again,
            &["/a.py", "/a.py"],
        ]
        .concat();
        assert_eq!(*heard.0.lock().unwrap(), expected);
    }

    #[test]
    fn a_result_of_either_kind_comes_through() {
        use crate::commands::error::ErrorCode;
        for result in [
            Ok(IndexTotals::default()),
            Err(CommandError::new(ErrorCode::ProjectIdTaken, "taken").with("id", "x")),
        ] {
            let reporter = Reporter::default();
            reporter.finish(result.clone());
            let told: Report = serde_json::from_value(reporter.to_json()).unwrap();
            assert_eq!(told.result, Some(result));
        }
    }
}
