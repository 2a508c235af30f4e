//! The reading connections: opened when they are needed, up to a limit, shared by all sessions.
//!
//! One whose client keeps it waiting, because it takes no rows or asks nothing in its open transaction, rests. Those
//! that rest do not count, so that clients that got stuck take the connections from nobody. Where too many rest, the
//! one that has rested longest is taken from its client as soon as somebody waits for it.

use std::net::Shutdown;
use std::ops::{Deref, DerefMut};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use driver_api::{DriverError, ErrorClass, Result};

use super::store::{OpenConnection, Store};
use super::turn;

/// Longest wait for a reading connection that others use.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Most resting connections that do not count. Each has a page cache.
const MOST_RESTING: usize = 32;

/// A connection rests for so long before it is taken from its client.
const REST: Duration = Duration::from_secs(1);

/// How often whoever waits looks for a connection that rests.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The pool of reading connections.
pub(super) struct Readers {
    store: Arc<Store>,
    limit: usize,
    state: Mutex<State>,
    /// Signalled when a connection comes back, or one begins to rest.
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<OpenConnection>,
    /// Idle or in use.
    open: usize,
    /// In use, and waiting for their clients; the longest first.
    resting: Vec<Resting>,
    /// The number of the last one that began to rest.
    last: u64,
}

struct Resting {
    number: u64,
    since: Instant,
    client: Arc<UnixStream>,
}

impl State {
    /// Connections that may be open.
    fn room(&self, limit: usize) -> usize {
        limit + self.resting.len().min(MOST_RESTING)
    }

    /// Ends the session whose connection has rested longest. Its connection comes back with it.
    fn take_from_a_stuck_client(&mut self) {
        if self
            .resting
            .first()
            .is_some_and(|longest| longest.since.elapsed() > REST)
        {
            tracing::warn!(
                "a client that keeps a reading connection waiting is cut off: others need it"
            );
            // A stream whose client is gone is closed already.
            let _ = self.resting.remove(0).client.shutdown(Shutdown::Both);
        }
    }
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

    /// The caller's connection rests until what is returned is dropped; its session ends where that takes too long.
    pub(super) fn rest(&self, client: &Arc<UnixStream>) -> Rest<'_> {
        let mut state = self.lock();
        state.last += 1;
        let number = state.last;
        state.resting.push(Resting {
            number,
            since: Instant::now(),
            client: Arc::clone(client),
        });
        self.freed.notify_one();
        Rest {
            readers: self,
            number,
        }
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
            if state.open < state.room(self.limit) {
                state.open += 1;
                return Ok(None);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.busy());
            }
            // Whoever has one may need to be heard before it comes back.
            turn::pass_on();
            state.take_from_a_stuck_client();
            let waited = self.freed.wait_timeout(state, left.min(LOOK_AGAIN));
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
        let mut state = self.lock();
        if state.open > state.room(self.limit) {
            state.open -= 1;
            drop(state);
            opened.close();
        } else {
            state.idle.push(opened);
            drop(state);
        }
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

/// A connection that rests; dropped when its client is there again.
pub(super) struct Rest<'r> {
    readers: &'r Readers,
    number: u64,
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.lock();
        // It is not there where it was taken from its client.
        state
            .resting
            .retain(|resting| resting.number != self.number);
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

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::Path;

    use driver_api::{
        Connection, Dialect, Driver, DriverDescriptor, ExecuteResult, Options, Placement,
        RowBlockRef, RowRef, RowSink,
    };
    use serde_json::Map;

    use super::*;

    struct Nothing;

    impl Driver for Nothing {
        fn descriptor(&self) -> DriverDescriptor {
            DriverDescriptor::new("nothing", "1.0.0", Placement::Worker, Dialect::Generic)
        }

        fn connect(&self, _: &Options) -> Result<Box<dyn Connection>> {
            Ok(Box::new(Nothing))
        }
    }

    impl Connection for Nothing {
        fn query(&mut self, _: &str, _: RowRef<'_>, _: &mut RowSink<'_>) -> Result<()> {
            Ok(())
        }

        fn execute(&mut self, _: &str, _: RowRef<'_>) -> Result<ExecuteResult> {
            Ok(ExecuteResult::default())
        }

        fn execute_many(&mut self, _: &str, _: RowBlockRef<'_>) -> Result<ExecuteResult> {
            Ok(ExecuteResult::default())
        }

        fn ping(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn readers(limit: usize) -> Arc<Readers> {
        let options = || Options::check(&[], &Map::new(), Path::new("/")).unwrap();
        let store = Store::new(Arc::new(Nothing), options(), options());
        Arc::new(Readers::new(Arc::new(store), limit))
    }

    /// Connections that are open, and that are idle.
    fn counts(readers: &Readers) -> (usize, usize) {
        let state = readers.lock();
        (state.open, state.idle.len())
    }

    #[test]
    fn connections_that_rest_do_not_count_and_are_not_kept_beyond_the_limit() {
        let readers = readers(1);
        let (client, _far) = UnixStream::pair().unwrap();
        let client = Arc::new(client);
        let first = readers.lease().unwrap();
        let rest = readers.rest(&client);
        let second = readers.lease().unwrap();
        assert_eq!(counts(&readers), (2, 0));
        drop(rest);
        drop(second);
        assert_eq!(counts(&readers), (1, 0));
        drop(first);
        assert_eq!(counts(&readers), (1, 1));
    }

    #[test]
    fn where_too_many_rest_the_longest_is_taken_from_its_client() {
        let readers = readers(1);
        let pairs: Vec<_> = (0..=MOST_RESTING)
            .map(|_| UnixStream::pair().unwrap())
            .collect();
        let mut held = Vec::new();
        for (client, _) in &pairs {
            let lease = readers.lease().unwrap();
            let client = Arc::new(client.try_clone().unwrap());
            held.push((lease, readers.rest(&client)));
        }
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| readers.lease().map(drop));
            // The client that came first hears of it; its session gives the connection back.
            assert_eq!((&pairs[0].1).read(&mut [0]).unwrap(), 0);
            held.remove(0);
            waiting.join().unwrap().unwrap();
        });
        let second = &pairs[1].1;
        second.set_nonblocking(true).unwrap();
        assert!((&*second).read(&mut [0]).is_err());
    }
}
