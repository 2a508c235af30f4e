//! A limit on the bytes in flight between threads: whoever would exceed it waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A limit on the bytes in flight.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    state: Mutex<State>,
    /// Signalled when bytes are given back, and when the budget is closed.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    closed: bool,
}

impl Budget {
    /// A budget of this many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Takes bytes, and waits until they are there; false when the budget was closed.
    ///
    /// What exceeds the whole budget is let through once nothing else is in flight.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        while !state.closed && state.used > 0 && state.used + bytes > self.limit {
            state = self
                .freed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.used += bytes;
        !state.closed
    }

    /// Gives bytes back.
    pub(super) fn give_back(&self, bytes: usize) {
        let mut state = self.lock();
        state.used = state.used.saturating_sub(bytes);
        self.freed.notify_all();
    }

    /// Lets everybody go who waits, now and later: there is no more work.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.freed.notify_all();
    }

    /// Numbers stay consistent between statements, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_taker_waits_until_there_is_room() {
        let budget = Budget::new(10);
        let passed = AtomicBool::new(false);
        assert!(budget.take(8));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(budget.take(5));
                passed.store(true, Ordering::SeqCst);
            });
            std::thread::sleep(Duration::from_millis(20));
            assert!(!passed.load(Ordering::SeqCst));
            budget.give_back(8);
        });
        assert!(passed.load(Ordering::SeqCst));
    }

    #[test]
    fn what_exceeds_the_whole_budget_goes_alone() {
        let budget = Budget::new(10);
        assert!(budget.take(100));
        budget.give_back(100);
        assert!(budget.take(10));
    }

    #[test]
    fn a_closed_budget_lets_everybody_go() {
        let budget = Budget::new(1);
        assert!(budget.take(1));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| budget.take(1));
            budget.close();
            assert!(!waiting.join().unwrap());
        });
    }
}
