//! What one session is doing at the moment, as others have to know it: to cancel it, to end it, to name it.
//!
//! A cancel concerns a request, whatever the worker does for it just then: it is kept until the request is answered, so
//! that what waits to write does not begin, and what is done again because of others is not.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use driver_api::{CancelHandle, DriverError, ErrorClass, Result};

/// The running call of a session, its snapshot, and its next request.
#[derive(Default)]
pub(super) struct RunningCall {
    /// Set while a request is answered.
    request: Mutex<Option<Request>>,
    /// When the client's next request must have arrived as a whole; `None` where it may take its time.
    due: Mutex<Option<Instant>>,
    /// The client's process, once it has introduced itself.
    pid: AtomicU32,
    /// Since when the client has a reading transaction open, which keeps the log from being cut back.
    snapshot: Mutex<Option<Instant>>,
    /// Whether the worker has ended what the client reads; the client has not heard of it yet.
    overdue: AtomicBool,
}

/// A request that is answered.
#[derive(Default)]
struct Request {
    cancelled: bool,
    /// Set while something runs or waits for it. It is cleared before the connection goes to anybody else, so that a
    /// late cancel cannot hit another's call.
    call: Option<Call>,
}

/// What can be cancelled.
struct Call {
    handle: Arc<dyn CancelHandle>,
    since: Instant,
    /// Whether it is on a connection that only reads.
    reads: bool,
}

impl RunningCall {
    /// From now on a cancel concerns the request that has come.
    pub(super) fn begin_request(&self) {
        *lock(&self.request) = Some(Request::default());
    }

    /// A cancel that comes later concerns nothing.
    pub(super) fn end_request(&self) {
        *lock(&self.request) = None;
    }

    /// Runs `call` so that it can be cancelled through `handle`.
    ///
    /// # Errors
    /// Those of `call`; [`ErrorClass::Cancelled`], without running it, where its request was cancelled before.
    pub(super) fn during<T>(
        &self,
        handle: Option<Arc<dyn CancelHandle>>,
        call: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.run(handle, false, call)
    }

    /// As [`during`](Self::during), on a connection that only reads.
    pub(super) fn during_read<T>(
        &self,
        handle: Option<Arc<dyn CancelHandle>>,
        call: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.run(handle, true, call)
    }

    fn run<T>(
        &self,
        handle: Option<Arc<dyn CancelHandle>>,
        reads: bool,
        call: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        if self.begin_call(handle, reads) {
            return Err(cancelled());
        }
        let result = call();
        self.end_call();
        result
    }

    /// Waits so that a cancel gives up the wait through `leave`, also one that has come already.
    pub(super) fn while_waiting<T>(
        &self,
        leave: Arc<dyn CancelHandle>,
        wait: impl FnOnce() -> T,
    ) -> Result<T> {
        if self.begin_call(Some(Arc::clone(&leave)), false) {
            leave.cancel()?;
        }
        let result = wait();
        self.end_call();
        Ok(result)
    }

    /// Returns whether the request was cancelled before.
    fn begin_call(&self, handle: Option<Arc<dyn CancelHandle>>, reads: bool) -> bool {
        let mut request = lock(&self.request);
        let Some(request) = &mut *request else {
            return false;
        };
        request.call = handle.map(|handle| Call {
            handle,
            since: Instant::now(),
            reads,
        });
        request.cancelled
    }

    fn end_call(&self) {
        if let Some(request) = &mut *lock(&self.request) {
            request.call = None;
        }
    }

    /// Fails where the request was cancelled.
    pub(super) fn go_on(&self) -> Result<()> {
        let is_cancelled = |request: &Request| request.cancelled;
        match lock(&self.request).as_ref().is_some_and(is_cancelled) {
            true => Err(cancelled()),
            false => Ok(()),
        }
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
        let call = self.of_call(|call| call.reads.then_some(call.since));
        let snapshot = *lock(&self.snapshot);
        snapshot.or(call.flatten())
    }

    pub(super) fn is_late(&self) -> bool {
        lock(&self.due).is_some_and(|due| Instant::now() > due)
    }

    /// Whether there is something to cancel.
    pub(super) fn is_set(&self) -> bool {
        self.of_call(|_| ()).is_some()
    }

    fn of_call<T>(&self, look: impl FnOnce(&Call) -> T) -> Option<T> {
        let request = lock(&self.request);
        request.as_ref()?.call.as_ref().map(look)
    }

    pub(super) fn cancel_or_log(&self) {
        if let Err(error) = self.cancel() {
            tracing::warn!(%error, "a call cannot be cancelled");
        }
    }

    pub(super) fn cancel(&self) -> Result<()> {
        let mut request = lock(&self.request);
        let Some(request) = &mut *request else {
            return Ok(());
        };
        request.cancelled = true;
        match &request.call {
            // With the lock held: the connection goes to nobody else meanwhile.
            Some(call) => call.handle.cancel(),
            None => Ok(()),
        }
    }
}

fn cancelled() -> DriverError {
    DriverError::new(ErrorClass::Cancelled, "the call was cancelled").with_sqlstate("57014")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
