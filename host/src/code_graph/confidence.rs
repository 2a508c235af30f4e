//! How sure it is what a usage means.

use schemars::JsonSchema;
use serde::Serialize;

/// How sure a resolution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Only the name says so; other definitions of that name may be meant, or something outside of the project.
    ByName,
    /// The file imports where it is defined, or it is the only one within reach.
    Likely,
    /// Scope or import name this very definition.
    Exact,
}
