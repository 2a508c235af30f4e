//! What indexing did, of several projects together.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::indexing::problem::{Problem, ProblemKind};
use crate::indexing::summary::IndexSummary;

/// Most problems that an answer lists; the numbers count all of them.
const MOST_PROBLEMS: usize = 1_000;

/// What indexing did, of several projects together. The first names are those of the older program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct IndexTotals {
    /// Source files that are there.
    files_discovered: u64,
    /// Files that were new or changed, and are stored.
    files_processed: u64,
    /// Source files that the database now has.
    files_total: u64,
    classes: u64,
    functions: u64,
    methods: u64,
    imports: u64,
    /// Files and directories that could not be indexed, each with a problem.
    errors: u64,
    /// Files that do not parse from start to end; they are indexed as far as it goes.
    syntax_errors: u64,
    usages: u64,
    files_unchanged: u64,
    files_deleted: u64,
    files_skipped: u64,
    /// Whether the run was asked to stop before its end; what was stored by then stays.
    pub(super) cancelled: bool,
    projects: Vec<ProjectTotals>,
    problems: Vec<Problem>,
    /// Problems that are counted above but not listed, because there are too many.
    problems_omitted: u64,
}

/// One project of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct ProjectTotals {
    pub(super) project_id: String,
    root_dir: PathBuf,
    files_discovered: u64,
    files_processed: u64,
    files_unchanged: u64,
    files_deleted: u64,
    seconds: f64,
}

impl IndexTotals {
    /// No project yet, but perhaps problems with finding them.
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        let mut totals = Self::default();
        totals.report(problems);
        totals
    }

    /// A run that was stopped before it could say anything.
    pub(super) fn stopped() -> Self {
        Self {
            cancelled: true,
            ..Self::default()
        }
    }

    /// Adds what was done for one project.
    pub(super) fn add(&mut self, summary: IndexSummary) {
        self.files_discovered += summary.files_found;
        self.files_processed += summary.files_indexed;
        self.files_total += summary.files_indexed + summary.files_unchanged;
        self.classes += summary.classes;
        self.functions += summary.functions;
        self.methods += summary.methods;
        self.imports += summary.imports;
        self.usages += summary.usages;
        self.files_unchanged += summary.files_unchanged;
        self.files_deleted += summary.files_deleted;
        self.files_skipped += summary.files_skipped;
        self.cancelled |= summary.cancelled;
        self.report(summary.problems);
        self.projects.push(ProjectTotals {
            project_id: summary.project_id,
            root_dir: summary.root,
            files_discovered: summary.files_found,
            files_processed: summary.files_indexed,
            files_unchanged: summary.files_unchanged,
            files_deleted: summary.files_deleted,
            seconds: summary.seconds,
        });
    }

    /// The projects in the order in which they were indexed.
    pub(super) fn projects(&self) -> &[ProjectTotals] {
        &self.projects
    }

    /// The id of the project, where it is only one.
    pub(super) fn only_project(&self) -> Option<&str> {
        match self.projects.as_slice() {
            [project] => Some(&project.project_id),
            _ => None,
        }
    }

    /// One line for people.
    pub(super) fn message(&self) -> String {
        let Self {
            files_processed,
            files_unchanged,
            files_deleted,
            ..
        } = self;
        let mut message = format!(
            "{files_processed} files indexed, {files_unchanged} unchanged, {files_deleted} deleted"
        );
        if self.errors > 0 {
            message.push_str(&format!(", {} could not be indexed", self.errors));
        }
        if self.cancelled {
            message.push_str("; stopped before the end, run it again to go on");
        }
        message
    }

    fn report(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            match problem.kind {
                ProblemKind::SyntaxErrors => self.syntax_errors += 1,
                // The file, or the project, is indexed all the same.
                ProblemKind::NotUtf8 | ProblemKind::Changing | ProblemKind::ProjectId => {}
                _ => self.errors += 1,
            }
            if self.problems.len() < MOST_PROBLEMS {
                self.problems.push(problem);
            } else {
                self.problems_omitted += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(kinds: &[ProblemKind]) -> Vec<Problem> {
        let problem = |kind: &ProblemKind| Problem {
            path: "/p/x.py".into(),
            kind: *kind,
            message: "no".into(),
        };
        kinds.iter().map(problem).collect()
    }

    #[test]
    fn projects_are_added_up() {
        let mut totals =
            IndexTotals::new(problems(&[ProblemKind::ProjectId, ProblemKind::Changing]));
        for id in ["a", "b"] {
            totals.add(IndexSummary {
                project_id: id.to_owned(),
                files_found: 5,
                files_indexed: 3,
                files_unchanged: 1,
                files_skipped: 1,
                problems: problems(&[ProblemKind::Binary, ProblemKind::SyntaxErrors]),
                ..IndexSummary::default()
            });
            if id == "a" {
                assert_eq!(totals.only_project(), Some("a"));
            }
        }
        let json = serde_json::to_value(&totals).unwrap();
        for (key, expected) in [
            ("files_discovered", 10),
            ("files_processed", 6),
            ("files_total", 8),
            ("files_skipped", 2),
            ("errors", 2),
            ("syntax_errors", 2),
        ] {
            assert_eq!(json[key], expected, "{key}");
        }
        assert_eq!(json["problems"].as_array().unwrap().len(), 6);
        assert_eq!(totals.only_project(), None);
        assert_eq!(
            totals.message(),
            "6 files indexed, 2 unchanged, 0 deleted, 2 could not be indexed"
        );
    }

    #[test]
    fn many_problems_are_counted_but_not_all_listed() {
        let totals = IndexTotals::new(problems(&vec![ProblemKind::Unreadable; MOST_PROBLEMS + 7]));
        let json = serde_json::to_value(&totals).unwrap();
        assert_eq!(
            (json["errors"].as_u64(), json["problems_omitted"].as_u64()),
            (Some(1_007), Some(7))
        );
        assert_eq!(json["problems"].as_array().unwrap().len(), MOST_PROBLEMS);
    }
}
