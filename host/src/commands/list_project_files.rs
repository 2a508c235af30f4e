//! `list_project_files`: the indexed files of a project, or of all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::files::FileRow;

/// The command.
pub(super) struct ListProjectFiles;

/// Which files.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only files that match, in the manner of `.gitignore`: `*.py` anywhere, `/src/*.rs` in one directory,
    /// `tests/` all below.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_pattern: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// The files by path.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    files: Vec<FileRow>,
    freshness: Freshness,
}

impl Operation for ListProjectFiles {
    const NAME: &'static str = "list_project_files";
    const SUMMARY: &'static str =
        "Lists indexed files with language, lines and whether they parsed";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "file_pattern": "*.py", "limit": 50})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let Parameters {
            project,
            file_pattern,
            paging,
        } = parameters;
        let project = project.find(context)?;
        let project_id = project.as_ref().map(|project| project.id.as_str());
        let mut page = context.code().list_project_files(
            project_id,
            file_pattern.as_deref(),
            paging.request(),
        )?;
        let place = paging.place(&mut page);
        let freshness = Freshness::of(&context.code(), page.items.iter().map(|file| file.id))?;
        Ok(Answer {
            place,
            files: page.items,
            freshness,
        })
    }
}
