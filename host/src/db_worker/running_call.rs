//! What one session is doing at the moment, as others have to know it: to cancel it, to end it, to name it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use driver_api::{CancelHandle, Result};

/// The running call of a session, its snapshot, and its next request.
#[derive(Default)]
pub(super) struct RunningCall {
    /// Set while a call runs. It is cleared before the connection goes to anybody else, so that a
    /// late cancel cannot hit another's call.
    call: Mutex<Option<Call>>,
    /// When the client's next request must have arrived as a whole; `None` where it may take its time.
    due: Mutex<Option<Instant>>,
    /// The client's process, once it has introduced itself.
    pid: AtomicU32,
    /// Since when the client has a reading transaction open, which keeps the log from being cut back.
    snapshot: Mutex<Option<Instant>>,
    /// Whether the worker has ended what the client reads; the client has not heard of it yet.
    overdue: AtomicBool,
}

/// A call that runs.
struct Call {
    handle: Arc<dyn CancelHandle>,
    since: Instant,
    /// Whether it is on a connection that only reads.
    reads: bool,
}

impl RunningCall {
    /// Runs `call` so that it can be cancelled through `handle`.
    pub(super) fn during<T>(
        &self,
        handle: Option<Arc<dyn CancelHandle>>,
        call: impl FnOnce() -> T,
    ) -> T {
        self.run(handle, false, call)
    }

    /// As [`during`](Self::during), on a connection that only reads.
    pub(super) fn during_read<T>(
        &self,
        handle: Option<Arc<dyn CancelHandle>>,
        call: impl FnOnce() -> T,
    ) -> T {
        self.run(handle, true, call)
    }

    fn run<T>(
        &self,
        handle: Option<Arc<dyn CancelHandle>>,
        reads: bool,
        call: impl FnOnce() -> T,
    ) -> T {
        *lock(&self.call) = handle.map(|handle| Call {
            handle,
            since: Instant::now(),
            reads,
        });
        let result = call();
        *lock(&self.call) = None;
        result
    }

    /// The client's next request must have arrived within this time, if there is a limit.
    pub(super) fn expect_within(&self, limit: Option<Duration>) {
        *lock(&self.due) = limit.map(|limit| Instant::now() + limit);
    }

    pub(super) fn introduce(&self, pid: u32) {
        self.pid.store(pid, Ordering::Relaxed);
    }

    pub(super) fn begin_snapshot(&self) {
        *lock(&self.snapshot) = Some(Instant::now());
    }

    pub(super) fn end_snapshot(&self) {
        *lock(&self.snapshot) = None;
    }

    /// Whether the worker has ended what the client reads; asked a second time, it has not.
    pub(super) fn take_overdue(&self) -> bool {
        self.overdue.swap(false, Ordering::Relaxed)
    }

    /// The process at the other end; 0 before it has introduced itself.
    pub(super) fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// Ends what the client reads; it hears why.
    pub(super) fn end_read(&self) {
        self.overdue.store(true, Ordering::Relaxed);
        self.cancel_or_log();
    }

    /// Since when the client reads, in one call or in a transaction.
    pub(super) fn reading_since(&self) -> Option<Instant> {
        let call = lock(&self.call)
            .as_ref()
            .filter(|call| call.reads)
            .map(|call| call.since);
        let snapshot = *lock(&self.snapshot);
        snapshot.or(call)
    }

    pub(super) fn is_late(&self) -> bool {
        lock(&self.due).is_some_and(|due| Instant::now() > due)
    }

    pub(super) fn is_set(&self) -> bool {
        lock(&self.call).is_some()
    }

    pub(super) fn cancel_or_log(&self) {
        if let Err(error) = self.cancel() {
            tracing::warn!(%error, "a call cannot be cancelled");
        }
    }

    pub(super) fn cancel(&self) -> Result<()> {
        match &*lock(&self.call) {
            Some(call) => call.handle.cancel(),
            None => Ok(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
