//! `list_drivers`: every database driver that this host found, and whether it can be used.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Operation};

/// The command.
pub(super) struct ListDrivers;

/// Which drivers.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// Most drivers in the answer; default 100.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 10_000))]
    limit: usize,
    /// Drivers to leave out at the start; default 0.
    #[serde(default)]
    offset: usize,
}

fn default_limit() -> usize {
    100
}

/// The drivers in the order in which they were found; of one name the first is used.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Drivers that were found.
    total: usize,
    drivers: Vec<DriverSummary>,
}

/// One plugin file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DriverSummary {
    /// The file.
    pub path: PathBuf,
    /// Whether this host can use it.
    pub usable: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The driver's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Whether an earlier file has the same name, so that this one is not used.
    pub shadowed: bool,
    /// Whether the database's type in the configuration leads to it.
    pub configured: bool,
}

impl Operation for ListDrivers {
    const NAME: &'static str = "list_drivers";
    const SUMMARY: &'static str = "Lists database drivers and why each is usable or not";
    const ACCESS: Access = Access::Read;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({})
    }

    fn run(
        context: &Context,
        parameters: Parameters,
        _job: &Job<'_>,
    ) -> Result<Answer, CommandError> {
        let found = context.drivers.iter().skip(parameters.offset);
        Ok(Answer {
            total: context.drivers.len(),
            drivers: found.take(parameters.limit).cloned().collect(),
        })
    }
}
