//! `config`: what is in force, what is wrong with a file, the older program's form, a file to begin with.

pub(super) mod convert;
pub(super) mod generate;
mod show;
pub(super) mod validate;

use super::arguments::{ConfigCommand, GlobalArguments};
use super::exit_code::Exit;
use super::failure::CliError;
use super::output::Output;

/// Runs one of the subcommands.
pub(super) fn run(
    global: &GlobalArguments,
    command: &ConfigCommand,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        ConfigCommand::Show => show::run(global, output),
        ConfigCommand::Validate(arguments) => validate::run(global, arguments, output),
        ConfigCommand::Convert(arguments) => convert::run(global, arguments, output),
        ConfigCommand::Generate(arguments) => generate::run(arguments, output),
    }
}
