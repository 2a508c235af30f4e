//! `list_code_entities`: classes, functions and methods of a file, a project, or all projects.

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
use crate::code_db::entities::{Entity, EntityQuery};
use crate::code_db::scope::Scope;

/// The command.
pub(super) struct ListCodeEntities;

/// Which entities.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only entities of this kind.
    #[serde(default)]
    entity_type: Option<EntityType>,
    /// Only those of this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// The entities by path and line.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    entities: Vec<Entity>,
    freshness: Freshness,
}

impl Operation for ListCodeEntities {
    const NAME: &'static str = "list_code_entities";
    const SUMMARY: &'static str = "Lists classes, functions and methods with exact lines";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "entity_type": "class", "limit": 50})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let Parameters {
            project,
            entity_type,
            file_path,
            paging,
        } = parameters;
        let project = project.find(context)?;
        let query = EntityQuery {
            kind: entity_type.map(Into::into),
            scope: Scope {
                project_id: project.as_ref().map(|project| project.id.as_str()),
                file: file_path.as_deref(),
            },
            ..EntityQuery::default()
        };
        let mut page = context
            .code()
            .list_code_entities(&query, paging.request())?;
        let place = paging.place(&mut page);
        let paths = page.items.iter().map(|entity| entity.file_path.as_str());
        let freshness = Freshness::of_paths(&context.code(), paths)?;
        Ok(Answer {
            place,
            entities: page.items,
            freshness,
        })
    }
}
