//! `collapse_versions`: of several rows that stand for one path of a project, one is left.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;

/// The command.
pub(super) struct CollapseVersions;

/// Which project, and which version is left.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Whether the latest version is left, by the time of the file's last change; else the earliest. Default true.
    #[serde(default = "yes")]
    keep_latest: bool,
    /// Only says what would be erased; default false.
    #[serde(default)]
    dry_run: bool,
}

fn yes() -> bool {
    true
}

/// What was erased, or would be.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Whether nothing was changed.
    dry_run: bool,
    /// Number of rows that were left, of the paths below.
    kept_count: usize,
    /// Number of rows that were erased.
    deleted_count: usize,
    /// The paths that several rows stood for.
    collapsed_files: Vec<String>,
}

impl Operation for CollapseVersions {
    const NAME: &'static str = "collapse_versions";
    const SUMMARY: &'static str = "Leaves one of several rows that stand for one file of a project";
    const ACCESS: Access = Access::Write;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "dry_run": true})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = parameters.project.require(context)?;
        let versions = context.code().versions(&project.id)?;
        let mut erased: Vec<i64> = Vec::new();
        for version in &versions {
            let others = match parameters.keep_latest {
                true => version.ids.get(1..),
                false => version.ids.get(..version.ids.len().saturating_sub(1)),
            };
            erased.extend(others.unwrap_or_default());
        }
        if !parameters.dry_run {
            context.code().erase_files(&erased)?;
        }
        Ok(Answer {
            dry_run: parameters.dry_run,
            kept_count: versions.len(),
            deleted_count: erased.len(),
            collapsed_files: versions.into_iter().map(|version| version.path).collect(),
        })
    }
}
