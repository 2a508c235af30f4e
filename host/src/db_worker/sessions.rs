//! Who is connected: for cancelling one's running call from another connection, and for the shutdown.

use std::collections::HashMap;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use driver_api::wire::message::CancelKey;
use driver_api::{DriverError, ErrorClass, Result};
use uuid::Uuid;

use super::hearing::{Heard, hear};
use super::running_call::RunningCall;

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
        let pid = |entry: &Entry| entry.running.pid();
        let reads = |entry: &&Entry| entry.running.reading_since().is_some();
        state.open.values().filter(reads).map(pid).collect()
    }

    /// Ends the read that has lasted longest, if that is longer than this; returns the process that reads.
    ///
    /// A transaction between two requests ends with the next one, or with its idle limit.
    pub(super) fn end_longest_read(&self, longer_than: Duration) -> Option<u32> {
        let state = self.lock();
        let reads = state.open.values().filter_map(|entry| {
            let since = entry.running.reading_since()?;
            (since.elapsed() > longer_than).then_some((since, &entry.running))
        });
        let (_, longest) = reads.min_by_key(|(since, _)| *since)?;
        longest.end_read();
        Some(longest.pid())
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use driver_api::CancelHandle;

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
        slot.running.begin_request();
        let during = slot.running.during(Some(counter.clone()), || {
            sessions
                .cancel(CancelKey {
                    key: !slot.cancel.key,
                    ..slot.cancel
                })
                .unwrap();
            assert_eq!(counter.0.load(Ordering::SeqCst), 0);
            sessions.cancel(slot.cancel).unwrap();
            Ok(())
        });
        during.unwrap();
        sessions.cancel(slot.cancel).unwrap();
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_cancel_holds_until_its_request_is_answered() {
        let running = RunningCall::default();
        let call = || running.during(None, || Ok(()));
        running.cancel().unwrap();
        running.begin_request();
        call().unwrap();
        running.cancel().unwrap();
        for _ in 0..2 {
            assert_eq!(call().unwrap_err().class(), ErrorClass::Cancelled);
        }
        running.end_request();
        running.begin_request();
        call().unwrap();
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
    fn the_longest_read_is_ended_and_a_write_never() {
        let sessions = Arc::new(Sessions::new(3));
        let (stream, _client) = UnixStream::pair().unwrap();
        let slots = [(); 3].map(|()| sessions.enter(&stream).unwrap());
        let counters = [(); 3].map(|()| Arc::new(Counter(AtomicUsize::new(0))));
        let [writer, first, second] = &slots;
        for (slot, pid) in slots.iter().zip(1..) {
            slot.running.introduce(pid);
            slot.running.begin_request();
        }
        let handle = |number: usize| -> Option<Arc<dyn CancelHandle>> {
            Some(Arc::<Counter>::clone(&counters[number]))
        };
        let during = writer.running.during(handle(0), || {
            assert_eq!(sessions.end_longest_read(Duration::ZERO), None);
            let during = first.running.during_read(handle(1), || {
                second.running.begin_snapshot();
                second.running.during_read(handle(2), || {
                    assert_eq!(sessions.end_longest_read(Duration::from_secs(60)), None);
                    assert_eq!(sessions.end_longest_read(Duration::ZERO), Some(2));
                    Ok(())
                })
            });
            during.unwrap();
            // Between two requests of a transaction nothing runs.
            assert_eq!(sessions.end_longest_read(Duration::ZERO), Some(3));
            Ok(())
        });
        during.unwrap();
        let cancelled = counters.map(|counter| counter.0.load(Ordering::SeqCst));
        assert_eq!(cancelled, [0, 1, 0]);
        let overdue = slots.map(|slot| slot.running.take_overdue());
        assert_eq!(overdue, [false, true, true]);
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
