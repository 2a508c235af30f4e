//! `list_errors_by_category`: what the index knows to be wrong or unfinished, by kind.

use std::collections::BTreeMap;

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
use crate::code_db::findings::Finding;

/// The command.
pub(super) struct ListErrorsByCategory;

/// Where.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    #[serde(flatten)]
    paging: Paging,
}

/// The findings by category, path and line.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    /// How many there are of each category, in the whole list.
    summary: BTreeMap<String, u64>,
    /// Those of this page.
    categories: BTreeMap<String, Vec<Finding>>,
    freshness: Freshness,
}

impl Operation for ListErrorsByCategory {
    const NAME: &'static str = "list_errors_by_category";
    const SUMMARY: &'static str = "Lists syntax errors and unfinished or empty methods by category";
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
        let all = context
            .code()
            .findings(project.as_ref().map(|project| project.id.as_str()))?;
        let mut summary: BTreeMap<String, u64> = BTreeMap::new();
        for finding in &all {
            *summary.entry(finding.category.to_owned()).or_default() += 1;
        }
        let mut page = parameters.paging.cut(all);
        let place = parameters.paging.place(&mut page);
        let files = page.items.iter().map(|finding| finding.file_id);
        let freshness = Freshness::of(&context.code(), files)?;
        let mut categories: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
        for finding in page.items {
            categories
                .entry(finding.category.to_owned())
                .or_default()
                .push(finding);
        }
        Ok(Answer {
            place,
            summary,
            categories,
            freshness,
        })
    }
}
