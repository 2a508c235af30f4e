//! Which project a command is about: by its id, or by any path inside of it.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use crate::code_db::projects::Project;

/// Which project a command is about. Both may be given if they mean the same project.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub(super) struct ProjectChoice {
    /// Absolute path of the project's root, or of anything below it.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    pub(super) root_dir: Option<String>,
    /// Id of the project, as `list_projects` shows it.
    #[serde(default)]
    pub(super) project_id: Option<String>,
}

impl ProjectChoice {
    /// The chosen project; `None` when nothing was chosen, which means all.
    ///
    /// # Errors
    /// [`ErrorCode::ProjectNotFound`]; [`ErrorCode::InvalidParameters`] for a relative path, and for an id and a
    /// path that do not belong together.
    pub(super) fn find(&self, context: &Context) -> Result<Option<Project>, CommandError> {
        let code = context.code();
        let by_id = self
            .project_id
            .as_deref()
            .map(|id| code.project(id))
            .transpose()?;
        let by_path = self
            .root_dir
            .as_deref()
            .map(|path| project_at(context, path))
            .transpose()?;
        match (by_id, by_path) {
            (Some(by_id), Some(by_path)) if by_id.id != by_path.id => {
                Err(contradiction(&by_id, &by_path))
            }
            (by_id, by_path) => Ok(by_id.or(by_path)),
        }
    }

    /// The chosen project, where one has to be chosen.
    ///
    /// # Errors
    /// As [`find`](Self::find), and [`ErrorCode::InvalidParameters`] when nothing was chosen.
    pub(super) fn require(&self, context: &Context) -> Result<Project, CommandError> {
        self.find(context)?.ok_or_else(nothing_chosen)
    }
}

/// The error of a command that needs a project and was not told which.
pub(super) fn nothing_chosen() -> CommandError {
    CommandError::new(
        ErrorCode::InvalidParameters,
        "/root_dir: expected root_dir or project_id",
    )
}

/// Refuses a path whose meaning would depend on the process that reads it.
pub(super) fn require_absolute(field: &str, path: &str) -> Result<(), CommandError> {
    if Path::new(path).is_absolute() {
        return Ok(());
    }
    let problem = format!("/{field}: found {path:?}, expected an absolute path");
    Err(CommandError::new(ErrorCode::InvalidParameters, problem))
}

fn project_at(context: &Context, path: &str) -> Result<Project, CommandError> {
    require_absolute("root_dir", path)?;
    // Roots are stored free of links; a root that is gone from disk is still known by its old path.
    let canonical = Path::new(path).canonicalize().ok();
    let canonical = canonical.as_deref().and_then(Path::to_str);
    Ok(context.code().project(canonical.unwrap_or(path))?)
}

fn contradiction(by_id: &Project, by_path: &Project) -> CommandError {
    let problem = format!(
        "/project_id: project {} has its root at {}, but root_dir belongs to project {} at {}; give one of the two",
        by_id.id, by_id.root_path, by_path.id, by_path.root_path
    );
    CommandError::new(ErrorCode::InvalidParameters, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_is_refused_by_name() {
        assert_eq!(require_absolute("root_dir", "/srv/shop"), Ok(()));
        let error = require_absolute("root_dir", "shop").unwrap_err();
        assert_eq!(
            error.to_string(),
            "/root_dir: found \"shop\", expected an absolute path"
        );
        assert_eq!(error.code(), ErrorCode::InvalidParameters);
    }
}
