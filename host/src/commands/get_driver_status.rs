//! `get_driver_status`: the drivers that this host and its DB worker have loaded, with their counts and their memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};

/// The command.
pub(super) struct GetDriverStatus;

/// Which drivers.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Only the driver of this name.
    #[serde(default)]
    driver: Option<String>,
}

/// The loaded drivers.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Name, version, plugin, counts and memory of each, and the process that it is loaded into.
    drivers: Vec<Value>,
    /// Memory in KiB of versions that newer ones have replaced: nothing is unloaded before the process ends.
    replaced_resident_kib: u64,
}

impl Operation for GetDriverStatus {
    const NAME: &'static str = "get_driver_status";
    const SUMMARY: &'static str =
        "Shows the loaded database drivers: version, connections, calls, errors, memory";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"driver": "sqlite"})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let own = context.database.loaded_drivers();
        let own = own.iter().map(|loaded| in_process(json!(loaded), "host"));
        let workers = context.workers.status();
        let of_workers = workers.iter().filter_map(|worker| {
            let driver = worker.heartbeat.as_ref()?.get("driver")?;
            Some(in_process(driver.clone(), &worker.name))
        });
        let wanted = |driver: &Value| {
            let name = parameters.driver.as_deref();
            name.is_none_or(|name| driver["name"] == name)
        };
        let drivers: Vec<Value> = own.chain(of_workers).filter(wanted).collect();
        let replaced = drivers.iter().filter(|driver| driver["current"] == false);
        Ok(Answer {
            replaced_resident_kib: replaced
                .filter_map(|driver| driver["resident_kib"].as_u64())
                .sum(),
            drivers,
        })
    }
}

fn in_process(mut driver: Value, process: &str) -> Value {
    driver["process"] = process.into();
    driver
}
