//! `index PATH...`: indexes directories, with a progress bar and a summary.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::arguments::GlobalArguments;
use super::bar::Bar;
use super::exit_code::Exit;
use super::failure::{CliError, Failure};
use super::host;
use super::interruption::cancelled_by_signals;
use super::output::Output;
use super::summary;
use crate::app::App;
use crate::foundation::cancellation::Cancellation;

/// Arguments of `index`.
#[derive(Debug, Args)]
pub(super) struct IndexArguments {
    /// Directories to index; with --json, one document is printed for each
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Indexes one directory after the other.
pub(super) fn run(
    global: &GlobalArguments,
    arguments: &IndexArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    // All are looked at before the first is indexed: a slip in the last should not cost the time of the others.
    let directories = arguments
        .paths
        .iter()
        .map(|path| directory(path))
        .collect::<Result<Vec<_>, _>>()?;
    let config = host::configuration(global)?;
    let cancellation = cancelled_by_signals("stopping once what is at hand is stored")?;
    let app = host::build(global, config)?;
    let mut exit = Exit::Ok;
    for directory in &directories {
        let data = index(&app, directory, &cancellation)?;
        if output.is_json() {
            output.document(&data)?;
        } else {
            output.lines(&summary::lines(&data))?;
        }
        exit = worse(exit, exit_of(&data));
        if cancellation.is_cancelled() {
            return Ok(Exit::Interrupted);
        }
    }
    Ok(exit)
}

fn index(app: &App, directory: &Path, cancellation: &Cancellation) -> Result<Value, CliError> {
    let parameters = json!({ "root_dir": directory });
    let bar = Bar::on_stderr();
    let answer = app.call("update_indexes", parameters, &bar, cancellation);
    bar.clear();
    Ok(answer?)
}

/// The absolute path of a directory that can be listed.
fn directory(path: &Path) -> Result<PathBuf, Failure> {
    let refused = |error| Failure::path(path, &error);
    let canonical = path.canonicalize().map_err(refused)?;
    if !canonical.is_dir() {
        let message = format!(
            "{} is not a directory; name the directory that holds it",
            path.display()
        );
        return Err(Failure::coded("NOT_A_DIRECTORY", message, None));
    }
    if canonical.to_str().is_none() {
        let message = format!(
            "{}: its path is not UTF-8 and cannot be stored; rename it",
            path.display()
        );
        return Err(Failure::coded("PATH_UNUSABLE", message, None));
    }
    std::fs::read_dir(&canonical).map_err(refused)?;
    Ok(canonical)
}

/// Files that could not be indexed are no reason to fail, but a reason for scripts to look.
fn exit_of(data: &Value) -> Exit {
    if data["errors"].as_u64().unwrap_or(0) > 0 {
        Exit::Incomplete
    } else {
        Exit::Ok
    }
}

fn worse(one: Exit, other: Exit) -> Exit {
    if one == Exit::Ok { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_are_indexed() {
        let place = tempfile::tempdir().unwrap();
        assert!(directory(place.path()).is_ok());
        let missing = directory(&place.path().join("none")).unwrap_err();
        assert_eq!(
            (missing.exit, missing.code.as_str()),
            (Exit::NotFound, "PATH_NOT_FOUND")
        );
        let file = place.path().join("a.py");
        std::fs::write(&file, "").unwrap();
        let file = directory(&file).unwrap_err();
        assert_eq!(
            (file.exit, file.code.as_str()),
            (Exit::Usage, "NOT_A_DIRECTORY")
        );
    }

    #[test]
    fn the_worst_tree_decides() {
        assert_eq!(exit_of(&json!({"errors": 1})), Exit::Incomplete);
        assert_eq!(worse(Exit::Ok, exit_of(&json!({"errors": 0}))), Exit::Ok);
        assert_eq!(worse(Exit::Incomplete, Exit::Ok), Exit::Incomplete);
    }
}
