//! `get_class_hierarchy`: what classes derive from, and what derives from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::entity_choice::chosen_or_only;
use super::error::CommandError;
use super::freshness::Freshness;
use super::job::Job;
use super::operation::{Access, Operation};
use super::parameters::{Paging, Place};
use super::project_choice::ProjectChoice;
use crate::code_db::entities::EntityKind;
use crate::code_db::error::CodeDbError;
use crate::code_db::graph::Definition;
use crate::code_graph::hierarchy::Hierarchy;
use crate::code_graph::names::written_bases;

/// The command.
pub(super) struct GetClassHierarchy;

/// Of which classes.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Only the classes of this name.
    #[serde(default)]
    #[schemars(length(min = 1))]
    class_name: Option<String>,
    /// Only classes in this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    file_path: Option<String>,
    #[serde(flatten)]
    project: ProjectChoice,
    #[serde(flatten)]
    paging: Paging,
}

/// The classes by path and line.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    class_name: Option<String>,
    #[serde(flatten)]
    place: Place,
    hierarchy: Vec<Class>,
    freshness: Freshness,
}

/// One class with what is above and below it.
#[derive(Serialize, JsonSchema)]
struct Class {
    #[serde(flatten)]
    class: Definition,
    /// Its bases, as written.
    bases: Vec<String>,
    /// The classes of the project that it derives from, nearest first.
    ancestors: Vec<Definition>,
    /// The classes of the project that derive from it, nearest first.
    descendants: Vec<Definition>,
}

impl Operation for GetClassHierarchy {
    const NAME: &'static str = "get_class_hierarchy";
    const SUMMARY: &'static str = "Shows what classes derive from and what derives from them";
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
        let hierarchy = Hierarchy::load(&code, &project.id)?;
        let file = parameters
            .file_path
            .as_deref()
            .map(|path| code.file(Some(&project.id), path))
            .transpose()?;
        let wanted = |class: &&Definition| {
            parameters
                .class_name
                .as_ref()
                .is_none_or(|name| *name == class.name)
                && file.as_ref().is_none_or(|file| file.id == class.file_id)
        };
        let classes: Vec<&Definition> = hierarchy.classes().iter().filter(wanted).collect();
        if let Some(name) = parameters
            .class_name
            .as_ref()
            .filter(|_| classes.is_empty())
        {
            let kind = EntityKind::Class;
            return Err(CommandError::from(CodeDbError::NotFound {
                what: kind.as_str(),
                name: name.clone(),
                nearest: code.nearest_entity_names(Some(&project.id), Some(kind), name)?,
            }));
        }
        let mut page = parameters.paging.cut(classes);
        let mut freshness = Freshness::of(&code, page.items.iter().map(|class| class.file_id))?;
        freshness.unsure_bases(&hierarchy);
        let place = parameters.paging.place(&mut page);
        let classes = page.items.into_iter().map(|class| Class {
            bases: written_bases(class),
            ancestors: hierarchy.ancestors(class),
            descendants: hierarchy.descendants(class),
            class: class.clone(),
        });
        Ok(Answer {
            hierarchy: classes.collect(),
            class_name: parameters.class_name,
            place,
            freshness,
        })
    }
}
