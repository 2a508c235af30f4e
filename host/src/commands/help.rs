//! `help`: what commands there are, and how one of them is called.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::command::Command;
use super::context::Context;
use super::error::CommandError;
use super::job::Job;
use super::operation::{Access, Needs, Operation};
use super::registry::Registry;

/// The command.
pub(super) struct Help;

/// About what.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Parameters {
    /// The command to describe; default: all of them, each in one line.
    #[serde(default)]
    #[schemars(length(min = 1))]
    cmdname: Option<String>,
}

/// All commands, or one.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("type" = "object"))]
pub(super) enum Answer {
    /// Without `cmdname`.
    All {
        tool_info: ToolInfo,
        /// One line for each, by name.
        commands: Map<String, Value>,
    },
    /// With it.
    One(Description),
}

/// This program.
#[derive(Serialize, JsonSchema)]
pub(super) struct ToolInfo {
    name: &'static str,
    description: &'static str,
    version: &'static str,
}

/// One command.
#[derive(Serialize, JsonSchema)]
pub(super) struct Description {
    name: &'static str,
    /// One line.
    description: &'static str,
    access: Access,
    /// Whether it may run for more than a few seconds.
    is_long: bool,
    /// The JSON schema of its parameters.
    schema: Value,
    /// Parameters that fit.
    example: Value,
}

impl Operation for Help {
    const NAME: &'static str = "help";
    const SUMMARY: &'static str = "Lists the commands, or describes one with its parameters";
    const ACCESS: Access = Access::Read;
    const NEEDS: Needs = Needs::Nothing;

    type Parameters = Parameters;
    type Answer = Answer;

    fn example() -> Value {
        json!({"cmdname": "list_projects"})
    }

    fn run(_: &Context, parameters: Parameters, _job: &Job<'_>) -> Result<Answer, CommandError> {
        match parameters.cmdname {
            None => Ok(all()),
            Some(name) => describe(Registry::all().find(&name)?).map(Answer::One),
        }
    }
}

fn all() -> Answer {
    let line = |command: &Command| (command.name().to_owned(), command.summary().into());
    Answer::All {
        tool_info: ToolInfo {
            name: env!("CARGO_PKG_NAME"),
            description: env!("CARGO_PKG_DESCRIPTION"),
            version: env!("CARGO_PKG_VERSION"),
        },
        commands: Registry::all().commands().iter().map(line).collect(),
    }
}

fn describe(command: &Command) -> Result<Description, CommandError> {
    Ok(Description {
        name: command.name(),
        description: command.summary(),
        access: command.access(),
        is_long: command.is_long(),
        schema: command.schema()?.clone(),
        example: command.example(),
    })
}
