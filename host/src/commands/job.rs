//! One run of a command: who hears how far it is, and how it is asked to stop.

use crate::foundation::cancellation::Cancellation;
use crate::foundation::progress::{Silent, WorkProgress};

/// One run of a command.
#[derive(Clone)]
pub struct Job<'a> {
    /// Hears how far a long command is.
    pub progress: &'a dyn WorkProgress,
    /// Stops a long command early; what it has stored by then stays.
    pub cancellation: Cancellation,
}

impl Job<'static> {
    /// A run that nobody listens to.
    pub fn cancelled_by(cancellation: Cancellation) -> Self {
        Self {
            progress: &Silent,
            cancellation,
        }
    }
}
