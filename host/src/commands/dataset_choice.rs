//! The parameter `dataset_id` of the older program, in which a project had a dataset for each of its roots; here it has one.

use schemars::JsonSchema;
use serde::Deserialize;

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::project_choice::ProjectChoice;
use crate::code_db::projects::Project;

/// Which project a command about vectors is about; all without.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub(super) struct DatasetChoice {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Id of the project's dataset, which is all of the project; as good as its `project_id`.
    #[serde(default)]
    dataset_id: Option<String>,
}

impl DatasetChoice {
    /// The chosen project; `None` when nothing was chosen, which means all.
    ///
    /// # Errors
    /// As [`ProjectChoice::find`]; [`ErrorCode::ProjectNotFound`] for a dataset that is none, and
    /// [`ErrorCode::InvalidParameters`] for one of another project.
    pub(super) fn find(&self, context: &Context) -> Result<Option<Project>, CommandError> {
        let chosen = self.project.find(context)?;
        let Some(dataset) = &self.dataset_id else {
            return Ok(chosen);
        };
        let Some(owner) = context.code().project_of_dataset(dataset)? else {
            let text = format!(
                "no project has the dataset {dataset:?}; leave dataset_id out, or give the project's project_id"
            );
            return Err(CommandError::new(ErrorCode::ProjectNotFound, text));
        };
        match chosen {
            Some(project) if project.id != owner => Err(CommandError::new(
                ErrorCode::InvalidParameters,
                format!(
                    "/dataset_id: found a dataset of the project {owner}, expected one of {}",
                    project.id
                ),
            )),
            Some(project) => Ok(Some(project)),
            None => Ok(Some(context.code().project(&owner)?)),
        }
    }
}
