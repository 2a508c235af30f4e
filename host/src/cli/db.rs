//! `db`: work on a whole database.

use clap::Subcommand;

use super::arguments::GlobalArguments;
use super::db_copy::{self, CopyArguments};
use super::db_maintain::{self, BackupArguments, RestoreArguments};
use super::db_migrate::{self, MigrateArguments};
use super::exit_code::Exit;
use super::failure::CliError;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Show what the database holds, its schema's version, its backups, and whether it is damaged
    Status,
    /// Check the database's files, its rows and the files on disk, and say what `repair` would do
    Check,
    /// Copy the database into a backup while it is used
    Backup(BackupArguments),
    /// List the backups, newest first
    Backups,
    /// Put a backup in the place of what the database holds; that is saved first
    Restore(RestoreArguments),
    /// Do what `check` says a repair would do; a damaged file gives way to the newest sound backup
    Repair,
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
        DbCommand::Status => db_maintain::status(global, output),
        DbCommand::Check => db_maintain::check(global, output),
        DbCommand::Backup(arguments) => db_maintain::backup(global, arguments, output),
        DbCommand::Backups => db_maintain::backups(global, output),
        DbCommand::Restore(arguments) => db_maintain::restore(global, arguments, output),
        DbCommand::Repair => db_maintain::repair(global, output),
        DbCommand::Copy(arguments) => db_copy::run(global, arguments, output),
        DbCommand::Migrate(arguments) => db_migrate::run(global, arguments, output),
    }
}
