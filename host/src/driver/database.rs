//! A database as the host uses it: single statements, snapshots, and transactions that run again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use driver_api::{Dialect, DriverError, ErrorClass, Outcome, Result, TransactionMode};

use super::connector::Connector;
use super::pool::{Lease, Pool, PoolLimits};
use super::session::Session;

/// How long reads and transactions are tried again after their first failure, while the database is away. A DB worker that was
/// killed is back within a fraction of this.
const RETRY_FOR: Duration = Duration::from_secs(20);

/// A database. Clones share one pool of connections.
#[derive(Clone)]
pub struct Database {
    pool: Arc<Pool>,
}

impl Database {
    /// A database whose connections come from `connector`. Nothing is opened yet.
    pub fn new(connector: Arc<dyn Connector>, limits: PoolLimits) -> Self {
        Self {
            pool: Arc::new(Pool::new(connector, limits)),
        }
    }

    /// The SQL that the database speaks.
    pub fn dialect(&self) -> Dialect {
        self.pool.connector().dialect()
    }

    /// Runs statements that only read, each on its own; all are run again when the connection breaks,
    /// so the closure must not keep what an earlier run collected.
    ///
    /// # Errors
    /// The driver's or the closure's.
    pub fn read<T>(&self, mut work: impl FnMut(&mut Session) -> Result<T>) -> Result<T> {
        self.again_while_away(|lease| work(lease))
    }

    /// Runs statements on one unchanging view of the database; otherwise as [`read`](Self::read).
    ///
    /// # Errors
    /// The driver's or the closure's.
    pub fn snapshot<T>(&self, mut work: impl FnMut(&mut Session) -> Result<T>) -> Result<T> {
        self.again_while_away(|lease| in_transaction(lease, TransactionMode::ReadOnly, &mut work))
    }

    /// Runs statements, each on its own, and never again: for work that cannot be repeated. A broken
    /// connection is an error whose [`outcome`](DriverError::outcome) says what is known.
    ///
    /// # Errors
    /// The driver's or the closure's.
    pub fn once<T>(&self, work: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        let mut lease = self.pool.lease()?;
        let result = work(&mut lease);
        lease.note(result)
    }

    /// Runs `work` in one transaction, and commits when it answers `Ok`.
    ///
    /// It is run again, from the start, when the database ended it for another's sake (deadlock) or
    /// went away before the commit; so the closure must not keep what an earlier run did.
    ///
    /// # Errors
    /// The driver's or the closure's; after an error nothing was applied, unless its
    /// [`outcome`](DriverError::outcome) is unknown.
    pub fn transaction<T>(&self, mut work: impl FnMut(&mut Session) -> Result<T>) -> Result<T> {
        self.again_while_away(|lease| in_transaction(lease, TransactionMode::ReadWrite, &mut work))
    }

    /// Closes the connections; later calls fail.
    pub fn close(&self) {
        self.pool.close();
    }

    fn again_while_away<T>(&self, mut work: impl FnMut(&mut Lease<'_>) -> Result<T>) -> Result<T> {
        // From the first failure on: the work itself may take as long as it takes.
        let mut deadline = None;
        let mut pause = Duration::from_millis(1);
        loop {
            let result = self.pool.lease().and_then(|mut lease| {
                let result = work(&mut lease);
                lease.note(result)
            });
            match result {
                Err(error)
                    if runs_again(&error)
                        && Instant::now()
                            < *deadline.get_or_insert_with(|| Instant::now() + RETRY_FOR) =>
                {
                    tracing::debug!(%error, "running again");
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(200));
                }
                other => return other,
            }
        }
    }
}

/// Whether everything is as if the failed work had not been tried, and trying again may help.
fn runs_again(error: &DriverError) -> bool {
    let away = matches!(
        error.class(),
        ErrorClass::ConnectionLost | ErrorClass::Conflict
    );
    error.outcome() == Outcome::NotApplied && (away || error.is_retryable())
}

fn in_transaction<T>(
    lease: &mut Lease<'_>,
    mode: TransactionMode,
    work: &mut impl FnMut(&mut Session) -> Result<T>,
) -> Result<T> {
    lease.begin(mode)?;
    match work(lease) {
        Ok(value) => lease.commit().map(|()| value),
        Err(error) => {
            // Where the connection broke, the database has rolled back on its own.
            if !error.breaks_connection() && lease.rollback().is_err() {
                lease.discard();
            }
            Err(error)
        }
    }
}
