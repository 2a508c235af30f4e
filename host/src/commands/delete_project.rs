//! `delete_project`: removes a project from the database; nothing on disk is touched.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;
use crate::code_db::projects::{Project, ProjectContents};

/// The command.
pub(super) struct DeleteProject;

/// Which project.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    project: ProjectChoice,
    /// Only says what would be deleted; default false.
    #[serde(default)]
    dry_run: bool,
}

/// What was deleted, or would be.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    dry_run: bool,
    message: String,
    #[serde(flatten)]
    contents: ProjectContents,
}

impl Operation for DeleteProject {
    const NAME: &'static str = "delete_project";
    const SUMMARY: &'static str =
        "Deletes a project's rows from the database, or says what that would take";
    const ACCESS: Access = Access::Write;
    const IDEMPOTENT: bool = true;

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
        require_root(&parameters.project, &project)?;
        let dry_run = parameters.dry_run;
        let contents = if dry_run {
            context.code().project_contents(&project.id)?
        } else {
            context.code().delete_project(&project.id)?
        };
        Ok(Answer {
            dry_run,
            message: message(dry_run, &contents),
            contents,
        })
    }
}

/// A path inside of a project finds it, too, but whoever names a subdirectory does not mean the whole.
fn require_root(choice: &ProjectChoice, project: &Project) -> Result<(), CommandError> {
    let Some(named) = &choice.root_dir else {
        return Ok(());
    };
    let root = Path::new(&project.root_path);
    let canonical = Path::new(named)
        .canonicalize()
        .unwrap_or_else(|_| named.into());
    if canonical == root || Path::new(named) == root {
        return Ok(());
    }
    let problem = format!(
        "/root_dir: found {named:?}, expected {:?}, the root of the project that it is in",
        project.root_path
    );
    Err(CommandError::new(ErrorCode::InvalidParameters, problem))
}

fn message(dry_run: bool, contents: &ProjectContents) -> String {
    let ProjectContents {
        root_path,
        files_count,
        ..
    } = contents;
    let deleted = if dry_run {
        "would be deleted"
    } else {
        "was deleted"
    };
    format!(
        "the project at {root_path} with {files_count} files {deleted} from the database; no file on disk is touched"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subdirectory_does_not_mean_its_whole_project() {
        let project = Project {
            id: "p".into(),
            root_path: "/srv/no/shop".into(),
            name: None,
            comment: None,
            updated_at: None,
        };
        let named = |root_dir: Option<&str>| {
            let choice = ProjectChoice {
                root_dir: root_dir.map(str::to_owned),
                project_id: Some("p".into()),
            };
            require_root(&choice, &project)
        };
        assert_eq!(named(None), Ok(()));
        assert_eq!(named(Some("/srv/no/shop/")), Ok(()));
        let error = named(Some("/srv/no/shop/src")).unwrap_err();
        assert!(
            error.to_string().contains("expected \"/srv/no/shop\""),
            "{error}"
        );
    }

    #[test]
    fn the_message_says_whether_it_happened() {
        let contents = ProjectContents {
            project_id: "p".into(),
            project_name: None,
            root_path: "/srv/shop".into(),
            files_count: 3,
            chunks_count: 0,
            datasets_count: 1,
        };
        let told = message(true, &contents);
        assert_eq!(
            told,
            "the project at /srv/shop with 3 files would be deleted from the database; no file on disk is touched"
        );
        assert!(message(false, &contents).contains("was deleted"));
    }
}
