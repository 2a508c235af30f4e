//! Does what a step says, with the connection that it names.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::found::{Found, Kept};
use super::run::Bench;
use super::step::{Action, Datum, Rows, Way};
use crate::block::RowBlock;
use crate::driver::{CancelHandle, Connection};
use crate::error::{DriverError, Result};
use crate::row::RowRef;
use crate::sink::{Flow, RowSink};
use crate::value::Value;

/// A call that is to be cancelled has begun by then, as a rule.
const BEFORE_CANCEL: Duration = Duration::from_secs(1);

/// A call that is cancelled has ended by then: it should take less than a second, but machines may be busy.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// The connections of a case, by their numbers.
pub(super) type Connections = Vec<Option<Box<dyn Connection>>>;

/// Does it; every error is a finding.
pub(super) fn perform(
    bench: &Bench<'_>,
    connections: &mut Connections,
    on: usize,
    action: &Action,
) -> Found {
    if connections.len() <= on {
        connections.resize_with(on + 1, || None);
    }
    attempt(bench, &mut connections[on], action).unwrap_or_else(Found::Error)
}

fn attempt(
    bench: &Bench<'_>,
    slot: &mut Option<Box<dyn Connection>>,
    action: &Action,
) -> Result<Found> {
    match action {
        Action::Connect(way) => {
            *slot = None;
            *slot = Some(bench.connect(*way)?);
            Ok(Found::Done)
        }
        Action::Drop => {
            *slot = None;
            Ok(Found::Done)
        }
        Action::CreateDatabase => bench
            .driver
            .create_database(bench.options)
            .map(Found::Created),
        Action::Check(check) => Ok(match check(bench) {
            Ok(()) => Found::Done,
            Err((expected, found)) => Found::Mismatch { expected, found },
        }),
        _ => {
            let connection = match slot {
                Some(connection) => connection,
                None => slot.insert(bench.connect(Way::Plain)?),
            };
            call(bench, &mut **connection, action)
        }
    }
}

/// What is done on an open connection.
fn call(bench: &Bench<'_>, connection: &mut dyn Connection, action: &Action) -> Result<Found> {
    let fill = |template: &str| bench.names.fill(template);
    match action {
        Action::Execute { sql, params } => {
            let done = execute(connection, &fill(sql), params)?;
            bench.note_created(sql);
            Ok(done)
        }
        Action::Query { sql, params } => query(connection, &fill(sql), params, Kept::default()),
        Action::QueryUntil { sql, blocks } => {
            let reader = Kept {
                stop_after: Some(*blocks),
                ..Kept::default()
            };
            query(connection, &fill(sql), &[], reader)
        }
        Action::Batch { sql, rows } => execute_many(connection, &fill(sql), rows),
        Action::Store(datum) => store(connection, &fill, datum),
        Action::Describe(sql) => connection.describe(&fill(sql)).map(Found::Description),
        Action::Begin(mode) => connection.begin(*mode).map(done),
        Action::Commit => connection.commit().map(done),
        Action::Rollback => connection.rollback().map(done),
        Action::Tables => connection.tables().map(Found::Tables),
        Action::Columns(key) => connection
            .columns(&bench.names.plain(key))
            .map(Found::Columns),
        Action::Ping => connection.ping().map(done),
        Action::Backup(name) => backup(bench, connection, name, Flow::Continue),
        Action::BackupStopped(name) => backup(bench, connection, name, Flow::Stop),
        Action::Close => connection.close().map(done),
        Action::Cancel => match connection.cancel_handle() {
            Some(handle) => handle.cancel().map(done),
            None => Ok(no_handle()),
        },
        Action::Cancelled(action) => cancelled(bench, connection, action),
        Action::CancelledAtRows(sql) => {
            let reader = Kept {
                cancel: connection.cancel_handle(),
                ..Kept::default()
            };
            if reader.cancel.is_none() {
                return Ok(no_handle());
            }
            query(connection, &fill(sql), &[], reader)
        }
        // These need no open connection; see `attempt`.
        Action::Connect(_) | Action::Drop | Action::CreateDatabase | Action::Check(_) => {
            Ok(Found::Done)
        }
    }
}

fn backup(
    bench: &Bench<'_>,
    connection: &mut dyn Connection,
    name: &str,
    flow: Flow,
) -> Result<Found> {
    let target = bench.scratch.file(name)?;
    connection.backup(&target, &mut |_| flow).map(done)
}

fn done((): ()) -> Found {
    Found::Done
}

fn no_handle() -> Found {
    Found::Mismatch {
        expected: "a cancel handle, as declared".into(),
        found: "none".into(),
    }
}

