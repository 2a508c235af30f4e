//! `config show`: the configuration that is in force.

use super::arguments::GlobalArguments;
use super::exit_code::Exit;
use super::failure::CliError;
use super::output::{Output, note};
use crate::config::types::Config;

/// Prints the effective configuration in the form of a file.
pub(super) fn show(global: &GlobalArguments, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let config = Config::load(global.config.as_deref())?;
    if output.is_json() {
        output.document(&config.effective())?;
        return Ok(Exit::Ok);
    }
    match &config.file {
        Some(file) => note(&format!("from {}, with defaults filled in", file.display())),
        None => note("no configuration file: these are the defaults"),
    }
    output.line(&format!("{:#}", config.effective()))?;
    Ok(Exit::Ok)
}
