//! Who is connected: for cancelling one's running call from another connection, and for the shutdown.

use std::collections::HashMap;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use driver_api::wire::message::CancelKey;
use driver_api::{CancelHandle, Result};
use uuid::Uuid;

use super::hearing::{Heard, hear};

/// Most clients at the same time; each costs a thread with a small stack.
const MAX_SESSIONS: usize = 2_048;

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions {
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
    stream: UnixStream,
    running: Arc<RunningCall>,
}

/// What a session is doing, as far as cancelling goes.
#[derive(Default)]
pub(super) struct RunningCall {
    /// Set while a call runs. It is cleared before the connection goes to anybody else, so that a
    /// late cancel cannot hit another's call.
    handle: Mutex<Option<Arc<dyn CancelHandle>>>,
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
    #[error("the DB worker has {MAX_SESSIONS} clients, which is its limit")]
    Full,
    #[error("the connection cannot be kept: {0}")]
    Stream(#[from] std::io::Error),
}

impl Sessions {
    /// Takes a slot for the client on this stream.
    pub(super) fn enter(
        self: &Arc<Self>,
        stream: &UnixStream,
    ) -> std::result::Result<SessionSlot, NoSlot> {
        let stream = stream.try_clone()?;
        let mut state = self.lock();
        if state.draining {
            return Err(NoSlot::Draining);
        }
        if state.open.len() >= MAX_SESSIONS {
            return Err(NoSlot::Full);
        }
        state.last += 1;
        let cancel = CancelKey {
            session: state.last,
            key: Uuid::new_v4().as_u64_pair().0,
        };
        let running = Arc::new(RunningCall::default());
        let entry = Entry {
            key: cancel.key,
            stream,
            running: Arc::clone(&running),
        };
        state.open.insert(cancel.session, entry);
        Ok(SessionSlot {
            sessions: Arc::clone(self),
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
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

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
        let sessions = Arc::new(Sessions::default());
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
        let sessions = Arc::new(Sessions::default());
        let (stream, _client) = UnixStream::pair().unwrap();
        let slot = sessions.enter(&stream).unwrap();
        sessions.drain(Instant::now() + Duration::from_millis(20));
        assert!(matches!(sessions.enter(&stream), Err(NoSlot::Draining)));
        assert_eq!(sessions.count(), 1);
        drop(slot);
        sessions.drain(Instant::now() + Duration::from_secs(60));
        assert_eq!(sessions.count(), 0);
    }
}