/// Calls `with` with the values as parameters.
fn with_params<T>(values: &[Value], with: impl FnOnce(RowRef<'_>) -> Result<T>) -> Result<T> {
    if values.is_empty() {
        return with(RowRef::EMPTY);
    }
    let mut block = RowBlock::of_params(values.iter().map(Value::as_ref));
    with(block.view().row(0)?)
}

pub(super) fn execute(
    connection: &mut dyn Connection,
    sql: &str,
    values: &[Value],
) -> Result<Found> {
    with_params(values, |params| connection.execute(sql, params)).map(Found::Changed)
}

pub(super) fn query(
    connection: &mut dyn Connection,
    sql: &str,
    values: &[Value],
    mut reader: Kept,
) -> Result<Found> {
    let mut block = RowBlock::default();
    let mut sink = RowSink::new(&mut block, &mut reader);
    with_params(values, |params| connection.query(sql, params, &mut sink))?;
    let _ = sink.finish();
    Ok(Found::Result(reader))
}

fn execute_many(connection: &mut dyn Connection, sql: &str, rows: &Rows) -> Result<Found> {
    let mut block = match rows {
        Rows::Listed(rows) => {
            let mut block = RowBlock::new(rows.first().map_or(0, Vec::len));
            for row in rows {
                block.push_row(row.iter().map(Value::as_ref));
            }
            block
        }
        Rows::Numbered(count) => {
            let mut block = RowBlock::new(2);
            for n in 1..=*count {
                block.push_row([n.into(), format!("row {n}").as_str().into()]);
            }
            block
        }
    };
    connection
        .execute_many(sql, block.view())
        .map(Found::Changed)
}

fn store(
    connection: &mut dyn Connection,
    fill: &impl Fn(&str) -> String,
    datum: &Datum,
) -> Result<Found> {
    let values = [Value::I64(1), datum.value()];
    let insert = fill("INSERT INTO {t} (id, v) VALUES (?, ?)");
    execute(connection, &insert, &values)?;
    query(connection, &fill("SELECT v FROM {t}"), &[], Kept::default())
}

/// Does it while another thread cancels.
fn cancelled(bench: &Bench<'_>, connection: &mut dyn Connection, action: &Action) -> Result<Found> {
    match connection.cancel_handle() {
        Some(handle) => cancelled_by(&*handle, BEFORE_CANCEL, STOPPED_WITHIN, || {
            call(bench, connection, action)
        }),
        None => Ok(no_handle()),
    }
}

/// Calls while another thread cancels once, `before` after the begin: a driver that loses the request is found out.
fn cancelled_by(
    handle: &dyn CancelHandle,
    before: Duration,
    within: Duration,
    call: impl FnOnce() -> Result<Found>,
) -> Result<Found> {
    let (ended, ends) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let cancelling = scope.spawn(move || -> Result<Option<Instant>> {
            // The other end is dropped when the call has ended.
            if ends.recv_timeout(before) != Err(mpsc::RecvTimeoutError::Timeout) {
                return Ok(None);
            }
            let asked = Instant::now();
            handle.cancel().map(|()| Some(asked))
        });
        let found = call();
        let returned = Instant::now();
        drop(ended);
        match cancelling.join() {
            Ok(Err(error)) => Ok(failed_cancel(&error)),
            Ok(Ok(Some(asked))) if returned.saturating_duration_since(asked) > within => Ok(
                stopped_late(within, returned.saturating_duration_since(asked)),
            ),
            _ => found,
        }
    })
}

fn stopped_late(within: Duration, after: Duration) -> Found {
    Found::Mismatch {
        expected: format!("an end within {within:.1?} of the request"),
        found: format!("one after {after:.1?}"),
    }
}

fn failed_cancel(error: &DriverError) -> Found {
    Found::Mismatch {
        expected: "that the request for a cancel succeeds".into(),
        found: format!("{} error: {error}", error.class()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::ErrorClass;

    /// Counts the requests.
    #[derive(Default)]
    struct Requests(AtomicU32);

    impl Requests {
        fn count(&self) -> u32 {
            self.0.load(Ordering::Relaxed)
        }
    }

    impl CancelHandle for Requests {
        fn cancel(&self) -> Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn a_call_that_ends_when_it_is_asked_is_found_as_it_ended() {
        let handle = Requests::default();
        let found = cancelled_by(&handle, SOON, Duration::from_secs(60), || {
            while handle.count() == 0 {
                thread::sleep(SOON);
            }
            Err(DriverError::new(ErrorClass::Cancelled, "as asked"))
        });
        let class = found.err().map(|error| error.class());
        assert_eq!(class, Some(ErrorClass::Cancelled));
    }

    #[test]
    fn a_lost_request_is_not_repeated_and_a_late_end_is_told() {
        let handle = Requests::default();
        let found = cancelled_by(&handle, SOON, SOON, || {
            while handle.count() == 0 {
                thread::sleep(SOON);
            }
            thread::sleep(SOON * 100);
            Ok(Found::Done)
        });
        assert_eq!(handle.count(), 1);
        let Ok(Found::Mismatch { expected, .. }) = found else {
            unreachable!("a late end is a finding")
        };
        assert_eq!(expected, "an end within 1.0ms of the request");
    }
}
