//! What can be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand as ClapSubcommand};
use clap_complete::Shell;

use super::call::CallArguments;
use super::config::convert::ConvertArguments;
use super::config::generate::GenerateArguments;
use super::config::validate::ValidateArguments;
use super::db::DbCommand;
use super::drivers::DriversCommand;
use super::exit_code::EXIT_CODES;
use super::index::IndexArguments;
use super::mcp::McpArguments;
use super::serve::ServeArguments;
use super::sql::SqlArguments;

/// Indexes source trees into a relational database and answers questions about them.
#[derive(Debug, Parser)]
#[command(name = "code-analysis-host", version, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: GlobalArguments,
    #[command(subcommand)]
    pub(super) command: Subcommand,
}

/// What every subcommand takes.
#[derive(Debug, Default, Args)]
pub(super) struct GlobalArguments {
    /// Configuration file; without one, defaults hold and state lives in the user's data directory
    #[arg(long, global = true, value_name = "FILE", env = "CODE_ANALYSIS_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Directory with database drivers, looked in first; may be repeated (also: CODE_ANALYSIS_PLUGINS)
    #[arg(long = "plugins-dir", global = true, value_name = "DIR")]
    pub(super) plugins_dirs: Vec<PathBuf>,
    /// Print JSON; a failure is printed as {"error": {"code", "message", "data"}}
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, ClapSubcommand)]
pub(super) enum Subcommand {
    /// Index directories into the database
    Index(IndexArguments),
    /// Answer requests over HTTP and keep the index in step with watched directories
    Serve(ServeArguments),
    /// Serve an agent on standard input and output by the Model Context Protocol
    Mcp(McpArguments),
    /// Run a command, through the running server if there is one
    Call(CallArguments),
    /// Run one SQL statement that only reads
    Sql(SqlArguments),
    /// Whole databases
    #[command(subcommand)]
    Db(DbCommand),
    /// List the commands that `call` and the server offer, or describe one
    Commands {
        /// The command to describe
        name: Option<String>,
    },
    /// Database drivers
    #[command(subcommand)]
    Drivers(DriversCommand),
    /// Worker processes
    #[command(subcommand)]
    Workers(WorkersCommand),
    /// Configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Is a worker; started by the host
    #[command(hide = true)]
    Worker {
        /// `database`, `file_watcher`, `repair`, `vectorization` or `indexing`
        kind: String,
    },
    /// Says what a plugin file is; started by the host
    #[command(hide = true)]
    PluginProbe {
        /// The file
        file: PathBuf,
        /// BLAKE3 of the bytes that are meant
        hash: String,
    },
    /// Runs the conformance case that standard input names; started by the host
    #[command(hide = true)]
    DriverCase,
}

#[derive(Debug, ClapSubcommand)]
pub(super) enum WorkersCommand {
    /// List the workers of the running server, or who owns the database
    List,
}

#[derive(Debug, ClapSubcommand)]
pub(super) enum ConfigCommand {
    /// Print the configuration that is in force and where each value comes from, secrets hidden; what is printed
    /// without --json is a valid configuration file
    Show,
    /// Report everything that is wrong with a configuration, and what a newer form of it would be
    Validate(ValidateArguments),
    /// Write a configuration of the older program in this one's form; the old file is kept
    Convert(ConvertArguments),
    /// Print or write a configuration with every key, its default and what it is for
    Generate(GenerateArguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_behind_the_subcommand() {
        for line in [
            "code-analysis-host --json --plugins-dir /p --config /c commands",
            "code-analysis-host commands --json --plugins-dir /p --config /c",
        ] {
            let Arguments { global, .. } = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert!(global.json, "{line}");
            assert_eq!(global.plugins_dirs, [PathBuf::from("/p")], "{line}");
            assert_eq!(global.config, Some(PathBuf::from("/c")), "{line}");
        }
    }

    #[test]
    fn what_the_host_starts_itself_is_not_advertised() {
        let help = Arguments::command().render_long_help().to_string();
        assert!(
            help.contains("completions")
                && !help.contains("plugin-probe")
                && !help.contains("driver-case"),
            "{help}"
        );
        assert!(help.contains("130  interrupted"), "{help}");
    }
}
