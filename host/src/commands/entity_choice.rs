//! Which entities a command is about: by name, and by kind, class and file where a name is not enough.

use schemars::JsonSchema;
use serde::Deserialize;

use super::context::Context;
use super::error::CommandError;
use super::parameters::EntityType;
use super::project_choice::{ProjectChoice, nothing_chosen};
use crate::code_db::entities::EntityKind;
use crate::code_db::error::CodeDbError;
use crate::code_db::graph::Definition;
use crate::code_db::page::PageRequest;
use crate::code_db::projects::Project;

/// Which entities. Several where a name is defined more than once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct EntityChoice {
    /// Name of a class, function or method; `Class.method` means the method of one class.
    #[schemars(length(min = 1))]
    pub(super) entity_name: String,
    /// Only entities of this kind.
    #[serde(default)]
    pub(super) entity_type: Option<EntityType>,
    /// Only in this file: its absolute path, or its path below the project's root.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) file_path: Option<String>,
}

impl EntityChoice {
    /// The entities that are meant, by path and line; at least one.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`] with the nearest names.
    pub(super) fn find(
        &self,
        context: &Context,
        project: &Project,
    ) -> Result<Vec<Definition>, CommandError> {
        let code = context.code();
        let (class, short) = match self.entity_name.rsplit_once(['.', ':']) {
            Some((class, short)) => (Some(class.trim_end_matches(':')), short),
            None => (None, self.entity_name.as_str()),
        };
        let mut found = code.definitions_named(Some(&project.id), &[short])?;
        let kind: Option<EntityKind> = self.entity_type.map(Into::into);
        found.retain(|each| {
            kind.is_none_or(|kind| kind == each.entity_type)
                && class.is_none_or(|class| each.class_name.as_deref() == Some(class))
        });
        if let Some(path) = &self.file_path {
            let file = code.file(Some(&project.id), path)?;
            found.retain(|each| each.file_id == file.id);
        }
        if found.is_empty() {
            let nearest = code.nearest_entity_names(Some(&project.id), kind, short)?;
            return Err(CommandError::from(CodeDbError::NotFound {
                what: kind.map_or("entity", EntityKind::as_str),
                name: self.entity_name.clone(),
                nearest,
            }));
        }
        Ok(found)
    }
}

/// The chosen project; where none is chosen, the only one that there is.
///
/// # Errors
/// As [`ProjectChoice::require`].
pub(super) fn chosen_or_only(
    context: &Context,
    choice: &ProjectChoice,
) -> Result<Project, CommandError> {
    if let Some(project) = choice.find(context)? {
        return Ok(project);
    }
    let mut all = context.code().projects(PageRequest::first(2))?;
    match (all.items.pop(), all.items.pop()) {
        (Some(only), None) => Ok(only),
        _ => Err(nothing_chosen()),
    }
}
