//! Writes take effect exactly once: through kills of the DB worker, lost answers, and repeated requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use code_analysis_host::driver::database::Database;
use driver_api::wire::message::Request;
use driver_api::{ErrorClass, ExecuteResult, Outcome, RowBlock, TransactionMode, ValueRef};
use rustix::process::Signal;
use uuid::Uuid;

use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::processes::kill;
use crate::support::server::eventually;
use crate::support::wire_client::WireClient;

/// A table in which nothing but exactly-once keeps a row from being there twice.
fn journal(chain: &Chain) -> &Database {
    let database = chain.driver().raw_database();
    database
        .once(|session| session.execute("CREATE TABLE journal (writer INTEGER, step INTEGER)", &[]))
        .unwrap();
    database
}

const INSERT: &str = "INSERT INTO journal VALUES (?, ?)";

/// One step of a writer, in one of the four ways to write; adds the rows that it was told of.
fn write(database: &Database, writer: i64, step: i64) -> driver_api::Result<u64> {
    let row = [ValueRef::I64(writer), ValueRef::I64(step)];
    match step % 4 {
        0 => database
            .once(|session| session.execute(INSERT, &row))
            .map(|result| result.rows_affected),
        1 => database
            .once(|session| {
                let mut batch = RowBlock::new(2);
                batch.push_row(row);
                session.execute_many(INSERT, &mut batch)
            })
            .map(|result| result.rows_affected),
        2 => database.once(|session| {
            let returning = format!("{INSERT} RETURNING step");
            let steps = session.query_all(&returning, &row, |row| Ok(row.i64(0)?))?;
            assert_eq!(steps, [step]);
            Ok(1)
        }),
        _ => database.transaction(|session| {
            let counted = "SELECT count(*) FROM journal WHERE writer = ?";
            session.query_first(counted, &row[..1], |_| Ok(()))?;
            session
                .execute(INSERT, &row)
                .map(|result| result.rows_affected)
        }),
    }
}

/// Few times enough that the growing pauses before a restart stay far below what clients wait for.
fn kill_again_and_again(chain: &Chain) {
    for turn in 0..6 {
        thread::sleep(Duration::from_millis(100 + 37 * turn));
        let killed = worker_pid(chain);
        kill(killed, Signal::KILL);
        eventually("a new worker", || {
            let status = chain.app.workers().status();
            let pid = status.iter().find_map(|worker| worker.pid);
            pid.filter(|pid| *pid != killed)
        });
    }
}

#[test]
fn writers_see_no_error_and_no_write_twice_while_the_worker_is_killed_again_and_again() {
    let chain = Chain::new();
    let database = journal(&chain);
    let over = AtomicBool::new(false);
    let steps: Vec<i64> = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let over = &over;
                scope.spawn(move || {
                    let mut step = 0;
                    while !over.load(Ordering::Relaxed) {
                        assert_eq!(write(database, writer, step), Ok(1), "{writer} {step}");
                        step += 1;
                    }
                    step
                })
            })
            .collect();
        let killed = scope.spawn(|| kill_again_and_again(&chain)).join();
        over.store(true, Ordering::Relaxed);
        killed.unwrap();
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });
    let found = database
        .read(|session| {
            let sql = "SELECT writer, count(*), count(DISTINCT step), max(step) FROM journal \
                       GROUP BY writer ORDER BY writer";
            session.query_all(sql, &[], |row| Ok((row.i64(1)?, row.i64(2)?, row.i64(3)?)))
        })
        .unwrap();
    let expected: Vec<_> = steps.iter().map(|&n| (n, n, n - 1)).collect();
    assert_eq!(found, expected);
    assert!(steps.iter().all(|&n| n > 4), "{steps:?}");
}

#[test]
fn an_answer_that_was_lost_with_the_worker_is_given_by_the_next() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let name = Uuid::new_v4().to_string();
    let client = WireClient::connect(&chain.socket(), &name);
    assert!(client.welcome.remembers_writes);
    let write = Request::Execute {
        sequence: 1,
        sql: "INSERT INTO numbers VALUES (NULL, 'once')",
        params: &[],
    };
    client.send(&write);
    eventually("the commit", || (count(database) == 1).then_some(()));
    kill(worker_pid(&chain), Signal::KILL);
    // Its first free key is another one by then, so that only the record knows the first.
    insert(database, 7).unwrap();
    let mut again = WireClient::connect(&chain.socket(), &name);
    let first = ExecuteResult {
        rows_affected: 1,
        last_insert_id: Some(1),
    };
    assert_eq!(again.ask(&write), Ok(first));
    assert_eq!(count(database), 2);
    // The next number is another write, and the same number of another client, too.
    let next = Request::Execute {
        sequence: 2,
        sql: "INSERT INTO numbers VALUES (NULL, 'twice')",
        params: &[],
    };
    assert_eq!(again.ask(&next).unwrap().last_insert_id, Some(8));
    let mut other = WireClient::connect(&chain.socket(), &Uuid::new_v4().to_string());
    assert_eq!(other.ask(&write).unwrap().last_insert_id, Some(9));
}

