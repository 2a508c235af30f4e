//! A request to stop one operation, made from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A request to stop. Clones are the same request.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    asked: AtomicBool,
    /// The request that this one is part of.
    whole: Option<Cancellation>,
}

impl Cancellation {
    /// A request of its own that is also made when this one is.
    #[must_use]
    pub fn part(&self) -> Cancellation {
        Cancellation(Arc::new(Shared {
            asked: AtomicBool::new(false),
            whole: Some(self.clone()),
        }))
    }

    /// Asks for the stop. What was finished by then stays.
    pub fn cancel(&self) {
        self.0.asked.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed)
            || self.0.whole.as_ref().is_some_and(Self::is_cancelled)
    }
}

/// Makes a request when it is dropped: for work that nobody waits for any more. After the work's end the request
/// reaches nobody.
#[derive(Debug, Default)]
pub struct CancelOnDrop(Cancellation);

impl CancelOnDrop {
    /// Makes this request.
    pub fn of(cancellation: Cancellation) -> Self {
        Self(cancellation)
    }

    /// The request.
    pub fn cancellation(&self) -> Cancellation {
        self.0.clone()
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stops_alone_or_with_the_whole() {
        let whole = Cancellation::default();
        let (one, other) = (whole.part(), whole.part());
        one.clone().cancel();
        assert!(one.is_cancelled() && !other.is_cancelled() && !whole.is_cancelled());
        whole.cancel();
        assert!(other.is_cancelled());
    }
}
