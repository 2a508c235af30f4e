//! `get_code_entity_info`: all that is known of the classes, functions or methods of one name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{EntityType, Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::entities::Entity;
use crate::code_db::scope::Scope;

/// The command.
pub(super) struct GetCodeEntityInfo;

/// Which entity.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// What kind of entity.
    entity_type: EntityType,
    /// Its name; `Class.method` means the method of one class.
    #[schemars(length(min = 1))]
    entity_name: String,
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only in this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    /// Only the one that begins at this line, from 1.
    #[serde(default)]
    #[schemars(range(min = 1))]
    line: Option<u32>,
    #[serde(flatten)]
    paging: Paging,
}

/// Several entities where a name is defined more than once.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    entity_type: EntityType,
    entity_name: String,
    #[serde(flatten)]
    place: Place,
    entities: Vec<Entity>,
    freshness: Freshness,
}

impl Operation for GetCodeEntityInfo {
    const NAME: &'static str = "get_code_entity_info";
    const SUMMARY: &'static str =
        "Shows docstring, parameters, bases, lines and complexity of what has a name";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"entity_type": "method", "entity_name": "Cart.checkout", "root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let Parameters {
            entity_type,
            entity_name,
            project,
            file_path,
            line,
            paging,
        } = parameters;
        let project = project.find(context)?;
        let scope = Scope {
            project_id: project.as_ref().map(|project| project.id.as_str()),
            file: file_path.as_deref(),
        };
        let kind = entity_type.into();
        let mut page = context.code().get_code_entity_info(
            kind,
            &entity_name,
            line,
            scope,
            paging.request(),
        )?;
        let place = paging.place(&mut page);
        let paths = page.items.iter().map(|entity| entity.file_path.as_str());
        let freshness = Freshness::of_paths(&context.code(), paths)?;
        Ok(Answer {
            entity_type,
            entity_name,
            place,
            entities: page.items,
            freshness,
        })
    }
}
