//! `list_class_methods`: the methods of a class, with those that it inherits where asked.

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
use crate::code_db::entities::EntityKind;
use crate::code_db::graph::Definition;
use crate::code_graph::hierarchy::Hierarchy;

/// The command.
pub(super) struct ListClassMethods;

/// Of which class.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// The name of the class.
    #[schemars(length(min = 1))]
    class_name: String,
    #[serde(flatten)]
    project: ProjectChoice,
    /// Also lists the methods of the classes above it; default false.
    #[serde(default)]
    inherited: bool,
    #[serde(flatten)]
    paging: Paging,
}

/// The methods by path and line.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    class_name: String,
    #[serde(flatten)]
    place: Place,
    methods: Vec<Definition>,
    freshness: Freshness,
}

impl Operation for ListClassMethods {
    const NAME: &'static str = "list_class_methods";
    const SUMMARY: &'static str = "Lists the methods of a class, on request with inherited ones";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"class_name": "Cart", "root_dir": "/home/me/shop"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let project = chosen_or_only(context, &parameters.project)?;
        let code = context.code();
        let choice = EntityChoice {
            entity_name: parameters.class_name.clone(),
            entity_type: Some(EntityType::Class),
            file_path: None,
        };
        let mut classes = choice.find(context, &project)?;
        if parameters.inherited {
            let hierarchy = Hierarchy::load(&code, &project.id)?;
            let above: Vec<Definition> = classes
                .iter()
                .flat_map(|class| hierarchy.ancestors(class))
                .collect();
            classes.extend(above);
        }
        let mut files: Vec<i64> = classes.iter().map(|class| class.file_id).collect();
        files.sort_unstable();
        files.dedup();
        let is_theirs = |method: &Definition| {
            method.entity_type == EntityKind::Method
                && classes.iter().any(|class| {
                    class.file_id == method.file_id
                        && method.class_name.as_deref() == Some(class.name.as_str())
                })
        };
        let mut methods = code.definitions_in(&files)?;
        methods.retain(is_theirs);
        let mut page = parameters.paging.cut(methods);
        Ok(Answer {
            freshness: Freshness::of(&code, files)?,
            place: parameters.paging.place(&mut page),
            methods: page.items,
            class_name: parameters.class_name,
        })
    }
}
