//! Whose turn it is to hear the clients: one thread at a time, which gives the turn away before it waits for anything.

use std::cell::RefCell;
use std::sync::Arc;

/// Gives the turn to another thread.
pub(super) trait Turn {
    /// False where there is no other thread.
    fn pass_on(&self) -> bool;
}

thread_local! {
    /// Set while it is this thread's turn.
    static MINE: RefCell<Option<Arc<dyn Turn>>> = const { RefCell::new(None) };
}

/// From now on it is this thread's turn.
pub(super) fn take(turn: Arc<dyn Turn>) {
    MINE.set(Some(turn));
}

/// This thread's turn is over.
pub(super) fn end() {
    MINE.set(None);
}

/// To be called before this thread waits for what another client does: others are heard meanwhile. False where that
/// cannot be, because no other thread can be had.
pub(super) fn pass_on() -> bool {
    match MINE.take() {
        None => true,
        Some(turn) if turn.pass_on() => true,
        Some(turn) => {
            MINE.set(Some(turn));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Others(AtomicUsize);

    impl Turn for Others {
        fn pass_on(&self) -> bool {
            let left = |left: usize| left.checked_sub(1);
            let passed = self
                .0
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
            passed.is_ok()
        }
    }

    #[test]
    fn a_turn_is_passed_on_once_and_kept_where_nobody_takes_it() {
        assert!(pass_on(), "a thread without a turn keeps nobody waiting");
        let others = Arc::new(Others(AtomicUsize::new(0)));
        take(others.clone());
        assert!(!pass_on());
        others.0.store(2, Ordering::SeqCst);
        assert!(pass_on() && pass_on());
        assert_eq!(others.0.load(Ordering::SeqCst), 1);
        take(others.clone());
        end();
        assert!(pass_on());
        assert_eq!(others.0.load(Ordering::SeqCst), 1);
    }
}
