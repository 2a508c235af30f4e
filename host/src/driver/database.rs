//! A database as the host uses it: single statements, snapshots, and transactions that run again.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use driver_api::{
    BackupProgress, Dialect, DriverError, ErrorClass, Flow, Outcome, Result, TransactionMode,
};

use super::connector::Connector;
use super::pool::{Lease, Pool, PoolLimits};
use super::session::Session;
use crate::foundation::cancellation::{Cancellation, Hooked};

/// How long reads and transactions are tried again after their first failure, while the database is away. A DB worker that was
/// killed is back within a fraction of this.
const RETRY_FOR: Duration = Duration::from_secs(20);

/// A database. Clones share one pool of connections.
#[derive(Clone)]
pub struct Database {
    pool: Arc<Pool>,
    /// Stops the running statement, and all that would follow.
    cancellation: Option<Cancellation>,
}

impl Database {
    /// A database whose connections come from `connector`. Nothing is opened yet.
    pub fn new(connector: Arc<dyn Connector>, limits: PoolLimits) -> Self {
        Self {
            pool: Arc::new(Pool::new(connector, limits)),
            cancellation: None,
        }
    }

    /// The same database, whose statements end with the error [`Cancelled`](ErrorClass::Cancelled) when `cancellation`
    /// asks for it, where the driver can stop them.
    #[must_use]
    pub fn cancelled_by(&self, cancellation: Cancellation) -> Self {
        Self {
            pool: Arc::clone(&self.pool),
            cancellation: Some(cancellation),
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

    /// As [`transaction`](Self::transaction), and runs `finally` on the same connection after each commit or
    /// rollback, for what an end of the transaction does not give back. Where it fails, the connection is closed.
    ///
    /// # Errors
    /// Those of [`transaction`](Self::transaction), never that of `finally`.
    pub fn transaction_then<T>(
        &self,
        mut work: impl FnMut(&mut Session) -> Result<T>,
        finally: impl Fn(&mut Session) -> Result<()>,
    ) -> Result<T> {
        self.again_while_away(|lease| {
            let result = in_transaction(lease, TransactionMode::ReadWrite, &mut work);
            let result = lease.note(result);
            if lease.is_kept() && finally(lease).is_err() {
                lease.discard();
            }
            result
        })
    }

    /// Copies the database, as it is at one moment, into the new file `target`, an absolute path; the file gets this
    /// name once it is complete, checked and on the disk. Others read and write meanwhile. `progress` hears how far it
    /// is, several times a second. It is not begun again when the database goes away in the middle of it.
    ///
    /// # Errors
    /// Those of [`Connection::backup`](driver_api::Connection::backup): [`ErrorClass::Unsupported`] where the driver
    /// does not offer it, [`ErrorClass::AlreadyExists`] for a name that is taken, [`ErrorClass::Cancelled`] after
    /// `cancel` was asked.
    pub fn backup(
        &self,
        target: &Path,
        mut progress: impl FnMut(BackupProgress),
        cancel: &Cancellation,
    ) -> Result<()> {
        let mut watch = |at| {
            progress(at);
            Flow::from_wants_more(!cancel.is_cancelled())
        };
        self.once(|session| session.backup(target, &mut watch))
    }

    /// Closes the connections; later calls fail.
    pub fn close(&self) {
        self.pool.close();
    }

    fn again_while_away<T>(&self, mut work: impl FnMut(&mut Lease<'_>) -> Result<T>) -> Result<T> {
        // From the first failure on: the work itself may take as long as it takes.
        let mut deadline = None;
        let mut pause = Duration::from_millis(1);
        // A database that was there a moment ago and refuses connections now is being restarted.
        let mut was_there = false;
        loop {
            let result = self.pool.lease().and_then(|mut lease| {
                let hooked = self.stop_on_cancel(&lease)?;
                let result = work(&mut lease);
                let result = lease.note(result);
                drop(hooked);
                if self.is_cancelled() {
                    // The request to stop may still be on its way, and must not meet another's statement.
                    lease.discard();
                }
                result
            });
            match result {
                Err(error)
                    if (runs_again(&error) || was_there && self.is_coming_back(&error))
                        && Instant::now()
                            < *deadline.get_or_insert_with(|| Instant::now() + RETRY_FOR) =>
                {
                    tracing::debug!(%error, "running again");
                    was_there |= error.class() == ErrorClass::ConnectionLost;
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(200));
                }
                other => return other,
            }
        }
    }

    fn is_cancelled(&self) -> bool {
        let cancellation = self.cancellation.as_ref();
        cancellation.is_some_and(Cancellation::is_cancelled)
    }

    fn stop_on_cancel(&self, lease: &Lease<'_>) -> Result<Option<Hooked>> {
        let Some(cancellation) = &self.cancellation else {
            return Ok(None);
        };
        if cancellation.is_cancelled() {
            return Err(DriverError::new(
                ErrorClass::Cancelled,
                "nobody waits for it any more",
            ));
        }
        let hook = lease.cancel_handle().map(|handle| {
            cancellation.on_cancel(move || {
                if let Err(error) = handle.cancel() {
                    tracing::debug!(%error, "a statement could not be stopped");
                }
            })
        });
        Ok(hook)
    }

    fn is_coming_back(&self, error: &DriverError) -> bool {
        error.class() == ErrorClass::Unavailable && !self.pool.is_closed()
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
    if let Err(error) = lease.begin(mode) {
        // Nobody knows whether the transaction was opened: what comes next must not end up in it.
        lease.discard();
        return Err(error);
    }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use driver_api::{CancelHandle, Connection, ExecuteResult, RowBlockRef, RowRef, RowSink};

    use super::*;

    /// A server that gives out numbered connections, and refuses what a test says.
    #[derive(Default)]
    struct Server {
        opened: AtomicU32,
        /// How often a transaction does not begin.
        refused: AtomicU32,
        /// How often a statement was to be stopped.
        cancelled: AtomicU32,
    }

    struct Client(Arc<Server>);

    impl Connector for Arc<Server> {
        fn dialect(&self) -> Dialect {
            Dialect::Generic
        }

        fn connect(&self) -> Result<Box<dyn Connection>> {
            self.opened.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(Client(self.clone())))
        }
    }

    impl Connection for Client {
        /// `write` is refused, as by a standby.
        fn execute(&mut self, sql: &str, _: RowRef<'_>) -> Result<ExecuteResult> {
            match sql {
                "write" => Err(DriverError::new(ErrorClass::ReadOnly, "a standby")),
                "fail" => Err(DriverError::new(ErrorClass::Constraint, "no")),
                _ => Ok(ExecuteResult::default()),
            }
        }

        fn query(&mut self, _: &str, _: RowRef<'_>, _: &mut RowSink<'_>) -> Result<()> {
            Ok(())
        }

        fn execute_many(&mut self, sql: &str, _: RowBlockRef<'_>) -> Result<ExecuteResult> {
            self.execute(sql, RowRef::EMPTY)
        }

        fn begin(&mut self, _: TransactionMode) -> Result<()> {
            let refused = &self.0.refused;
            if refused.load(Ordering::Relaxed) == 0 {
                return Ok(());
            }
            refused.fetch_sub(1, Ordering::Relaxed);
            Err(DriverError::new(ErrorClass::Timeout, "too slow"))
        }

        fn commit(&mut self) -> Result<()> {
            Ok(())
        }

        fn rollback(&mut self) -> Result<()> {
            Ok(())
        }

        fn ping(&mut self) -> Result<()> {
            Ok(())
        }

        fn cancel_handle(&self) -> Option<Arc<dyn CancelHandle>> {
            Some(Arc::new(Stop(self.0.clone())))
        }
    }

    struct Stop(Arc<Server>);

    impl CancelHandle for Stop {
        fn cancel(&self) -> Result<()> {
            self.0.cancelled.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    fn bench() -> (Arc<Server>, Database) {
        let server = Arc::new(Server::default());
        let database = Database::new(Arc::new(server.clone()), PoolLimits::default());
        (server, database)
    }

    fn class<T>(result: Result<T>) -> Option<ErrorClass> {
        result.err().map(|error| error.class())
    }

    #[test]
    fn a_connection_whose_transaction_did_not_begin_is_not_used_again() {
        let (server, database) = bench();
        server.refused.store(1, Ordering::Relaxed);
        assert_eq!(
            class(database.transaction(|_| Ok(()))),
            Some(ErrorClass::Timeout)
        );
        assert_eq!(class(database.transaction(|_| Ok(()))), None);
        assert_eq!(class(database.transaction(|_| Ok(()))), None);
        assert_eq!(server.opened.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_connection_that_takes_no_writes_is_given_up() {
        let (server, database) = bench();
        for (sql, expected, opened) in [
            ("write", Some(ErrorClass::ReadOnly), 1),
            ("fail", Some(ErrorClass::Constraint), 2),
            ("read", None, 2),
            ("write", Some(ErrorClass::ReadOnly), 2),
            ("read", None, 3),
        ] {
            let done = database.transaction(|session| session.execute(sql, &[]));
            assert_eq!(class(done), expected, "{sql}");
            assert_eq!(server.opened.load(Ordering::Relaxed), opened, "{sql}");
        }
    }

    #[test]
    fn what_follows_a_transaction_runs_after_either_end_and_on_its_connection() {
        let (server, database) = bench();
        let runs = AtomicU32::new(0);
        let finally = |session: &mut Session| {
            runs.fetch_add(1, Ordering::Relaxed);
            session.execute("read", &[]).map(drop)
        };
        let run = |sql| database.transaction_then(|session| session.execute(sql, &[]), finally);
        assert_eq!(class(run("read")), None);
        assert_eq!(class(run("fail")), Some(ErrorClass::Constraint));
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        assert_eq!(server.opened.load(Ordering::Relaxed), 1);
        // Where it fails, what it should have given back goes with the connection.
        let failing = |session: &mut Session| session.execute("fail", &[]).map(drop);
        assert_eq!(class(database.transaction_then(|_| Ok(()), failing)), None);
        assert_eq!(class(database.transaction(|_| Ok(()))), None);
        assert_eq!(server.opened.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_reading_statement_stops_when_nobody_waits_for_it() {
        let (server, database) = bench();
        let cancellation = Cancellation::default();
        let cancelled = database.cancelled_by(cancellation.clone());
        let result = cancelled.read(|session| {
            // As if the caller left while a statement runs: the driver is told.
            cancellation.cancel();
            session.execute("anything", &[])
        });
        assert!(
            result.is_ok(),
            "the fake's statements are too short to be stopped"
        );
        assert_eq!(server.cancelled.load(Ordering::Relaxed), 1);
        let after = cancelled.read(|session| session.execute("anything", &[]));
        assert_eq!(class(after), Some(ErrorClass::Cancelled));
        // The connection that was told to stop is not used again.
        assert_eq!(server.opened.load(Ordering::Relaxed), 2);
    }
}
