//! `drivers inspect|verify|install|remove|quarantine clear`: one plugin file at a time.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::app::App;
use crate::cli::arguments::GlobalArguments;
use crate::cli::exit_code::Exit;
use crate::cli::failure::CliError;
use crate::cli::output::Output;

use super::{described, quiet_app};

/// Arguments of `drivers verify`.
#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArguments {
    /// Drivers' names, or plugins' files; all that hosts find, where none is given
    #[arg(value_name = "NAME|FILE")]
    drivers: Vec<String>,
}

/// Arguments of `drivers install`.
#[derive(Debug, Args)]
pub(in crate::cli) struct InstallArguments {
    /// The plugin's file
    file: PathBuf,
}

/// Arguments of what takes one driver.
#[derive(Debug, Args)]
pub(in crate::cli) struct DriverArgument {
    /// A driver's name, or a plugin's file
    #[arg(value_name = "NAME|FILE")]
    driver: String,
}

/// `drivers quarantine`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum QuarantineCommand {
    /// Forget the crashes of a driver, so that it is used again
    Clear(DriverArgument),
}

/// Looks at files as if for the first time. It is a failure that one of those that were named is refused, or one that
/// start-up would warn of.
pub(in crate::cli) fn verify(
    global: &GlobalArguments,
    arguments: &VerifyArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let app = quiet_app(global)?;
    let verified = app.verify_drivers(&arguments.drivers)?;
    let all = arguments.drivers.is_empty();
    let fails = |entry: &Value| {
        let expected = !all || !matches!(entry["origin"].as_str(), Some("executable" | "system"));
        expected && entry["usable"] != true
    };
    let failed = verified.iter().any(fails);
    if output.is_json() {
        output.document(&json!({"drivers": verified}))?;
    } else {
        for entry in &verified {
            output.lines(&[described::verdict(entry)])?;
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Ok })
}

/// Probes, copies, locks.
pub(in crate::cli) fn install(
    global: &GlobalArguments,
    arguments: &InstallArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let app = quiet_app(global)?;
    let installed = app.install_driver(&arguments.file)?;
    let usable = installed["usable"] == true;
    if output.is_json() {
        output.document(&installed)?;
    } else {
        output.lines(&[
            described::verdict(&installed),
            format!("locked for {}", described::text(&installed["platform"])),
        ])?;
    }
    Ok(if usable { Exit::Ok } else { Exit::Failed })
}

/// Takes a file away.
pub(in crate::cli) fn remove(
    global: &GlobalArguments,
    arguments: &DriverArgument,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let removed = quiet_app(global)?.remove_driver(&arguments.driver)?;
    if output.is_json() {
        output.document(&removed)?;
    } else {
        output.lines(&[format!("removed {}", described::text(&removed["removed"]))])?;
    }
    Ok(Exit::Ok)
}

/// Lets a driver be used again.
pub(in crate::cli) fn quarantine(
    global: &GlobalArguments,
    command: &QuarantineCommand,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let QuarantineCommand::Clear(DriverArgument { driver }) = command;
    let app: App = quiet_app(global)?;
    let cleared = app.clear_quarantine(driver)?;
    if output.is_json() {
        output.document(&cleared)?;
    } else {
        let file = described::text(&cleared["file"]);
        let line = match cleared["cleared"] == true {
            true => format!("the crashes of {file} are forgotten"),
            false => format!("no crashes of {file} were noted"),
        };
        output.lines(&[line])?;
    }
    Ok(Exit::Ok)
}
