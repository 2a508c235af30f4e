//! `list_long_files`: files of more lines than a limit, longest first.

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
pub(super) struct ListLongFiles;

/// Which files.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only files of more lines than this; default 400.
    #[serde(default = "default_lines")]
    #[schemars(range(min = 0))]
    max_lines: u32,
    #[serde(flatten)]
    paging: Paging,
}

fn default_lines() -> u32 {
    400
}

/// The files, longest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    max_lines: u32,
    #[serde(flatten)]
    place: Place,
    files: Vec<FileRow>,
    freshness: Freshness,
}

impl Operation for ListLongFiles {
    const NAME: &'static str = "list_long_files";
    const SUMMARY: &'static str = "Lists files of more lines than a limit, longest first";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "max_lines": 10})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = parameters.project.find(context)?;
        let mut page = context.code().long_files(
            project.as_ref().map(|project| project.id.as_str()),
            parameters.max_lines,
            parameters.paging.request(),
        )?;
        let place = parameters.paging.place(&mut page);
        let freshness = Freshness::of(&context.code(), page.items.iter().map(|file| file.id))?;
        Ok(Answer {
            max_lines: parameters.max_lines,
            place,
            files: page.items,
            freshness,
        })
    }
}
