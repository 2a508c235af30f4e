//! The reading connections: opened when they are needed, up to a limit, shared by all sessions.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use driver_api::{DriverError, ErrorClass, Result};

use super::store::{OpenConnection, Store};

/// Longest wait for a reading connection that others use.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The pool of reading connections.
pub(super) struct Readers {
    store: Arc<Store>,
    limit: usize,
    state: Mutex<State>,
    /// Signalled when a connection comes back.
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<OpenConnection>,
    /// Idle or in use.
    open: usize,
}

impl Readers {
    pub(super) fn new(store: Arc<Store>, limit: usize) -> Self {
        Self {
            store,
            limit: limit.max(1),
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// A reading connection for one call or one read-only transaction.
    pub(super) fn lease(self: &Arc<Self>) -> Result<ReaderLease> {
        let opened = match self.reserve()? {
            Some(opened) => opened,
            None => self.store.open_reader().inspect_err(|_| self.leave())?,
        };
        Ok(ReaderLease {
            readers: Arc::clone(self),
            opened: Some(opened),
            broken: false,
        })
    }

    /// A reading connection that is not shared and not counted, for one long call.
    pub(super) fn open_apart(&self) -> Result<OpenConnection> {
        self.store.open_reader()
    }

    /// Closes the idle connections; for the end of the worker.
    pub(super) fn close(&self) {
        let idle = std::mem::take(&mut self.lock().idle);
        idle.into_iter().for_each(OpenConnection::close);
    }

    /// An idle connection, or `None` with a place reserved for a new one.
    fn reserve(&self) -> Result<Option<OpenConnection>> {
        let mut state = self.lock();
        let deadline = Instant::now() + LONGEST_WAIT;
        loop {
            if let Some(opened) = state.idle.pop() {
                return Ok(Some(opened));
            }
            if state.open < self.limit {
                state.open += 1;
                return Ok(None);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.busy());
            }
            let waited = self.freed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn busy(&self) -> DriverError {
        let message = format!(
            "all {} reading connections were in use for {} s; `database.worker.readers` sets their number",
            self.limit,
            LONGEST_WAIT.as_secs()
        );
        DriverError::new(ErrorClass::Busy, message).retryable()
    }

    fn give_back(&self, opened: OpenConnection) {
        self.lock().idle.push(opened);
        self.freed.notify_one();
    }

    fn leave(&self) {
        self.lock().open -= 1;
        self.freed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reading connection in use.
pub(super) struct ReaderLease {
    readers: Arc<Readers>,
    /// Taken only by `drop`.
    opened: Option<OpenConnection>,
    broken: bool,
}

impl ReaderLease {
    /// The connection is closed instead of kept.
    pub(super) fn discard(&mut self) {
        self.broken = true;
    }
}

#[allow(clippy::expect_used, reason = "the connection is taken only by drop")]
impl Deref for ReaderLease {
    type Target = OpenConnection;

    fn deref(&self) -> &OpenConnection {
        self.opened
            .as_ref()
            .expect("a lease has its connection until it is dropped")
    }
}

#[allow(clippy::expect_used, reason = "the connection is taken only by drop")]
impl DerefMut for ReaderLease {
    fn deref_mut(&mut self) -> &mut OpenConnection {
        self.opened
            .as_mut()
            .expect("a lease has its connection until it is dropped")
    }
}

impl Drop for ReaderLease {
    fn drop(&mut self) {
        match self.opened.take() {
            Some(opened) if !self.broken && !std::thread::panicking() => {
                self.readers.give_back(opened);
            }
            _ => self.readers.leave(),
        }
    }
}
