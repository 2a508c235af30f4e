//! `call COMMAND`: runs a command through the running server, or in this process when there is none.

use clap::Args;
use serde_json::Value;

use super::arguments::GlobalArguments;
use super::exit_code::Exit;
use super::failure::{CliError, Failure};
use super::output::Output;
use super::server_client::ServerClient;
use super::{host, human, parameters};
use crate::app::calling::{CallError, commands};
use crate::config::types::Config;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::progress::Silent;

/// Arguments of `call`.
#[derive(Debug, Args)]
pub(super) struct CallArguments {
    /// The command; `code-analysis-host commands` lists them
    command: String,
    /// Parameters; their types are known. Lists are written as JSON or with commas
    #[arg(value_name = "KEY=VALUE")]
    parameters: Vec<String>,
    /// Parameters as one JSON object
    #[arg(long, value_name = "JSON")]
    params: Option<String>,
}

/// Runs the command and prints its data.
pub(super) fn run(
    global: &GlobalArguments,
    arguments: &CallArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let parameters = typed_parameters(arguments)?;
    let config = host::configuration(global)?;
    let data = answer(global, config, &arguments.command, parameters)?;
    if output.is_json() {
        output.document(&data)?;
    } else {
        output.lines(&human::render(&arguments.command, &data, output.width()))?;
    }
    Ok(Exit::Ok)
}

fn typed_parameters(arguments: &CallArguments) -> Result<Value, Failure> {
    let registry = commands();
    let command = registry.find(&arguments.command).map_err(CallError::from)?;
    let schema = command.schema().map_err(CallError::from)?;
    let mut parameters =
        parameters::collect(schema, arguments.params.as_deref(), &arguments.parameters)?;
    parameters::make_paths_absolute(schema, &mut parameters)?;
    let parameters = Value::Object(parameters);
    command.check(&parameters).map_err(CallError::from)?;
    Ok(parameters)
}

fn answer(
    global: &GlobalArguments,
    config: Config,
    command: &str,
    parameters: Value,
) -> Result<Value, CliError> {
    if let Some(server) = ServerClient::find(&config) {
        return Ok(server.call(command, &parameters)?);
    }
    let app = host::build(global, config)?;
    Ok(app.call(command, parameters, &Silent, &Cancellation::default())?)
}
