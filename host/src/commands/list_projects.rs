//! `list_projects`: what is indexed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::projects::ListedProject;

/// The command.
pub(super) struct ListProjects;

/// Which projects.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Accepted for older clients. Projects that were deleted are gone with all their rows, so there are none to
    /// include; default false.
    #[serde(default, rename = "include_deleted")]
    _include_deleted: bool,
    #[serde(flatten)]
    paging: Paging,
}

/// The projects by root.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    projects: Vec<ListedProject>,
}

impl Operation for ListProjects {
    const NAME: &'static str = "list_projects";
    const SUMMARY: &'static str =
        "Lists the indexed projects with their ids, roots and numbers of files";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"limit": 20})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let paging = parameters.paging;
        let chosen = parameters.project.find(context)?.map(|project| project.id);
        let code = context.code();
        let mut page = code.list_projects(chosen.as_deref(), paging.request())?;
        Ok(Answer {
            place: paging.place(&mut page),
            projects: page.items,
        })
    }
}
