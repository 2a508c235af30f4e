//! The request to stop the running call of a connection, from another thread.

use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Waker;

use driver_api::{CancelHandle, Result};
use futures_util::task::AtomicWaker;

const NO_CALL: u8 = 0;
const RUNNING: u8 = 1;
const REQUESTED: u8 = 2;

/// Whether a call runs, and whether it is to stop.
///
/// The request to the server is made by the thread of the call itself, which does not end the call
/// before the server has taken the request: so no request ever hits the next call.
#[derive(Debug, Default)]
pub(crate) struct Cancel {
    state: AtomicU8,
    /// Wakes the thread of the call while it waits for the server.
    waker: AtomicWaker,
}

impl Cancel {
    /// A call starts: what was requested before it does not concern it.
    pub(crate) fn start_call(&self) {
        self.state.store(RUNNING, Ordering::Release);
    }

    /// The call ends, or goes on with what must not be stopped.
    pub(crate) fn end_call(&self) {
        self.state.store(NO_CALL, Ordering::Release);
    }

    /// Whether the running call is to stop.
    pub(crate) fn is_requested(&self) -> bool {
        self.state.load(Ordering::Acquire) == REQUESTED
    }

    /// Who is to be woken by a request.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}

impl CancelHandle for Cancel {
    fn cancel(&self) -> Result<()> {
        let running =
            self.state
                .compare_exchange(RUNNING, REQUESTED, Ordering::AcqRel, Ordering::Acquire);
        if running.is_ok() {
            self.waker.wake();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use driver_api::{Connection as _, ErrorClass, TransactionMode, Value};
    use serde_json::json;
    use test_calls::cancelling::while_cancelling;
    use test_needs::needs;

    use crate::testing::TestDatabase;

    /// From the request to the end of the call, on a machine that is busy with other things.
    const LONGEST_STOP: Duration = Duration::from_secs(10);

    #[needs(postgresql)]
    #[test]
    fn a_sleep_ends_and_the_connection_goes_on() {
        let mut database = TestDatabase::new();
        for _ in 0..3 {
            let started = Instant::now();
            let result = while_cancelling(&mut database, |database| {
                database.query("SELECT pg_sleep(60)", [])
            });
            let error = result.err().unwrap();
            let found = (error.class(), error.sqlstate());
            assert_eq!(found, (ErrorClass::Cancelled, Some("57014")));
            assert!(started.elapsed() < Duration::from_secs(30));
            assert_eq!(database.value("SELECT 1", []), Value::I64(1));
        }
    }

    #[needs(postgresql)]
    #[test]
    fn one_request_is_enough_and_acts_soon() {
        let mut database = TestDatabase::new();
        let mut other = database.connect(json!({}));
        let handle = database.connection.cancel_handle().unwrap();
        let pid = database.value("SELECT pg_backend_pid()", []);
        let runs = "SELECT count(*) FROM pg_stat_activity WHERE pid = ? AND wait_event = 'PgSleep'";
        let (requested, error) = thread::scope(|scope| {
            let requester = scope.spawn(move || {
                while other.value(runs, [pid.clone()]) != Value::I64(1) {
                    thread::sleep(Duration::from_millis(20));
                }
                handle.cancel().unwrap();
                Instant::now()
            });
            let error = database.query("SELECT pg_sleep(60)", []).err();
            (requester.join().unwrap(), error)
        });
        assert!(requested.elapsed() < LONGEST_STOP);
        assert_eq!(error.unwrap().class(), ErrorClass::Cancelled);
    }

    #[needs(postgresql)]
    #[test]
    fn a_request_without_a_running_call_changes_nothing() {
        let mut database = TestDatabase::new();
        let handle = database.connection.cancel_handle().unwrap();
        for _ in 0..50 {
            handle.cancel().unwrap();
            assert_eq!(database.value("SELECT 1", []), Value::I64(1));
        }
    }

    #[needs(postgresql)]
    #[test]
    fn a_cancelled_batch_leaves_nothing() {
        let mut database = TestDatabase::new();
        database.run("CREATE TABLE t(a int)");
        let rows: Vec<_> = (0..200_000).map(|n| vec![Value::I64(n)]).collect();
        for sql in [
            "INSERT INTO t(a) VALUES (?)",
            "INSERT INTO t SELECT ?::int FROM pg_sleep(0.01)",
        ] {
            let result =
                while_cancelling(&mut database, |database| database.execute_many(sql, &rows));
            assert_eq!(result.unwrap_err().class(), ErrorClass::Cancelled, "{sql}");
            assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
        }
    }

    #[needs(postgresql)]
    #[test]
    fn a_handle_outlives_its_connection() {
        let mut database = TestDatabase::new();
        let handle = database.connection.cancel_handle().unwrap();
        database
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap();
        database.connection.close().unwrap();
        drop(database);
        assert_eq!(handle.cancel(), Ok(()));
    }

    #[needs(postgresql)]
    #[test]
    fn a_time_limit_is_told_from_a_request() {
        let database = TestDatabase::new();
        let mut limited = database.connect(json!({"statement_timeout_ms": 100}));
        let error = limited.query("SELECT pg_sleep(60)", []).err().unwrap();
        let found = (error.class(), error.sqlstate());
        assert_eq!(found, (ErrorClass::Timeout, Some("57014")));
        assert!(error.detail().unwrap().contains("statement_timeout_ms"));
    }
}
