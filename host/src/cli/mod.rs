//! The command line: arguments in, text or JSON out, and an exit code that scripts can rely on.
//!
//! [`main`] is the entry point. Standard output carries the answer and nothing else; one `error: ` line, notes,
//! progress and the log go to standard error. With `--json` the answer is one JSON document (of `index`, one for
//! each path), and a failure is one, too: `{"error": {"code", "message", "data"}}`.

mod arguments;
mod bar;
mod call;
mod columns;
mod commands;
mod completions;
mod config;
mod db;
mod db_copy;
mod db_maintain;
mod db_migrate;
mod drivers;
mod exit_code;
mod failure;
mod freshness;
mod host;
mod human;
mod index;
mod interruption;
mod mcp;
mod output;
mod parameters;
mod processes;
mod serve;
mod server_client;
mod server_tls;
mod sql;
mod summary;
mod table;
mod workers;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use tracing::level_filters::LevelFilter;

use crate::foundation::core_dumps;
use crate::foundation::telemetry::{self, Telemetry};
use arguments::{Arguments, Subcommand};
use exit_code::Exit;
use failure::CliError;
use output::Output;

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    core_dumps::forbid();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => return exit_code::of_usage(&usage),
    };
    match arguments.command {
        Subcommand::Worker { kind } => processes::worker(&kind),
        Subcommand::PluginProbe { file, hash } => processes::plugin_probe(file, hash),
        Subcommand::DriverCase => processes::driver_case(),
        _ => {
            let mut output = Output::to_stdout(arguments.global.json);
            let ended = run(arguments, &mut output).and_then(|exit| output.finish().map(|()| exit));
            end(ended, &mut output)
        }
    }
}

fn run(arguments: Arguments, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let Arguments { global, command } = arguments;
    start_log(&command);
    match command {
        Subcommand::Index(index) => index::run(&global, &index, output),
        Subcommand::Serve(serve) => serve::run(&global, serve, output),
        Subcommand::Mcp(mcp) => mcp::run(&global, &mcp),
        Subcommand::Call(call) => call::run(&global, &call, output),
        Subcommand::Sql(sql) => sql::run(&global, &sql, output),
        Subcommand::Db(command) => db::run(&global, &command, output),
        Subcommand::Commands { name } => commands::run(name.as_deref(), output),
        Subcommand::Drivers(command) => drivers::run(&global, &command, output),
        Subcommand::Workers(_) => workers::list(&global, output),
        Subcommand::Config(command) => config::run(&global, &command, output),
        Subcommand::Completions { shell } => completions::run(shell, output),
        // These never come here: they have no output of their own.
        Subcommand::Worker { .. } | Subcommand::PluginProbe { .. } | Subcommand::DriverCase => {
            Ok(Exit::Ok)
        }
    }
}

fn start_log(command: &Subcommand) {
    let (process, default_level) = match command {
        Subcommand::Serve(_) => ("serve", LevelFilter::INFO),
        _ => ("cli", LevelFilter::WARN),
    };
    let telemetry = Telemetry {
        process: process.to_owned(),
        default_level,
        log_file: None,
    };
    // A program that embeds this function may have a log of its own already.
    if let Err(error) = telemetry::init(&telemetry) {
        tracing::debug!(%error, "the log is not set up again");
    }
}

fn end(ended: Result<Exit, CliError>, output: &mut Output<'_>) -> ExitCode {
    match ended {
        Ok(exit) => exit.into(),
        // Whoever read our output has enough of it, as in `... | head`.
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Exit::Ok.into()
        }
        Err(CliError::Output(error)) => {
            output::tell_error(&format!("standard output cannot be written: {error}"));
            Exit::Failed.into()
        }
        Err(CliError::Failed(failure)) => {
            output::tell_error(&failure.message);
            output.failure(&failure);
            failure.exit.into()
        }
    }
}
