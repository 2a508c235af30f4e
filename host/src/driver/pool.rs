//! Connections that are kept open between uses, up to a limit, and dropped when they break.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use driver_api::{DriverError, ErrorClass, Result};

use super::connector::Connector;
use super::session::Session;

/// How many connections a pool opens, and how long a caller waits for one.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Most connections open at once. Default 8.
    pub connections: usize,
    /// Longest wait for a free connection. Default 30 s.
    pub wait: Duration,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            connections: 8,
            wait: Duration::from_secs(30),
        }
    }
}

/// Connections to one database.
pub struct Pool {
    connector: Arc<dyn Connector>,
    limits: PoolLimits,
    state: Mutex<State>,
    /// Signalled when a connection comes back, or its place becomes free.
    freed: Condvar,
}

#[derive(Default)]
struct State {
    /// Open and unused; the last one used is used first, so that a few stay warm.
    idle: Vec<Pooled>,
    /// Open, idle or in use.
    open: usize,
    closed: bool,
}

/// A connection, and what its connector was like when it was made.
struct Pooled {
    session: Session,
    version: u64,
}

impl Pool {
    /// A pool without open connections.
    pub fn new(connector: Arc<dyn Connector>, limits: PoolLimits) -> Self {
        Self {
            connector,
            limits,
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// What makes this pool's connections.
    pub fn connector(&self) -> &dyn Connector {
        &*self.connector
    }

    /// A connection for one use; it comes back when the lease is dropped.
    ///
    /// # Errors
    /// [`ErrorClass::Timeout`] when all stay in use for longer than the limit,
    /// [`ErrorClass::Unavailable`] after [`close`](Self::close), and those of the connector.
    pub fn lease(&self) -> Result<Lease<'_>> {
        let pooled = match self.reserve()? {
            Some(pooled) if pooled.version == self.connector.version() => pooled,
            outdated => {
                // It keeps its place until the new one has it.
                outdated.into_iter().for_each(|pooled| end(pooled.session));
                self.connect()?
            }
        };
        Ok(Lease {
            pool: self,
            version: pooled.version,
            session: Some(pooled.session),
            broken: false,
        })
    }

    /// Closes idle connections now and the others when they come back.
    pub fn close(&self) {
        let idle = {
            let mut state = self.lock();
            state.closed = true;
            state.open -= state.idle.len();
            std::mem::take(&mut state.idle)
        };
        idle.into_iter().for_each(|pooled| end(pooled.session));
        self.freed.notify_all();
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// An idle connection, or `None` with a place reserved for a new one.
    fn reserve(&self) -> Result<Option<Pooled>> {
        let deadline = Instant::now() + self.limits.wait;
        let mut state = self.lock();
        loop {
            if state.closed {
                return Err(DriverError::new(
                    ErrorClass::Unavailable,
                    "the database is closed",
                ));
            }
            if let Some(pooled) = state.idle.pop() {
                return Ok(Some(pooled));
            }
            if state.open < self.limits.connections {
                state.open += 1;
                return Ok(None);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(DriverError::new(
                    ErrorClass::Timeout,
                    format!(
                        "all {} connections stayed in use for {} s",
                        self.limits.connections,
                        self.limits.wait.as_secs()
                    ),
                )
                .retryable());
            }
            state = self
                .freed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn connect(&self) -> Result<Pooled> {
        // Asked before: a connection that is newer than its version is made anew once, and no harm is done.
        let version = self.connector.version();
        self.connector
            .connect()
            .map(|connection| Pooled {
                session: Session::new(connection),
                version,
            })
            .inspect_err(|_| self.release_place())
    }

    fn give_back(&self, pooled: Pooled, broken: bool) {
        let Pooled { session, version } = pooled;
        let broken = broken || version != self.connector.version();
        let mut state = self.lock();
        if broken || state.closed {
            state.open -= 1;
            drop(state);
            end(session);
        } else {
            state.idle.push(Pooled { session, version });
        }
        self.freed.notify_one();
    }

    fn release_place(&self) {
        self.lock().open -= 1;
        self.freed.notify_one();
    }

    /// The state is consistent between statements, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end(mut session: Session) {
    if let Err(error) = session.close() {
        tracing::warn!(%error, "a connection did not close cleanly");
    }
}

/// One use of a connection.
pub struct Lease<'p> {
    pool: &'p Pool,
    /// Taken only by `drop`.
    session: Option<Session>,
    version: u64,
    broken: bool,
}

impl Lease<'_> {
    /// The connection is closed instead of kept.
    pub fn discard(&mut self) {
        self.broken = true;
    }

    /// Whether the connection is kept after this use.
    pub fn is_kept(&self) -> bool {
        !self.broken
    }

    /// Closes the connection instead of keeping it when the error says that it broke, or that its server takes no
    /// writes: after a fail-over that is the former primary, and the next connection finds the new one. Where
    /// the whole database may only be read, a refused write costs one new connection.
    pub fn note<T>(&mut self, result: Result<T>) -> Result<T> {
        let is_spent = |error: &DriverError| {
            error.breaks_connection() || error.class() == ErrorClass::ReadOnly
        };
        if result.as_ref().is_err_and(is_spent) {
            self.discard();
        }
        result
    }
}

impl Deref for Lease<'_> {
    type Target = Session;

    #[allow(clippy::expect_used, reason = "the session is taken only by drop")]
    fn deref(&self) -> &Session {
        self.session
            .as_ref()
            .expect("a lease has its session until it is dropped")
    }
}

impl DerefMut for Lease<'_> {
    #[allow(clippy::expect_used, reason = "the session is taken only by drop")]
    fn deref_mut(&mut self) -> &mut Session {
        self.session
            .as_mut()
            .expect("a lease has its session until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            // A panic in the middle of a transaction leaves a connection in an unknown state.
            let broken = self.broken || std::thread::panicking();
            let version = self.version;
            self.pool.give_back(Pooled { session, version }, broken);
        }
    }
}
