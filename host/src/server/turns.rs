//! How many commands run at once, and how many may wait for their turn.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Commands that run at once. Each blocks a thread and holds a database connection for its time.
const SHORT: usize = 16;

/// Long commands that run at once. They have turns of their own, so that they never keep the others waiting.
const LONG: usize = 2;

/// Commands that may wait. More than that would only time out at their callers.
const WAITING: usize = 1024;

/// A turn; it is over when this is dropped.
pub(super) type Turn = OwnedSemaphorePermit;

/// The turns of one server.
pub(super) struct Turns {
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
    /// Held while waiting, so that waiting is bounded, too.
    waiting: Semaphore,
}

impl Turns {
    /// All turns are free.
    pub(super) fn new() -> Self {
        Self {
            short: Arc::new(Semaphore::new(SHORT)),
            long: Arc::new(Semaphore::new(LONG)),
            waiting: Semaphore::new(WAITING),
        }
    }

    /// Waits for a turn; `None` when too many wait already.
    pub(super) async fn take(&self, is_long: bool) -> Option<Turn> {
        let turns = if is_long { &self.long } else { &self.short };
        if let Ok(turn) = Arc::clone(turns).try_acquire_owned() {
            return Some(turn);
        }
        let _waiting = self.waiting.try_acquire().ok()?;
        // The semaphore is never closed, so this only ends with a turn.
        Arc::clone(turns).acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    }

    #[test]
    fn long_commands_do_not_keep_short_ones_waiting() {
        runtime().block_on(async {
            let turns = Turns::new();
            let mut held = Vec::new();
            for _ in 0..LONG {
                held.push(turns.take(true).await.unwrap());
            }
            assert_eq!(turns.long.available_permits(), 0);
            assert!(turns.take(false).await.is_some());
        });
    }

    #[test]
    fn whoever_would_wait_too_far_back_is_sent_away() {
        runtime().block_on(async {
            let turns = Turns::new();
            let _running = turns.short.acquire_many(SHORT as u32).await.unwrap();
            let _waiting = turns.waiting.acquire_many(WAITING as u32).await.unwrap();
            assert!(turns.take(false).await.is_none());
            assert!(turns.take(true).await.is_some());
        });
    }
}