#[test]
fn rows_of_a_write_and_commits_are_remembered_too() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let name = Uuid::new_v4().to_string();
    let connect = || WireClient::connect(&chain.socket(), &name);
    let returning = Request::Query {
        sequence: 1,
        sql: "INSERT INTO numbers SELECT value, 'x' FROM json_each('[5,6]') RETURNING n",
        params: &[],
    };
    for _ in 0..2 {
        let mut client = connect();
        client.send(&returning);
        let (rows, result) = client.receive();
        assert_eq!((rows, result.is_ok()), (vec![5, 6], true));
    }
    let commit = Request::Commit { sequence: 2 };
    let mut client = connect();
    client
        .ask(&Request::Begin(TransactionMode::ReadWrite))
        .unwrap();
    let insert = Request::Execute {
        sequence: 1,
        sql: "INSERT INTO numbers VALUES (9, 'x')",
        params: &[],
    };
    client.ask(&insert).unwrap();
    client.ask(&commit).unwrap();
    assert_eq!(count(database), 3);
    kill(worker_pid(&chain), Signal::KILL);
    assert_eq!(count(database), 3);
    let mut again = connect();
    assert_eq!(again.ask(&commit), Ok(ExecuteResult::default()));
    // A commit that never was is not taken for one.
    let error = connect().ask(&Request::Commit { sequence: 3 }).unwrap_err();
    assert_eq!(error.class(), ErrorClass::TransactionState);
}

#[test]
fn rows_that_are_too_many_to_be_kept_leave_the_outcome_open() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let name = Uuid::new_v4().to_string();
    let many = Request::Query {
        sequence: 1,
        sql: "INSERT INTO numbers WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c \
              WHERE n < 50000) SELECT n, 'some text' FROM c RETURNING n, text",
        params: &[],
    };
    let mut client = WireClient::connect(&chain.socket(), &name);
    client.send(&many);
    assert_eq!(client.receive().0.len(), 50_000);
    let mut again = WireClient::connect(&chain.socket(), &name);
    let error = again.ask(&many).unwrap_err();
    let told = (error.class(), error.outcome());
    assert_eq!(told, (ErrorClass::LimitExceeded, Outcome::Unknown));
    assert_eq!(count(database), 50_000);
}

#[test]
fn a_write_that_fails_leaves_no_record_and_is_tried_again() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let name = Uuid::new_v4().to_string();
    let write = Request::Execute {
        sequence: 1,
        sql: "INSERT INTO numbers VALUES (1, 'x')",
        params: &[],
    };
    let refused = WireClient::connect(&chain.socket(), &name).ask(&write);
    assert_eq!(refused.unwrap_err().class(), ErrorClass::Constraint);
    database
        .once(|session| session.execute("DELETE FROM numbers", &[]))
        .unwrap();
    let mut again = WireClient::connect(&chain.socket(), &name);
    assert_eq!(again.ask(&write).unwrap().rows_affected, 1);
}

#[test]
fn a_commit_that_one_of_many_makes_impossible_fails_for_that_one_only() {
    let chain = Chain::new();
    let database = numbers(&chain);
    // Checked only at the commit, so that every savepoint before it succeeds.
    database
        .once(|session| {
            let sql = "CREATE TABLE notes (n INTEGER REFERENCES numbers(n) DEFERRABLE INITIALLY DEFERRED)";
            session.execute(sql, &[])
        })
        .unwrap();
    thread::scope(|scope| {
        for client in 0..8i64 {
            scope.spawn(move || {
                for step in 0..25 {
                    assert_eq!(insert(database, 1000 * (client + 1) + step), Ok(1));
                    let orphan = database
                        .once(|session| session.execute("INSERT INTO notes VALUES (-1)", &[]));
                    assert_eq!(orphan.unwrap_err().class(), ErrorClass::Constraint);
                }
            });
        }
    });
    assert_eq!(count(database), 8 * 25);
}

#[test]
fn the_record_of_writes_is_in_no_catalog_and_goes_with_its_clients() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let records = "SELECT count(*) FROM code_analysis_worker_writes";
    let recorded = database.read(|session| {
        let tables = session.tables()?;
        assert_eq!(
            tables
                .iter()
                .filter(|table| table.name == "numbers")
                .count(),
            1
        );
        assert!(
            tables
                .iter()
                .all(|table| !table.name.contains("worker_writes"))
        );
        session.query_first(records, &[], |row| Ok(row.i64(0)?))
    });
    assert!(recorded.unwrap() >= Some(1));
    // Statements that run outside transactions only still run.
    database
        .once(|session| session.execute("VACUUM", &[]))
        .unwrap();
    let error = database.once(|session| session.execute("SAVEPOINT s", &[]));
    assert_eq!(error.unwrap_err().class(), ErrorClass::TransactionState);
}
