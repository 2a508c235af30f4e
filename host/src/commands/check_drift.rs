//! `check_drift`: compares files, rows and full text at once, every byte of them, and changes nothing.

use std::path::Path;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::drift_reports::{DriftFinding, DriftKind};
use crate::code_db::page::{Page, PageRequest};
use crate::code_db::projects::Project;
use crate::code_db::row_drift::RowCheck;
use crate::indexing::drift::Reading;
use crate::indexing::indexer::{IndexOptions, Indexer};
use crate::indexing::project_root::ProjectRoot;

/// Projects that are listed together.
const PROJECTS_AT_ONCE: u32 = 100;

/// The command.
pub(super) struct CheckDrift;

/// Which project, and which page of the paths.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    #[serde(flatten)]
    paging: Paging,
}

/// What is not as it should be.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    /// Whether everything is as it should be.
    ok: bool,
    /// Paths, those of one project together, by what is the matter with them.
    paths: Vec<DriftedPath>,
    /// What is the matter with rows of any project.
    rows: Vec<DriftFinding>,
    /// Files that were compared, each with all its bytes.
    files_checked: u64,
    /// Projects that could not be looked at, each with the reason.
    errors: Vec<String>,
    /// How long it took.
    seconds: f64,
}

/// A path with which something is the matter.
#[derive(Clone, Serialize, JsonSchema)]
struct DriftedPath {
    kind: DriftKind,
    /// It is absolute.
    path: String,
}

impl Operation for CheckDrift {
    const NAME: &'static str = "check_drift";
    const SUMMARY: &'static str = "Compares the files of a project, or of all, with rows and full text, byte by byte; changes nothing";
    const ACCESS: Access = Access::Read;
    const LONG: bool = true;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let began = Instant::now();
        let code = context.code();
        let options = IndexOptions {
            cancellation: job.cancellation.clone(),
            ..IndexOptions::default()
        };
        let mut look = Look {
            indexer: Indexer::new(code.clone(), options),
            paths: Vec::new(),
            files_checked: 0,
            errors: Vec::new(),
        };
        match parameters.project.find(context)? {
            Some(project) => look.at(&project),
            None => {
                let mut page = PageRequest::first(PROJECTS_AT_ONCE);
                loop {
                    let projects = code.projects(page)?;
                    projects.items.iter().for_each(|project| look.at(project));
                    if !projects.has_more() {
                        break;
                    }
                    page.offset += projects.items.len() as u64;
                }
            }
        }
        let mut rows = Vec::new();
        for check in RowCheck::all() {
            let count = code.count_drifted(&check)?;
            if count > 0 {
                rows.push(DriftFinding::new(check.kind(), count, &[check.place()]));
            }
        }
        let ok = look.paths.is_empty() && rows.is_empty() && look.errors.is_empty();
        let mut page = Page::of(&look.paths, parameters.paging.request());
        Ok(Answer {
            place: parameters.paging.place(&mut page),
            ok,
            paths: page.items,
            rows,
            files_checked: look.files_checked,
            errors: look.errors,
            seconds: began.elapsed().as_secs_f64(),
        })
    }
}

/// What was seen so far.
struct Look {
    indexer: Indexer,
    paths: Vec<DriftedPath>,
    files_checked: u64,
    errors: Vec<String>,
}

impl Look {
    fn at(&mut self, project: &Project) {
        let Some(root) = ProjectRoot::known(&project.id, Path::new(&project.root_path)) else {
            return self.paths.push(DriftedPath {
                kind: DriftKind::OtherId,
                path: project.root_path.clone(),
            });
        };
        let everything = Reading {
            after: 0,
            most: usize::MAX,
        };
        match self.indexer.drift(&root, everything) {
            Err(error) => self.errors.push(error.to_string()),
            Ok(drift) => {
                self.files_checked += drift.files_checked;
                for (kind, paths) in drift.paths {
                    let path = |path: std::path::PathBuf| DriftedPath {
                        kind,
                        path: path.display().to_string(),
                    };
                    self.paths.extend(paths.into_iter().map(path));
                }
            }
        }
    }
}
