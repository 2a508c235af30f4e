//! `list_drivers`: every database driver that this host found, and whether it can be used.

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::parameters::{Paging, Place};
use crate::code_db::page::Page;

/// The command.
pub(super) struct ListDrivers;

/// Which drivers.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    #[serde(flatten)]
    paging: Paging,
}

/// The drivers in the order in which they were found; of one name the first is used.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    place: Place,
    drivers: Vec<DriverSummary>,
}

/// Answers what is found at the moment: drivers come and go while a server runs.
pub type FoundDrivers = Arc<dyn Fn() -> Vec<DriverSummary> + Send + Sync>;

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
    const NEEDS: Needs = Needs::Nothing;

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
        let paging = parameters.paging;
        let mut page = Page::of(&(context.drivers)(), paging.request());
        Ok(Answer {
            place: paging.place(&mut page),
            drivers: page.items,
        })
    }
}
