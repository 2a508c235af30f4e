//! `get_drift_report`: what the repair workers of all hosts found at their last look at each project.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::drift_reports::{ALL_ROWS, ProjectDrift, StoredReport};
use crate::supervisor::worker_spec::WorkerKind;
use crate::supervisor::worker_status::WorkerState;

/// The command.
pub(super) struct GetDriftReport;

/// Which projects.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    #[serde(flatten)]
    paging: Paging,
}

/// The last looks.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    /// The projects by root, each with what the last look found; without that where nobody has looked yet.
    projects: Vec<ProjectDrift>,
    /// What the last look at the rows of all projects found; none where nobody has looked yet.
    rows: Option<StoredReport>,
    /// Files and rows of this answer that were found and are not repaired.
    open: u64,
    /// Whether a worker of this server goes on looking. Without one, the reports get old; `check_drift` looks at once.
    worker_is_running: bool,
}

impl Operation for GetDriftReport {
    const NAME: &'static str = "get_drift_report";
    const SUMMARY: &'static str = "Shows what was found, repaired and left at the last look for drift between files, rows and full text";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = parameters.project.find(context)?;
        let id = project.as_ref().map(|project| project.id.as_str());
        let paging = parameters.paging;
        let code = context.code();
        let mut page = code.project_drift(id, paging.request())?;
        let place = paging.place(&mut page);
        let rows = code.drift_report(ALL_ROWS)?;
        let looks = page
            .items
            .iter()
            .filter_map(|project| project.last.as_ref());
        let open = looks.chain(&rows).map(open).sum();
        let mut workers = context.workers.status().into_iter();
        Ok(Answer {
            place,
            open,
            rows,
            projects: page.items,
            worker_is_running: workers.any(|worker| {
                worker.kind == WorkerKind::Repair && worker.state == WorkerState::Ready
            }),
        })
    }
}

fn open(look: &StoredReport) -> u64 {
    let findings = look.report.findings.iter();
    findings
        .map(|finding| finding.count.saturating_sub(finding.repaired))
        .sum()
}
