//! Who is connected: for cancelling one's running call from another connection, and for the shutdown.

use std::collections::HashMap;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use driver_api::wire::message::CancelKey;
use driver_api::{CancelHandle, DriverError, ErrorClass, Result};
use uuid::Uuid;

use super::hearing::{Heard, hear};

/// All sessions.
pub(super) struct Sessions {
    /// Most clients at the same time; each costs a thread with a small stack.
    limit: usize,
    state: Mutex<State>,
    /// Signalled when a session ends.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    open: HashMap<u64, Entry>,
    last: u64,
    /// No more sessions, no more requests.
    draining: bool,
}

struct Entry {
    key: u64,
    stream: Arc<UnixStream>,
    running: Arc<RunningCall>,
}

/// What a session is doing, as far as cancelling goes.
#[derive(Default)]
pub(super) struct RunningCall {
    /// Set while a call runs. It is cleared before the connection goes to anybody else, so that a
    /// late cancel cannot hit another's call.
    handle: Mutex<Option<Arc<dyn CancelHandle>>>,
    /// When the client's next request must have arrived as a whole; `None` where it may take its time.
    due: Mutex<Option<Instant>>,
    /// The client's process, once it has introduced itself.
    pid: AtomicU32,
    /// Whether the client has a reading transaction open, which keeps the log from being cut back.
    has_snapshot: AtomicBool,
}

impl RunningCall {
    /// Runs `call` so that it can be cancelled through `handle`.
    pub(super) fn during<T>(
        &self,
        handle: Option<Arc<dyn CancelHandle>>,
        call: impl FnOnce() -> T,
    ) -> T {
        self.set(handle);
        let result = call();
        self.set(None);
        result
    }

    /// The client's next request must have arrived within this time, if there is a limit.
    pub(super) fn expect_within(&self, limit: Option<Duration>) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) =
            limit.map(|limit| Instant::now() + limit);
    }

    pub(super) fn introduce(&self, pid: u32) {
        self.pid.store(pid, Ordering::Relaxed);
    }

    pub(super) fn set_snapshot(&self, open: bool) {
        self.has_snapshot.store(open, Ordering::Relaxed);
    }

    fn is_late(&self) -> bool {
        let due = *self.due.lock().unwrap_or_else(PoisonError::into_inner);
        due.is_some_and(|due| Instant::now() > due)
    }

    fn set(&self, handle: Option<Arc<dyn CancelHandle>>) {
        *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    fn is_set(&self) -> bool {
        let handle = self.handle.lock();
        handle.unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn cancel_or_log(&self) {
        if let Err(error) = self.cancel() {
            tracing::warn!(%error, "a call cannot be cancelled");
        }
    }

    fn cancel(&self) -> Result<()> {
        match &*self.handle.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(handle) => handle.cancel(),
            None => Ok(()),
        }
    }
}

/// A slot among the sessions; it is left when this is dropped.
pub(super) struct SessionSlot {
    sessions: Arc<Sessions>,
    /// For answers; another handle of the stream that requests are read from.
    pub(super) stream: Arc<UnixStream>,
    pub(super) cancel: CancelKey,
    pub(super) running: Arc<RunningCall>,
}

impl Drop for SessionSlot {
    fn drop(&mut self) {
        self.sessions.lock().open.remove(&self.cancel.session);
        self.sessions.ended.notify_all();
    }
}

/// Why there is no slot.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSlot {
    #[error("the DB worker is shutting down")]
    Draining,
    #[error("the DB worker has {0} clients, which is its limit; `database.worker.clients` sets it")]
    Full(usize),
    #[error("the connection cannot be kept: {0}")]
    Stream(#[from] std::io::Error),
}

impl From<NoSlot> for DriverError {
    fn from(reason: NoSlot) -> Self {
        match reason {
            NoSlot::Full(_) => Self::new(ErrorClass::LimitExceeded, reason.to_string()),
            NoSlot::Draining | NoSlot::Stream(_) => {
                Self::new(ErrorClass::Unavailable, reason.to_string()).retryable()
            }
        }
    }
}

impl Sessions {
    /// No sessions yet, and never more than `limit`.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            state: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Takes a slot for the client on this stream.
    pub(super) fn enter(
        self: &Arc<Self>,
        stream: &UnixStream,
    ) -> std::result::Result<SessionSlot, NoSlot> {
        let stream = Arc::new(stream.try_clone()?);
        let mut state = self.lock();
        if state.draining {
            return Err(NoSlot::Draining);
        }
        if state.open.len() >= self.limit {
            return Err(NoSlot::Full(self.limit));
        }
        state.last += 1;
        let cancel = CancelKey {
            session: state.last,
            key: Uuid::new_v4().as_u64_pair().0,
        };
        let running = Arc::new(RunningCall::default());
        let entry = Entry {
            key: cancel.key,
            stream: Arc::clone(&stream),
            running: Arc::clone(&running),
        };
        state.open.insert(cancel.session, entry);
        Ok(SessionSlot {
            sessions: Arc::clone(self),
            stream,
            cancel,
            running,
        })
    }

