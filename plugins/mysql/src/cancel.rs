//! Stops the running call of a connection from another thread, through a second connection to the server.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use driver_api::{CancelHandle, DriverError, ErrorClass, Result};
use mysql::Conn;
use mysql::prelude::Queryable;

use crate::error::from_client;
use crate::options::MysqlOptions;
use crate::server::{Identity, Server};
use crate::session;

/// The server forgets a request that comes between two of its steps, so it is made again after this long.
const BETWEEN_KILLS: Duration = Duration::from_millis(100);

/// Requests for one cancellation. A statement that goes on after all of them cannot be stopped.
const KILLS: u32 = 20;

/// The request to stop one connection's running call.
///
/// A request holds the lock while the server carries it out, and a call ends under the same lock:
/// so no request reaches the call after the one that it is for.
pub(crate) struct Cancel {
    /// Those of the connection, with the address that its name led to.
    options: MysqlOptions,
    /// The connection's server.
    identity: Identity,
    /// The server's number for the connection.
    connection: u32,
    state: Mutex<State>,
    /// Told when a call ends.
    ended: Condvar,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// The number of the call, to tell it from the next.
    call: u64,
    running: bool,
    /// Whether the running call is to stop.
    requested: bool,
    /// Whether the server was told so.
    killed: bool,
}

/// What was asked of a call that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Somebody wanted it to stop.
    pub(crate) to_stop: bool,
    /// The server may still hold a request that belongs to it.
    pub(crate) kill_sent: bool,
}

