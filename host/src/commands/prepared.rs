//! A command whose name and parameters were checked, ready to run once.

use std::sync::Arc;

use super::job::Job;
use super::jobs::state::Outcome;
use super::operation::Access;

/// Runs the command.
pub type Work = Box<dyn FnOnce(&Job<'_>) -> Outcome + Send>;

/// A command that is ready to run.
pub struct Prepared {
    /// Its name.
    pub command: Arc<str>,
    /// Whether it may run for more than a few seconds.
    pub is_long: bool,
    /// Whether it changes anything.
    pub access: Access,
    /// Runs it. It blocks its thread.
    pub work: Work,
}
