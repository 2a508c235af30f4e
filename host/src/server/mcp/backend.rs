//! What the door for agents needs of the program behind it: running a command, and hearing how far it is.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::commands::error::CommandError;

/// Runs commands.
pub trait Backend: Send + Sync + 'static {
    /// Runs a command; `told` hears how far it is. A future that is dropped before its end asks the command to stop.
    fn call(&self, command: &str, parameters: Value, told: watch::Sender<Step>) -> Running;
}

/// A command on its way.
pub type Running = Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send>>;

/// How far a command is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Steps that are finished, such as files.
    pub done: u64,
    /// Steps that are known so far; 0 where none are known yet.
    pub total: u64,
    /// What the last step was about.
    pub at: String,
}

/// Why a command failed, in the form that every door gives: `{"code", "message", "data"}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure(pub Value);

impl Failure {
    /// A failure without further facts.
    pub fn new(code: &str, message: &str) -> Self {
        Self(json!({"code": code, "message": message}))
    }

    /// The stable word.
    pub(super) fn code(&self) -> &str {
        self.0["code"].as_str().unwrap_or_default()
    }

    /// One line for people.
    pub(super) fn message(&self) -> &str {
        self.0["message"].as_str().unwrap_or_default()
    }
}

impl From<&CommandError> for Failure {
    fn from(error: &CommandError) -> Self {
        Self(error.to_json())
    }
}
