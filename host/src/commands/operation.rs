//! What one file of this directory defines: a command with typed parameters and a typed answer.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::context::Context;
use super::error::CommandError;
use super::job::Job;

/// Whether a command changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It only answers.
    Read,
    /// It changes the database or the workers.
    Write,
}

/// What a command needs of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// That it is there and sound.
    Sound,
    /// Nothing: it does not use it.
    Nothing,
    /// Nothing either: it looks after it, and says in its answer when it is damaged.
    EvenDamaged,
}

/// A command as its author writes it.
pub trait Operation {
    /// The name through every door.
    const NAME: &'static str;
    /// One line for people and agents.
    const SUMMARY: &'static str;
    /// Whether it changes anything.
    const ACCESS: Access;
    /// Whether it may run for more than a few seconds.
    const LONG: bool = false;
    /// Whether what it changes may be lost for good; agents ask their person first.
    const DESTRUCTIVE: bool = matches!(Self::ACCESS, Access::Write);
    /// Whether doing it twice changes nothing more than doing it once.
    const IDEMPOTENT: bool = matches!(Self::ACCESS, Access::Read);
    /// What it needs of the database. Where that is damaged, other commands answer so and do nothing.
    const NEEDS: Needs = Needs::Sound;

    /// The parameters; their documentation comments are the documentation of the command.
    type Parameters: DeserializeOwned + JsonSchema;
    /// The data of a successful answer; the documentation comments of its fields tell agents what they mean.
    type Answer: Serialize + JsonSchema;

    /// Parameters that fit, to be shown to whoever gave others.
    fn example() -> Value;

    /// Runs the command.
    ///
    /// # Errors
    /// [`CommandError`] with the code that fits.
    fn run(
        context: &Context,
        parameters: Self::Parameters,
        job: &Job<'_>,
    ) -> Result<Self::Answer, CommandError>;
}
