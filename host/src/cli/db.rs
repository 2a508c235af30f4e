//! `db`: work on a whole database.

use clap::Subcommand;

use super::arguments::GlobalArguments;
use super::db_copy::{self, CopyArguments};
use super::db_migrate::{self, MigrateArguments};
use super::exit_code::Exit;
use super::failure::CliError;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Copy a whole database into another, of any type, and prove that both are equal
    Copy(CopyArguments),
    /// Bring the schema of the database up to date; every row stays
    Migrate(MigrateArguments),
}

/// Runs the subcommand.
pub(super) fn run(
    global: &GlobalArguments,
    command: &DbCommand,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        DbCommand::Copy(arguments) => db_copy::run(global, arguments, output),
        DbCommand::Migrate(arguments) => db_migrate::run(global, arguments, output),
    }
}
