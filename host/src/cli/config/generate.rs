//! `config generate`: a configuration to begin with, every key commented.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::exit_code::Exit;
use crate::cli::failure::{CliError, Failure};
use crate::cli::output::Output;
use crate::config::reference::commented_file;

/// Arguments of `config generate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct GenerateArguments {
    /// The file to write, which must not exist; without it the text is printed
    file: Option<PathBuf>,
}

/// Prints the commented file, or writes it.
pub(super) fn run(
    arguments: &GenerateArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let text = commented_file()
        .map_err(|error| Failure::new(Exit::Failed, "INTERNAL", error.to_string()))?;
    let Some(file) = &arguments.file else {
        if output.is_json() {
            output.document(&json!({ "text": text }))?;
        } else {
            output.write(text.as_bytes())?;
        }
        return Ok(Exit::Ok);
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut created| created.write_all(text.as_bytes()));
    written.map_err(|error| {
        let message = format!(
            "{} is not written: {error}; choose a new file in a directory that you may write to",
            file.display()
        );
        Failure::new(Exit::Failed, "FILE_NOT_WRITTEN", message)
    })?;
    if output.is_json() {
        output.document(&json!({ "written": file }))?;
    } else {
        output.line(&format!("wrote {}", file.display()))?;
    }
    Ok(Exit::Ok)
}
