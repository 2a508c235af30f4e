//! `change_project_id`: gives a project another id, in its `projectid` file and in the database.

use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::context::Context;
use super::database_errors::path_code;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use super::operation::{Access, Operation};
use super::project_choice::ProjectChoice;

/// The file that marks a project's root.
const PROJECT_ID_FILE: &str = "projectid";

/// The command.
pub(super) struct ChangeProjectId;

/// Which project, and its new id.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Absolute path of the project's root.
    #[schemars(extend("format" = "path"))]
    root_dir: String,
    /// The new id, a UUID.
    new_project_id: String,
    /// The id that the project is expected to have; nothing is changed when it has another.
    #[serde(default)]
    old_project_id: Option<String>,
    /// Whether the database is changed, too; otherwise the next indexing does that. Default true.
    #[serde(default = "yes")]
    update_database: bool,
}

fn yes() -> bool {
    true
}

/// What was changed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The id that the project had.
    old_project_id: Option<String>,
    /// The id that it has.
    new_project_id: String,
    /// The file that says so to every later indexing.
    projectid_file_path: PathBuf,
    /// Whether the database was changed.
    database_updated: bool,
    /// The id in the database now; none for a project that was never indexed.
    database_project_id: Option<String>,
}

impl Operation for ChangeProjectId {
    const NAME: &'static str = "change_project_id";
    const SUMMARY: &'static str =
        "Gives a project another id: in the file `projectid` of its root, and in the database";
    const ACCESS: Access = Access::Write;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"root_dir": "/home/me/shop", "new_project_id": "7d4f2c1e-6a0b-4c8e-9f11-0c2d3e4f5a6b"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let new = new_id(&parameters.new_project_id)?;
        let root = PathBuf::from(&parameters.root_dir);
        let root = root.canonicalize().map_err(|error| {
            CommandError::new(
                path_code(error.kind()),
                format!("{}: {error}", root.display()),
            )
        })?;
        let choice = ProjectChoice {
            root_dir: root.to_str().map(str::to_owned),
            project_id: None,
        };
        let known = match choice.find(context) {
            Err(error) if error.code() == ErrorCode::ProjectNotFound => None,
            found => found?.filter(|project| Path::new(&project.root_path) == root),
        };
        let file = root.join(PROJECT_ID_FILE);
        let written = read(&file)?;
        let old = written
            .clone()
            .or_else(|| known.as_ref().map(|project| project.id.clone()));
        if let (Some(expected), Some(old)) = (&parameters.old_project_id, &old)
            && expected != old
        {
            let text =
                format!("/old_project_id: found {expected:?}, but the project has the id {old:?}");
            return Err(CommandError::new(ErrorCode::InvalidParameters, text));
        }
        let mut database_project_id = known.as_ref().map(|project| project.id.clone());
        let mut database_updated = false;
        if let Some(project) =
            known.filter(|project| parameters.update_database && project.id != new)
        {
            context.code().change_project_id(&project.id, &new)?;
            database_updated = true;
            database_project_id = Some(new.clone());
        }
        write(&file, &new)?;
        Ok(Answer {
            old_project_id: old,
            new_project_id: new,
            projectid_file_path: file,
            database_updated,
            database_project_id,
        })
    }
}

fn new_id(text: &str) -> Result<String, CommandError> {
    let id = Uuid::parse_str(text.trim()).map_err(|_| {
        let problem = format!("/new_project_id: found {text:?}, expected a UUID");
        CommandError::new(ErrorCode::InvalidParameters, problem)
    })?;
    Ok(id.hyphenated().to_string())
}

/// The file as JSON, where it is that.
fn parse(text: &str) -> Option<serde_json::Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

fn read(file: &Path) -> Result<Option<String>, CommandError> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| unusable(file, &error))?,
    };
    let id = match parse(&text) {
        Some(fields) => fields.get("id").and_then(Value::as_str).map(str::to_owned),
        None => text.lines().next().map(|line| line.trim().to_owned()),
    };
    Ok(id.filter(|id| !id.is_empty()))
}

/// What else the file says stays. It is replaced as a whole, so that nobody reads half of it.
fn write(file: &Path, id: &str) -> Result<(), CommandError> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut fields = parse(&text).unwrap_or_default();
    fields.insert("id".to_owned(), id.into());
    let part = file.with_extension("part");
    fs::write(&part, format!("{:#}\n", Value::Object(fields)))
        .and_then(|()| fs::rename(&part, file))
        .map_err(|error| unusable(file, &error))
}

fn unusable(file: &Path, error: &std::io::Error) -> CommandError {
    CommandError::new(
        ErrorCode::PathUnusable,
        format!("{}: {error}", file.display()),
    )
    .with("path", file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_keeps_what_else_it_says() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("projectid");
        assert_eq!(read(&file).unwrap(), None);
        fs::write(&file, "{\"id\": \"a\", \"description\": \"mine\"}").unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some("a"));
        write(&file, "b").unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some("b"));
        assert!(fs::read_to_string(&file).unwrap().contains("mine"));
        fs::write(&file, "bare-id\n").unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some("bare-id"));
        write(&file, "c").unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some("c"));
    }

    #[test]
    fn an_id_is_a_uuid() {
        let id = new_id(" 7D4F2C1E-6A0B-4C8E-9F11-0C2D3E4F5A6B ").unwrap();
        assert_eq!(id, "7d4f2c1e-6a0b-4c8e-9f11-0c2d3e4f5a6b");
        assert_eq!(
            new_id("shop").unwrap_err().code(),
            ErrorCode::InvalidParameters
        );
    }
}