    /// Cancels the running call of the session that `key` names; one that has ended is no error.
    pub(super) fn cancel(&self, key: CancelKey) -> Result<()> {
        let running = {
            let state = self.lock();
            let entry = state
                .open
                .get(&key.session)
                .filter(|entry| entry.key == key.key);
            entry.map(|entry| Arc::clone(&entry.running))
        };
        running.map_or(Ok(()), |running| running.cancel())
    }

    /// Number of clients.
    pub(super) fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// Whether requests are not taken any more.
    pub(super) fn is_draining(&self) -> bool {
        self.lock().draining
    }

    /// Lets running calls end until the deadline, and takes no others. What still runs after half of
    /// that time is cancelled.
    ///
    /// A session that waits for its client's next request sees the end of the stream and closes; a
    /// transaction between two requests is rolled back, and its owner runs it again elsewhere.
    pub(super) fn drain(&self, deadline: Instant) {
        let patience = deadline.saturating_duration_since(Instant::now()) / 2;
        let mut state = self.lock();
        state.draining = true;
        for entry in state.open.values() {
            // A stream whose client is gone is closed already.
            let _ = entry.stream.shutdown(Shutdown::Read);
        }
        state = self.wait_until_empty(state, Instant::now() + patience);
        for entry in state.open.values() {
            entry.running.cancel_or_log();
        }
        state = self.wait_until_empty(state, deadline);
        if !state.open.is_empty() {
            tracing::warn!(
                sessions = state.open.len(),
                "calls were still running at the deadline"
            );
        }
    }

    /// Cancels the calls of clients that have gone away: nobody is left to take their answers, and a
    /// query that gives no rows would not notice.
    pub(super) fn cancel_vanished(&self) {
        let state = self.lock();
        if state.draining {
            // The ends of streams are the worker's own doing.
            return;
        }
        for (session, entry) in &state.open {
            if entry.running.is_set() && hear(&entry.stream) == Heard::End {
                tracing::info!(session, "a call is cancelled because its client is gone");
                entry.running.cancel_or_log();
            }
        }
    }

    /// The processes that read now, in one call or in a transaction.
    pub(super) fn reading(&self) -> Vec<u32> {
        let state = self.lock();
        let reads = |entry: &&Entry| {
            entry.running.is_set() || entry.running.has_snapshot.load(Ordering::Relaxed)
        };
        let pid = |entry: &Entry| entry.running.pid.load(Ordering::Relaxed);
        state.open.values().filter(reads).map(pid).collect()
    }

    /// Ends the sessions of clients that send so slowly that no single read times out.
    pub(super) fn cut_off_late(&self) {
        for (session, entry) in &self.lock().open {
            if entry.running.is_late() {
                tracing::warn!(
                    session,
                    "a client is cut off because its request does not arrive"
                );
                // A stream whose client is gone is closed already.
                let _ = entry.stream.shutdown(Shutdown::Read);
            }
        }
    }

    fn wait_until_empty<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
        until: Instant,
    ) -> MutexGuard<'s, State> {
        while !state.open.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct Counter(AtomicUsize);

    impl CancelHandle for Counter {
        fn cancel(&self) -> Result<()> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    #[test]
    fn only_the_right_key_cancels_and_only_while_a_call_runs() {
        let sessions = Arc::new(Sessions::new(1));
        let (stream, _client) = UnixStream::pair().unwrap();
        let slot = sessions.enter(&stream).unwrap();
        let counter = Arc::new(Counter(AtomicUsize::new(0)));
        sessions.cancel(slot.cancel).unwrap();
        slot.running.during(Some(counter.clone()), || {
            sessions
                .cancel(CancelKey {
                    key: !slot.cancel.key,
                    ..slot.cancel
                })
                .unwrap();
            assert_eq!(counter.0.load(Ordering::SeqCst), 0);
            sessions.cancel(slot.cancel).unwrap();
        });
        sessions.cancel(slot.cancel).unwrap();
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn draining_refuses_newcomers_and_stops_waiting_at_the_deadline() {
        let sessions = Arc::new(Sessions::new(1));
        let (stream, _client) = UnixStream::pair().unwrap();
        let slot = sessions.enter(&stream).unwrap();
        assert!(matches!(sessions.enter(&stream), Err(NoSlot::Full(1))));
        sessions.drain(Instant::now() + Duration::from_millis(20));
        assert!(matches!(sessions.enter(&stream), Err(NoSlot::Draining)));
        assert_eq!(sessions.count(), 1);
        drop(slot);
        sessions.drain(Instant::now() + Duration::from_secs(60));
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn only_a_client_whose_request_is_late_is_cut_off() {
        let sessions = Arc::new(Sessions::new(2));
        let (late, _first) = UnixStream::pair().unwrap();
        let (patient, _second) = UnixStream::pair().unwrap();
        let slots = [&late, &patient].map(|stream| sessions.enter(stream).unwrap());
        slots[0].running.expect_within(Some(Duration::ZERO));
        slots[1].running.expect_within(None);
        std::thread::sleep(Duration::from_millis(2));
        sessions.cut_off_late();
        assert_eq!((&late).read(&mut [0]).unwrap(), 0);
        patient.set_nonblocking(true).unwrap();
        assert!((&patient).read(&mut [0]).is_err());
    }
}
