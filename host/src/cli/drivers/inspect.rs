//! `drivers inspect`: everything that is known of one driver, without loading it; or what runs in the server.

use clap::Args;
use serde_json::Value;

use crate::cli::arguments::GlobalArguments;
use crate::cli::exit_code::Exit;
use crate::cli::failure::{CliError, Failure};
use crate::cli::host;
use crate::cli::output::Output;
use crate::cli::server_client::ServerClient;

use super::{described, quiet_app};

/// Arguments of `drivers inspect`.
#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArguments {
    /// A driver's name, or a plugin's file
    #[arg(value_name = "NAME|FILE", required_unless_present = "live")]
    driver: Option<String>,
    /// What the running server has loaded: versions, connections, calls, memory; of one driver, or of all
    #[arg(long)]
    live: bool,
}

/// Shows a driver. It is a failure that it is refused.
pub(in crate::cli) fn run(
    global: &GlobalArguments,
    arguments: &InspectArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    if arguments.live {
        return live(global, arguments.driver.as_deref(), output);
    }
    let driver = arguments.driver.as_deref().unwrap_or_default();
    let entry = quiet_app(global)?.inspect_driver(driver)?;
    let usable = entry["usable"] == true;
    if output.is_json() {
        output.document(&entry)?;
    } else {
        output.lines(&described::lines(&entry))?;
    }
    Ok(if usable { Exit::Ok } else { Exit::Failed })
}

fn live(
    global: &GlobalArguments,
    driver: Option<&str>,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let config = host::configuration(global)?;
    let server = ServerClient::find(&config).ok_or_else(|| {
        let message = "no server of this configuration's database runs; start one with `serve`";
        Failure::new(Exit::Unavailable, "SERVER_UNAVAILABLE", message)
    })?;
    let parameters = match driver {
        Some(name) => serde_json::json!({ "driver": name }),
        None => serde_json::json!({}),
    };
    let status: Value = server.call("get_driver_status", &parameters)?;
    if output.is_json() {
        output.document(&status)?;
    } else {
        output.lines(&described::live(&status, output.width()))?;
    }
    Ok(Exit::Ok)
}
