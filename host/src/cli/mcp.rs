//! `mcp`: serves an agent that started this program, by the Model Context Protocol on standard input and output.

use clap::Args;
use serde_json::{Value, json};

use super::arguments::GlobalArguments;
use super::exit_code::Exit;
use super::failure::{CliError, Failure};
use super::host;
use super::server_client::ServerClient;
use crate::app::agent::serve_agent;

/// Arguments of `mcp`.
#[derive(Debug, Args)]
pub(super) struct McpArguments {
    /// Tools that are listed: `core` for finding one's way in code, `read` for all that only answer, `all`
    #[arg(long, value_name = "NAME", default_value = "core", value_parser = ["core", "read", "all"])]
    toolset: String,
}

/// Serves until standard input ends.
pub(super) fn run(global: &GlobalArguments, arguments: &McpArguments) -> Result<Exit, CliError> {
    let config = host::configuration(global)?;
    let app = host::build(global, config.clone())?;
    let ask = move |command: &str, parameters: &Value| {
        let server = ServerClient::find(&config)?;
        Some(server.call(command, parameters).map_err(as_answer))
    };
    serve_agent(app, Box::new(ask), &arguments.toolset).map_err(|error| {
        let message = format!("the agent at standard input cannot be served: {error}");
        Failure::new(Exit::Failed, "PROTOCOL", message)
    })?;
    Ok(Exit::Ok)
}

/// The failure in the form of the commands.
fn as_answer(failure: Failure) -> Value {
    let mut answer = json!({"code": failure.code, "message": failure.message});
    if let Some(data) = failure.data {
        answer["data"] = *data;
    }
    answer
}
