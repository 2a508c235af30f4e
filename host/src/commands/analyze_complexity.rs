//! `analyze_complexity`: functions and methods by cyclomatic complexity, most complex first.

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
use crate::code_db::complexity::ComplexEntity;
use crate::code_db::scope::Scope;

/// The command.
pub(super) struct AnalyzeComplexity;

/// Of what.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only in this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    /// Only what is at least this complex; default 1, which is everything.
    #[serde(default = "default_complexity")]
    #[schemars(range(min = 1))]
    min_complexity: u32,
    #[serde(flatten)]
    paging: Paging,
}

fn default_complexity() -> u32 {
    1
}

/// Functions and methods, most complex first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    min_complexity: u32,
    /// As `total`.
    total_count: u64,
    #[serde(flatten)]
    place: Place,
    results: Vec<ComplexEntity>,
    freshness: Freshness,
}

impl Operation for AnalyzeComplexity {
    const NAME: &'static str = "analyze_complexity";
    const SUMMARY: &'static str = "Lists functions and methods by cyclomatic complexity";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "min_complexity": 2})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = parameters.project.find(context)?;
        let scope = Scope {
            project_id: project.as_ref().map(|project| project.id.as_str()),
            file: parameters.file_path.as_deref(),
        };
        let least = parameters.min_complexity;
        let mut page =
            context
                .code()
                .complex_entities(&scope, least, parameters.paging.request())?;
        let place = parameters.paging.place(&mut page);
        let files = page.items.iter().map(|entity| entity.file_id);
        let freshness = Freshness::of(&context.code(), files)?;
        Ok(Answer {
            min_complexity: least,
            total_count: page.total,
            place,
            results: page.items,
            freshness,
        })
    }
}
