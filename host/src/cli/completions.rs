//! `completions SHELL`: a script that lets a shell complete this program's arguments.

use clap::CommandFactory;
use clap_complete::Shell;

use super::arguments::Arguments;
use super::exit_code::Exit;
use super::failure::CliError;
use super::output::Output;
use crate::foundation::paths::APPLICATION;

/// Prints the script.
pub(super) fn run(shell: Shell, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), APPLICATION, &mut script);
    output.write(&script)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_knows_the_subcommands() {
        let mut buffer = Vec::new();
        run(Shell::Bash, &mut Output::to_buffer(&mut buffer, false)).unwrap();
        let script = String::from_utf8(buffer).unwrap();
        assert!(script.contains("completions") && script.contains("--plugins-dir"));
    }
}
