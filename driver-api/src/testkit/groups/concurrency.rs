//! Several threads, each with a connection of its own, on one database.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use crate::driver::{Connection, TransactionMode};
use crate::error::{DriverError, ErrorClass, Result};
use crate::testkit::action::{execute as run, query as ask};
use crate::testkit::case::{Case, Group};
use crate::testkit::expect::{Expect, Want};
use crate::testkit::found::{Found, Kept};
use crate::testkit::need::Need;
use crate::testkit::run::{Bench, Mismatch};
use crate::testkit::step::{Action, Way, create_keyed, fill, query, step};
use crate::value::{Value, ValueKind};

const THREADS: i64 = 6;

/// What each thread does so many times.
const ROUNDS: i64 = 25;

/// How long a call is made again that the driver calls retryable.
const PATIENCE: Duration = Duration::from_secs(40);

/// The longest pause before that, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 10_000;

fn case(name: &str) -> Case {
    Case::new(Group::Concurrency, name)
        .needing(&[
            Need::SharedData,
            Need::Constraints,
            Need::Expressions,
            Need::Ddl,
            Need::Kind(ValueKind::I64),
            Need::Kind(ValueKind::Text),
        ])
        .steps([create_keyed()])
}

/// Runs `work` in several threads, each with its number and its connection.
fn together(
    bench: &Bench<'_>,
    work: impl Fn(i64, &mut dyn Connection) -> Result<()> + Sync,
) -> std::result::Result<(), Mismatch> {
    let failed = |error: DriverError| {
        let expected = "success in every thread".to_owned();
        (expected, Found::Error(error).to_string())
    };
    // The context stays here: a connection is what goes to a thread.
    let connections: Result<Vec<_>> = (0..THREADS).map(|_| bench.connect(Way::Plain)).collect();
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = connections
            .map_err(failed)?
            .into_iter()
            .zip(0..)
            .map(|(mut connection, number)| {
                scope.spawn(move || {
                    work(number, &mut *connection)?;
                    connection.close()
                })
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(ended) => ended.map_err(failed)?,
                Err(_) => return Err(("success in every thread".into(), "a panic".into())),
            }
        }
        Ok(())
    })
}

/// Makes a call again for as long as the driver says that this may help.
fn insist<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    let mut longest = 5;
    loop {
        let began = Instant::now();
        match call() {
            Err(error) if again(&error) && Instant::now() < deadline => {
                // Pauses of one length would let the same threads meet again and again, and so would pauses that are
                // short beside the call: some engines take a second to notice a deadlock.
                let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                longest = longest.max(took).min(LONGEST_PAUSE_MS);
                std::thread::sleep(Duration::from_millis(1 + chance() % longest));
                longest *= 2;
            }
            other => return other,
        }
    }
}

/// Some number: each new `RandomState` has other keys.
fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn again(error: &DriverError) -> bool {
    error.is_retryable() || error.class() == ErrorClass::Conflict
}

/// Runs `work` in a transaction, again when it lost a conflict.
fn transact(
    connection: &mut dyn Connection,
    work: impl Fn(&mut dyn Connection) -> Result<()>,
) -> Result<()> {
    insist(|| {
        connection.begin(TransactionMode::ReadWrite)?;
        let done = work(connection).and_then(|()| connection.commit());
        done.inspect_err(|_| {
            // A conflict may have ended the transaction already.
            let _ = connection.rollback();
        })
    })
}

fn inserts(bench: &Bench<'_>) -> std::result::Result<(), Mismatch> {
    let sql = bench.names.fill("INSERT INTO {t} (id, v) VALUES (?, ?)");
    together(bench, |number, connection| {
        for round in 0..ROUNDS {
            let values = [Value::I64(number * ROUNDS + round), Value::from("x")];
            insist(|| run(connection, &sql, &values))?;
        }
        Ok(())
    })
}

fn increments(bench: &Bench<'_>) -> std::result::Result<(), Mismatch> {
    let sql = bench.names.fill("UPDATE {t} SET id = id + 1");
    together(bench, |_, connection| {
        for _ in 0..ROUNDS {
            insist(|| run(connection, &sql, &[]))?;
        }
        Ok(())
    })
}

/// Half of the threads take the two rows in one order, half in the other: a deadlock, where rows are locked.
fn opposite_orders(bench: &Bench<'_>) -> std::result::Result<(), Mismatch> {
    let sql = bench.names.fill("UPDATE {t} SET v = ? WHERE id = ?");
    together(bench, |number, connection| {
        let rows = if number % 2 == 0 { [1i64, 2] } else { [2, 1] };
        for round in 0..3 {
            let v = Value::from(format!("{number} {round}"));
            transact(connection, |connection| {
                run(connection, &sql, &[v.clone(), rows[0].into()])?;
                std::thread::sleep(Duration::from_millis(20));
                run(connection, &sql, &[v.clone(), rows[1].into()])?;
                Ok(())
            })?;
        }
        Ok(())
    })
}

/// Some threads add pairs of rows, others look: they never see half a pair.
fn pairs(bench: &Bench<'_>) -> std::result::Result<(), Mismatch> {
    let insert = bench.names.fill("INSERT INTO {t} (id, v) VALUES (?, ?)");
    let select = bench.names.fill("SELECT id FROM {t}");
    together(bench, |number, connection| {
        for round in 0..ROUNDS {
            if number % 2 == 0 {
                let id = 2 * (number * ROUNDS + round);
                transact(connection, |connection| {
                    run(connection, &insert, &[id.into(), "x".into()])?;
                    run(connection, &insert, &[(id + 1).into(), "x".into()])?;
                    Ok(())
                })?;
            } else if let Found::Result(kept) = ask(connection, &select, &[], Kept::default())?
                && kept.count % 2 != 0
            {
                let message = format!("a reader saw {} rows, half a transaction", kept.count);
                return Err(DriverError::new(ErrorClass::Internal, message));
            }
        }
        Ok(())
    })
}

fn connects(bench: &Bench<'_>) -> std::result::Result<(), Mismatch> {
    let reconnect = || bench.connect(Way::Plain)?.close();
    for _ in 0..100 {
        reconnect().map_err(|error| ("a hundred connections".to_owned(), error.to_string()))?;
    }
    Ok(())
}

fn count_is(rows: i64) -> crate::testkit::step::Step {
    query("SELECT count(*) FROM {t}").gives_value(Want::Number(rows))
}

pub(super) fn cases() -> Vec<Case> {
    let check = |check| step(Action::Check(check));
    let opened = (0..15).map(|n| step(Action::Ping).on(n));
    let transactional = |name| case(name).needing(&[Need::Transactions]);
    vec![
        case("inserts").steps([check(inserts), count_is(THREADS * ROUNDS)]),
        case("increments").steps([
            fill(1),
            check(increments),
            query("SELECT id FROM {t}").gives_value(1 + THREADS * ROUNDS),
        ]),
        transactional("opposite_orders").steps([
            fill(2),
            check(opposite_orders),
            // The last transaction wrote both rows.
            query("SELECT DISTINCT v FROM {t}").gives(Expect::Count(1)),
        ]),
        transactional("no_half_transactions")
            .steps([check(pairs), count_is(THREADS / 2 * ROUNDS * 2)]),
        Case::new(Group::Concurrency, "fifteen_open_connections").steps(opened),
        Case::new(Group::Concurrency, "hundred_connections").steps([check(connects)]),
    ]
}
