//! `find_dependencies`: what an entity uses, or which files a module imports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::entity_choice::{EntityChoice, chosen_or_only};
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{EntityType, Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::projects::Project;
use crate::code_graph::calls::{Calls, Edge};

/// The command.
pub(super) struct FindDependencies;

/// Of what.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Name of a class, function or method, `Class.method`, or for a module the path of its file.
    #[schemars(length(min = 1))]
    entity_name: String,
    #[serde(flatten)]
    project: ProjectChoice,
    /// What the name is of; any of class, function and method without.
    #[serde(default)]
    entity_type: Option<Kind>,
    /// The class of the method.
    #[serde(default)]
    #[schemars(length(min = 1))]
    target_class: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Kinds of what has dependencies.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Class,
    Function,
    Method,
    Module,
}

/// What is used, in the order of the text.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    entity_name: String,
    entity_type: Option<Kind>,
    #[serde(flatten)]
    place: Place,
    dependencies: Vec<Dependency>,
    freshness: Freshness,
}

/// Something that is used.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Dependency {
    /// By an entity.
    Entity(Edge),
    /// By a module.
    File {
        /// The file, below the root of the project.
        file: String,
    },
}

impl Operation for FindDependencies {
    const NAME: &'static str = "find_dependencies";
    const SUMMARY: &'static str =
        "Finds what a class, function or method uses, or which files a module imports";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"entity_name": "Cart.checkout", "root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = chosen_or_only(context, &parameters.project)?;
        let (all, files) = match parameters.entity_type {
            Some(Kind::Module) => of_module(context, &project, &parameters.entity_name)?,
            _ => of_entity(context, &project, &parameters)?,
        };
        let mut page = parameters.paging.cut(all);
        Ok(Answer {
            freshness: Freshness::of(&context.code(), files)?,
            place: parameters.paging.place(&mut page),
            dependencies: page.items,
            entity_name: parameters.entity_name,
            entity_type: parameters.entity_type,
        })
    }
}

fn of_entity(
    context: &Context,
    project: &Project,
    parameters: &Parameters,
) -> Result<(Vec<Dependency>, Vec<i64>), CommandError> {
    let entity_name = match &parameters.target_class {
        Some(class) => format!("{class}.{}", parameters.entity_name),
        None => parameters.entity_name.clone(),
    };
    let entity_type = parameters.entity_type.and_then(|kind| match kind {
        Kind::Class => Some(EntityType::Class),
        Kind::Function => Some(EntityType::Function),
        Kind::Method => Some(EntityType::Method),
        Kind::Module => None,
    });
    let choice = EntityChoice {
        entity_name,
        entity_type,
        file_path: None,
    };
    let code = context.code();
    let entities = choice.find(context, project)?;
    let used = Calls::load(&code, &project.id)?.used_by(&entities)?;
    let used = used.into_iter().map(|(_, edge)| Dependency::Entity(edge));
    let files = entities.iter().map(|entity| entity.file_id);
    Ok((used.collect(), files.collect()))
}

fn of_module(
    context: &Context,
    project: &Project,
    path: &str,
) -> Result<(Vec<Dependency>, Vec<i64>), CommandError> {
    let code = context.code();
    let file = code.file(Some(&project.id), path)?;
    let targets = code.dependency_paths(file.id)?;
    let used = targets.into_iter().map(|file| Dependency::File { file });
    Ok((used.collect(), vec![file.id]))
}
