//! How many commands that are not jobs run at once, and how many may wait for their turn.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Commands that run at once. Each blocks a thread and holds a database connection for its time.
const RUNNING: usize = 16;

/// Commands that may wait. More than that would only time out at their callers.
const WAITING: usize = 1024;

/// A turn; it is over when this is dropped.
pub(super) type Turn = OwnedSemaphorePermit;

/// The turns of one server.
pub(super) struct Turns {
    running: Arc<Semaphore>,
    /// Held while waiting, so that waiting is bounded, too.
    waiting: Semaphore,
}

impl Turns {
    /// All turns are free.
    pub(super) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(RUNNING)),
            waiting: Semaphore::new(WAITING),
        }
    }

    /// Waits for a turn; `None` when too many wait already.
    pub(super) async fn take(&self) -> Option<Turn> {
        if let Ok(turn) = Arc::clone(&self.running).try_acquire_owned() {
            return Some(turn);
        }
        let _waiting = self.waiting.try_acquire().ok()?;
        // The semaphore is never closed, so this only ends with a turn.
        Arc::clone(&self.running).acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_would_wait_too_far_back_is_sent_away() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let turns = Turns::new();
            let running = turns.running.acquire_many(RUNNING as u32).await.unwrap();
            let _waiting = turns.waiting.acquire_many(WAITING as u32).await.unwrap();
            assert!(turns.take().await.is_none());
            drop(running);
            assert!(turns.take().await.is_some());
        });
    }
}
