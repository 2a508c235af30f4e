//! What lines of a worker's log say of themselves: how grave they are, when they were written, what they tell of.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Level {
    /// Every step.
    Trace,
    /// What helps to find a mistake.
    Debug,
    /// What is as it should be.
    Info,
    /// What somebody should look at.
    Warning,
    /// What failed.
    Error,
}

/// By which names levels are asked for: those of the older program, and those in the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum LevelName {
    Trace,
    Debug,
    Info,
    Warning,
    /// `WARNING`.
    Warn,
    Error,
    /// `ERROR`: no level is above it here.
    Critical,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Trace => Self::Trace,
            LevelName::Debug => Self::Debug,
            LevelName::Info => Self::Info,
            LevelName::Warning | LevelName::Warn => Self::Warning,
            LevelName::Error | LevelName::Critical => Self::Error,
        }
    }
}

/// What a line tells of, by the names of the older program, whose workers wrote other lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum EventType {
    /// Files of a project were read for the first time, or again: here one line tells of both.
    NewFile,
    /// The same as `new_file`.
    ChangedFile,
    /// Files of a project are gone.
    DeletedFile,
    /// A look at a project brought its index up to date. One that found nothing to do is not logged.
    Cycle,
    /// As `cycle`: one line tells of begin and end.
    ScanStart,
    /// As `cycle`.
    ScanEnd,
    /// As `cycle`.
    Processed,
    /// The model for vectors failed, and there is a pause.
    CircuitBreaker,
    /// Nothing here: no worker has a queue of its own.
    Queue,
    /// Any line of the level `ERROR`.
    Error,
    /// Any line of the level `WARNING`.
    Warning,
    /// Any line of the level `INFO`.
    Info,
}

/// What a line about a project that was indexed says.
const UP_TO_DATE: &str = "the index was brought up to date";

/// What a line about a model that fails says.
const MODEL_FAILS: &str = "the model fails";

impl EventType {
    /// In the order in which the first that fits is shown.
    pub(super) const SHOWN: [Self; 6] = [
        Self::ChangedFile,
        Self::DeletedFile,
        Self::CircuitBreaker,
        Self::Error,
        Self::Warning,
        Self::Info,
    ];

    /// Whether a line of this level that says this tells of it.
    pub(super) fn fits(self, level: Option<Level>, message: &str) -> bool {
        let is_cycle = message.starts_with(UP_TO_DATE);
        match self {
            Self::NewFile | Self::ChangedFile => is_cycle && !message.contains(" indexed=0 "),
            Self::DeletedFile => is_cycle && !message.contains(" deleted=0 "),
            Self::Cycle | Self::ScanStart | Self::ScanEnd | Self::Processed => is_cycle,
            Self::CircuitBreaker => message.starts_with(MODEL_FAILS),
            Self::Queue => false,
            Self::Error => level == Some(Level::Error),
            Self::Warning => level == Some(Level::Warning),
            Self::Info => level == Some(Level::Info),
        }
    }
}

/// A moment in UTC, in the form in which lines bear it, so that moments are compared as texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "String")]
pub(super) struct Moment(pub(super) String);

impl From<String> for Moment {
    fn from(text: String) -> Self {
        Self(text.trim_end_matches('Z').replace(' ', "T"))
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const FORM: &str =
            "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,9})?)?Z?)?$";
        json_schema!({"type": "string", "pattern": FORM, "examples": ["2026-11-24 09:15:30"]})
    }
}
