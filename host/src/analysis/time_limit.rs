//! A limit of a thread's time on the processor.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A limit of this thread's own time on the processor: what else the machine does must not decide what a text is found to
/// hold.
pub(super) struct TimeLimit {
    most: Duration,
    used_before: Duration,
    /// Before this moment the time cannot be over, and the processor's clock, which is a call of the system, is not read.
    not_before: Cell<Instant>,
}

impl TimeLimit {
    /// Begins now.
    pub(super) fn new(most: Duration) -> Self {
        Self {
            most,
            used_before: thread_time(),
            not_before: Cell::new(Instant::now() + most),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        let now = Instant::now();
        if now < self.not_before.get() {
            return false;
        }
        let left = (self.used_before + self.most).saturating_sub(thread_time());
        self.not_before.set(now + left);
        left.is_zero()
    }
}

/// How long this thread has been on a processor.
pub(super) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The time since the thread's start is never negative.
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_on_the_processor_counts() {
        let limit = TimeLimit::new(Duration::from_millis(50));
        std::thread::sleep(Duration::from_millis(80));
        assert!(!limit.is_over(), "it slept");
        let began = thread_time();
        while !limit.is_over() {}
        let used = thread_time() - began;
        assert!(used > Duration::from_millis(20), "{used:?}");
    }
}
