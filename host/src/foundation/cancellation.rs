//! A request to stop one operation, made from another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request to stop. Clones are the same request.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    asked: AtomicBool,
    /// The request that this one is part of.
    whole: Option<Cancellation>,
    hooks: Mutex<Hooks>,
}

#[derive(Default)]
struct Hooks {
    next: u64,
    all: Vec<(u64, Hook)>,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

impl Cancellation {
    /// A request of its own that is also made when this one is.
    #[must_use]
    pub fn part(&self) -> Cancellation {
        Cancellation(Arc::new(Shared {
            whole: Some(self.clone()),
            ..Shared::default()
        }))
    }

    /// Asks for the stop. What was finished by then stays.
    pub fn cancel(&self) {
        let hooks = self.hooks();
        self.0.asked.store(true, Ordering::Relaxed);
        // Under the lock, so that nobody is called after he took his hook back.
        for (_, hook) in &hooks.all {
            hook();
        }
    }

    /// Whether somebody has asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed)
            || self.0.whole.as_ref().is_some_and(Self::is_cancelled)
    }

    /// Calls `hook` when the stop is asked for, for work that cannot look by itself; at once if it was before. The hook
    /// must be short, and is taken back by dropping what is given.
    pub fn on_cancel(&self, hook: impl Fn() + Send + Sync + 'static) -> Hooked {
        let hook: Hook = Arc::new(hook);
        let mut places = Vec::new();
        let mut next = Some(self);
        while let Some(cancellation) = next {
            places.push((cancellation.clone(), cancellation.hang(Arc::clone(&hook))));
            next = cancellation.0.whole.as_ref();
        }
        Hooked(places)
    }

    fn hang(&self, hook: Hook) -> u64 {
        let mut hooks = self.hooks();
        if self.0.asked.load(Ordering::Relaxed) {
            hook();
        }
        let number = hooks.next;
        hooks.next += 1;
        hooks.all.push((number, hook));
        number
    }

    fn hooks(&self) -> MutexGuard<'_, Hooks> {
        // The list is whole whatever a hook did.
        self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hooks", self.all.len())
    }
}

/// A hook that is called when a stop is asked for, until this is dropped.
#[must_use = "the hook is taken back when this is dropped"]
#[derive(Debug)]
pub struct Hooked(Vec<(Cancellation, u64)>);

impl Drop for Hooked {
    fn drop(&mut self) {
        for (cancellation, number) in &self.0 {
            cancellation.hooks().all.retain(|(each, _)| each != number);
        }
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

    #[test]
    fn a_hook_is_called_by_the_part_and_the_whole_until_it_is_taken_back() {
        let calls = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let hook = || {
            let calls = Arc::clone(&calls);
            move || {
                calls.fetch_add(1, Ordering::Relaxed);
            }
        };
        let whole = Cancellation::default();
        let (one, other) = (whole.part(), whole.part());
        let kept = one.on_cancel(hook());
        drop(other.on_cancel(hook()));
        other.cancel();
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        whole.cancel();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        drop(kept);
        whole.cancel();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        let _late = one.on_cancel(hook());
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}
