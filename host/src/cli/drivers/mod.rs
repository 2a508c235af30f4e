//! `drivers`: what plugins there are, what is known of one, and whether it does what drivers are to do.

mod described;
pub(super) mod files;
pub(super) mod inspect;
pub(super) mod list;
mod measured;
pub(super) mod new;
pub(super) mod test;

use clap::Subcommand;

use self::files::{DriverArgument, InstallArguments, QuarantineCommand, VerifyArguments};
use self::inspect::InspectArguments;
use self::new::NewArguments;
use self::test::TestArguments;
use super::arguments::GlobalArguments;
use super::exit_code::Exit;
use super::failure::CliError;
use super::host;
use super::output::Output;
use crate::app::App;

#[derive(Debug, Subcommand)]
pub(super) enum DriversCommand {
    /// List every plugin file that was found, and why it is usable or not
    List,
    /// Show everything that is known of a driver, without loading it; or what the server has loaded
    Inspect(InspectArguments),
    /// Probe plugin files anew; fails where start-up would
    Verify(VerifyArguments),
    /// Probe a plugin, copy it into a plugins directory, and lock its content
    Install(InstallArguments),
    /// Take away a plugin's file and its lock
    Remove(DriverArgument),
    /// Drivers that crashed too often
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Run the conformance cases on a driver, each in a process of its own
    Test(TestArguments),
    /// Write the crate of a new driver, which builds, loads and passes its cases
    New(NewArguments),
}

/// Runs what was asked for.
pub(super) fn run(
    global: &GlobalArguments,
    command: &DriversCommand,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        DriversCommand::List => list::list(global, output),
        DriversCommand::Inspect(inspect) => inspect::run(global, inspect, output),
        DriversCommand::Verify(verify) => files::verify(global, verify, output),
        DriversCommand::Install(install) => files::install(global, install, output),
        DriversCommand::Remove(driver) => files::remove(global, driver, output),
        DriversCommand::Quarantine(command) => files::quarantine(global, command, output),
        DriversCommand::Test(test) => test::run(global, test, output),
        DriversCommand::New(new) => new::run(new, output),
    }
}

/// A host for commands that tell of refused files themselves.
fn quiet_app(global: &GlobalArguments) -> Result<App, CliError> {
    Ok(App::new(
        host::configuration(global)?,
        &global.plugins_dirs,
    )?)
}
