//! `find_usages`: where something is called, instantiated or accessed.

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
use crate::code_db::database::CodeDatabase;
use crate::code_db::graph::{Definition, UsageSite};
use crate::code_db::scope::Scope;
use crate::code_db::usages::{UsageQuery, UsageRow};
use crate::code_graph::confidence::Confidence;
use crate::code_graph::project_files::ProjectFiles;
use crate::code_graph::resolve::Resolver;

/// The command.
pub(super) struct FindUsages;

/// Which usages.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// The name that is used, without its class or module.
    #[schemars(length(min = 1))]
    target_name: String,
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only usages as this kind of thing.
    #[serde(default)]
    target_type: Option<TargetType>,
    /// Only usages whose text names this class as the target's.
    #[serde(default)]
    #[schemars(length(min = 1))]
    target_class: Option<String>,
    /// Only usages in this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// What kind of thing is used.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TargetType {
    Method,
    Property,
    Class,
    Function,
}

impl TargetType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Property => "property",
            Self::Class => "class",
            Self::Function => "function",
        }
    }
}

/// The usages by path and line.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    target_name: String,
    #[serde(flatten)]
    place: Place,
    usages: Vec<ResolvedUsage>,
    /// Names of entities that were perhaps meant, where nothing is found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    did_you_mean: Vec<String>,
    freshness: Freshness,
}

/// A usage with what it means.
#[derive(Serialize, JsonSchema)]
struct ResolvedUsage {
    #[serde(flatten)]
    usage: UsageRow,
    /// How sure it is what the usage means.
    confidence: Confidence,
    /// The definition that is meant; none where several would fit equally, or it lies outside of the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Definition>,
    /// Definitions that would fit by name.
    candidates: usize,
}

impl Operation for FindUsages {
    const NAME: &'static str = "find_usages";
    const SUMMARY: &'static str =
        "Finds where a function, method, class or property is used, with exact lines";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"target_name": "checkout", "target_type": "method", "root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let Parameters {
            target_name,
            project,
            target_type,
            target_class,
            file_path,
            paging,
        } = parameters;
        let project = project.find(context)?;
        let project_id = project.as_ref().map(|project| project.id.as_str());
        let query = UsageQuery {
            target_name: &target_name,
            target_type: target_type.map(TargetType::as_str),
            target_class: target_class.as_deref(),
            scope: Scope {
                project_id,
                file: file_path.as_deref(),
            },
        };
        let mut page = context.code().find_usages(&query, paging.request())?;
        let did_you_mean = match page.total {
            0 => context
                .code()
                .nearest_entity_names(project_id, None, &target_name)?,
            _ => Vec::new(),
        };
        Ok(Answer {
            target_name,
            place: paging.place(&mut page),
            freshness: Freshness::of(
                &context.code(),
                page.items.iter().map(|usage| usage.file_id),
            )?,
            usages: resolved(&context.code(), page.items)?,
            did_you_mean,
        })
    }
}

/// The usages with what they mean, in their order.
fn resolved(code: &CodeDatabase, rows: Vec<UsageRow>) -> Result<Vec<ResolvedUsage>, CommandError> {
    let mut by_project: BTreeMap<String, Vec<UsageSite>> = BTreeMap::new();
    for row in &rows {
        by_project
            .entry(row.project_id.clone())
            .or_default()
            .push(row.site());
    }
    let mut files = BTreeMap::new();
    for project_id in by_project.keys() {
        files.insert(project_id.as_str(), ProjectFiles::load(code, project_id)?);
    }
    let mut resolvers = BTreeMap::new();
    for (project_id, files) in &files {
        let sites = by_project.get(*project_id).map_or(&[][..], Vec::as_slice);
        resolvers.insert(*project_id, Resolver::for_usages(code, files, sites)?);
    }
    let mut found = Vec::new();
    for usage in rows {
        let Some(resolver) = resolvers.get(usage.project_id.as_str()) else {
            continue;
        };
        let resolution = resolver.resolve(&usage.site());
        found.push(ResolvedUsage {
            confidence: resolution.confidence,
            target: resolution.target.cloned(),
            candidates: resolution.candidates,
            usage,
        });
    }
    Ok(found)
}
