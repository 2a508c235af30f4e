//! `config show`: the configuration that is in force.

use super::arguments::GlobalArguments;
use super::exit_code::Exit;
use super::failure::CliError;
use super::host;
use super::output::{Output, note};

/// Prints the effective configuration in the form of a file, options of the driver included.
pub(super) fn show(global: &GlobalArguments, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let app = host::build(global, host::configuration(global)?)?;
    let shown = app.effective_config()?;
    if output.is_json() {
        output.document(&shown)?;
        return Ok(Exit::Ok);
    }
    match &app.config().file {
        Some(file) => note(&format!("from {}, with defaults filled in", file.display())),
        None => note("no configuration file: these are the defaults"),
    }
    output.line(&format!("{shown:#}"))?;
    Ok(Exit::Ok)
}