impl Cancel {
    /// For the connection that these options led to.
    pub(crate) fn new(options: &MysqlOptions, server: &Server) -> Self {
        let mut options = options.clone();
        options.endpoint.pin(server.peer());
        Self {
            options,
            identity: server.identity.clone(),
            connection: server.client.connection_id(),
            state: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// A call starts: what was requested before it does not concern it.
    pub(crate) fn start_call(&self) {
        let mut state = self.state();
        *state = State {
            call: state.call + 1,
            running: true,
            ..State::default()
        };
    }

    /// A call ended.
    pub(crate) fn end_call(&self) -> Asked {
        self.shield()
    }

    /// From here on nobody stops the running call; what was asked of it before.
    pub(crate) fn shield(&self) -> Asked {
        let mut state = self.state();
        state.running = false;
        // Nobody waits before the server was asked, and to tell nobody is a call of the system all the same.
        if state.killed {
            self.ended.notify_all();
        }
        Asked {
            to_stop: state.requested,
            kill_sent: state.killed,
        }
    }

    /// Fails once the running call is to stop: for calls of many statements.
    pub(crate) fn check(&self) -> Result<()> {
        if self.state().requested {
            return Err(cancelled());
        }
        Ok(())
    }

    /// Ends the statement of the running call, whose rest nobody wants.
    ///
    /// Unless the transaction only reads, a function of the server may have written for it, which the end would
    /// undo: where there are functions, nothing is done.
    pub(crate) fn stop_statement(&self, only_reads: bool) -> Result<()> {
        let mut second = self.connect()?;
        if !only_reads && !self.options.read_only && has_functions(&mut second)? {
            return Ok(());
        }
        self.kill(&mut second, &mut self.state())
    }

    fn connect(&self) -> Result<Conn> {
        session::connect_to_kill(&self.options, &self.identity)
    }

    fn kill(&self, second: &mut Conn, state: &mut State) -> Result<()> {
        state.killed = true;
        let sql = format!("KILL QUERY {}", self.connection);
        second.query_drop(sql).map_err(from_client)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CancelHandle for Cancel {
    fn cancel(&self) -> Result<()> {
        let call = {
            let mut state = self.state();
            if !state.running {
                return Ok(());
            }
            state.requested = true;
            state.call
        };
        let mut second = self.connect()?;
        let mut state = self.state();
        for _ in 0..KILLS {
            if !state.running || state.call != call {
                return Ok(());
            }
            self.kill(&mut second, &mut state)?;
            state = self
                .ended
                .wait_timeout(state, BETWEEN_KILLS)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Ok(())
    }
}

/// Whether there are functions that may write; those of the schema `sys` only tell of the server.
fn has_functions(client: &mut Conn) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM information_schema.routines \
        WHERE routine_type = 'FUNCTION' AND routine_schema <> 'sys')";
    let found: Option<bool> = client.query_first(sql).map_err(from_client)?;
    Ok(found.unwrap_or(true))
}

/// The error of a call that was stopped.
pub(crate) fn cancelled() -> DriverError {
    DriverError::new(ErrorClass::Cancelled, "the call was cancelled").with_sqlstate("57014")
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use driver_api::{Connection, TransactionMode, Value};
    use serde_json::json;
    use test_calls::cancelling::while_cancelling;
    use test_needs::needs;

    use super::*;
    use crate::testing::{TestDatabase, read};

    #[needs(mariadb)]
    #[test]
    fn a_long_query_ends_and_the_connection_goes_on() {
        let mut database = TestDatabase::new();
        for sql in [
            "SELECT SLEEP(60)",
            "SELECT sum(a.seq * b.seq) FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
        ] {
            let started = Instant::now();
            let result = while_cancelling(&mut database, |database| database.query(sql, []));
            let error = result.err().unwrap();
            assert_eq!(error.class(), ErrorClass::Cancelled, "{sql}: {error}");
            // The machine may be busy; without a request it would be a minute.
            assert!(started.elapsed() < Duration::from_secs(20), "{sql}");
            for number in 0..5 {
                assert_eq!(database.value("SELECT ?", [number.into()]), number.into());
            }
        }
    }

    #[needs(mariadb)]
    #[test]
    fn one_request_ends_a_query_within_seconds() {
        let mut database = TestDatabase::new();
        let handle = database.connection.cancel_handle().unwrap();
        let number = database.value("SELECT CONNECTION_ID()", []);
        let mut other = database.again();
        for sql in [
            "SELECT SLEEP(60)",
            "SELECT sum(a.seq * b.seq) FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
        ] {
            let (error, took) = thread::scope(|scope| {
                let call = scope.spawn(|| (database.query(sql, []).err(), Instant::now()));
                let running = "SELECT count(*) FROM information_schema.processlist \
                    WHERE id = ? AND command = 'Execute' AND time_ms > 20";
                while other.value(running, [number.clone()]) != Value::I64(1) {
                    thread::sleep(Duration::from_millis(5));
                }
                let asked = Instant::now();
                handle.cancel().unwrap();
                let (error, ended) = call.join().unwrap();
                (error, ended.duration_since(asked))
            });
            assert_eq!(error.unwrap().class(), ErrorClass::Cancelled, "{sql}");
            // A second on an idle machine; without the request the statement would take a minute.
            assert!(took < Duration::from_secs(10), "{sql}: {took:?}");
        }
    }

    #[needs(mariadb)]
    #[test]
    fn a_second_connection_to_another_server_stops_nothing() {
        let database = TestDatabase::new();
        let options = read(&database.values).unwrap();
        let server = session::open(&options).unwrap();
        let mut cancel = Cancel::new(&options, &server);
        cancel.identity.2 += 1;
        let error = cancel.stop_statement(true).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unavailable);
        assert!(error.message().ends_with("another server"), "{error}");
    }

    #[needs(mariadb)]
    #[test]
    fn a_batch_that_is_cancelled_inside_a_transaction_leaves_what_was_before_it() {
        let mut database = TestDatabase::new();
        database.run(&["CREATE TABLE t(a INT)"]);
        database
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap();
        database.run(&["INSERT INTO t VALUES (1)"]);
        let rows: Vec<_> = (0..100_000).map(|n| vec![Value::I64(n)]).collect();
        for _ in 0..3 {
            let result = while_cancelling(&mut database, |database| {
                database.execute_many("INSERT INTO t SELECT ?", &rows)
            });
            assert_eq!(result.unwrap_err().class(), ErrorClass::Cancelled);
        }
        database.connection.commit().unwrap();
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(1));
    }

    #[needs(mariadb)]
    #[test]
    fn a_request_without_a_running_call_changes_nothing() {
        let mut database = TestDatabase::new();
        let handle = database.connection.cancel_handle().unwrap();
        for _ in 0..3 {
            handle.cancel().unwrap();
            assert_eq!(database.value("SELECT SLEEP(0.1)", []), Value::I64(0));
        }
    }

    #[needs(mariadb)]
    #[test]
    fn requests_never_reach_the_call_after_theirs() {
        let mut database = TestDatabase::new();
        let handle = database.connection.cancel_handle().unwrap();
        for round in 0..30_u64 {
            thread::scope(|scope| {
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(round % 10));
                    handle.cancel().unwrap();
                });
                // Ends by itself at about the time of the request.
                if let Err(error) = database.query("SELECT SLEEP(0.006)", []) {
                    assert_eq!(error.class(), ErrorClass::Cancelled, "{error}");
                }
            });
            assert_eq!(database.value("SELECT SLEEP(0.002)", []), Value::I64(0));
        }
    }

    #[needs(mariadb)]
    #[test]
    fn a_cancelled_batch_leaves_nothing_and_a_cancelled_statement_leaves_the_transaction() {
        let mut database = TestDatabase::new();
        database.run(&["CREATE TABLE t(a INT)"]);
        let rows: Vec<_> = (0..400_000).map(|n| vec![Value::I64(n)]).collect();
        let result = while_cancelling(&mut database, |database| {
            database.execute_many("INSERT INTO t SELECT ?", &rows)
        });
        assert_eq!(result.unwrap_err().class(), ErrorClass::Cancelled);
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(0));
        database
            .connection
            .begin(TransactionMode::ReadWrite)
            .unwrap();
        database.run(&["INSERT INTO t VALUES (1)"]);
        let result = while_cancelling(&mut database, |database| {
            database.query("SELECT SLEEP(60)", [])
        });
        assert_eq!(result.err().unwrap().class(), ErrorClass::Cancelled);
        database.connection.commit().unwrap();
        assert_eq!(database.value("SELECT count(*) FROM t", []), Value::I64(1));
    }

    #[needs(mariadb)]
    #[test]
    fn a_statement_that_takes_too_long_is_a_timeout() {
        let database = TestDatabase::new();
        let mut short = database
            .connect(json!({"statement_timeout_ms": 200}))
            .unwrap();
        let error = short.query("SELECT SLEEP(60)", []).err().unwrap();
        assert_eq!(
            (error.class(), error.vendor_code()),
            (ErrorClass::Timeout, Some(1969))
        );
        assert_eq!(short.value("SELECT 1", []), Value::I64(1));
    }

    #[needs(mariadb)]
    #[test]
    fn a_handle_outlives_its_connection() {
        let mut database = TestDatabase::new();
        let handle = database.connection.cancel_handle().unwrap();
        database.connection.close().unwrap();
        assert_eq!(handle.cancel(), Ok(()));
    }
}
