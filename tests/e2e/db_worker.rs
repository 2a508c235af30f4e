//! The DB worker as its clients see it: transactions, streams, faults, and clients that misbehave.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use driver_api::{ErrorClass, Flow, RowBlock, ValueRef};
use rustix::process::Signal;
use serde_json::json;

use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::processes::kill;

#[test]
fn waiting_writes_are_combined_and_one_that_fails_harms_no_other() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 7).unwrap();
    let failed = AtomicU32::new(0);
    thread::scope(|scope| {
        for client in 0..8i64 {
            let failed = &failed;
            scope.spawn(move || {
                for step in 0..25 {
                    insert(database, 1000 * (client + 1) + step).unwrap();
                    // Every client stumbles over the same key again and again.
                    let error = insert(database, 7).unwrap_err();
                    assert_eq!(error.class(), ErrorClass::Constraint);
                    assert_eq!(error.sqlstate(), Some("23505"));
                    failed.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(count(database), 1 + 8 * 25);
    assert_eq!(failed.load(Ordering::SeqCst), 8 * 25);
}

#[test]
fn a_transaction_is_all_or_nothing_and_runs_again_when_the_worker_is_killed() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let refused = database.transaction(|session| {
        session.execute("INSERT INTO numbers VALUES (1, 'a')", &[])?;
        session.execute("INSERT INTO numbers VALUES (1, 'b')", &[])
    });
    assert_eq!(refused.unwrap_err().class(), ErrorClass::Constraint);
    assert_eq!(count(database), 0);

    let runs = AtomicU32::new(0);
    let first = worker_pid(&chain);
    database
        .transaction(|session| {
            session.execute("INSERT INTO numbers VALUES (2, 'a')", &[])?;
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                kill(first, Signal::KILL);
            }
            session.execute("INSERT INTO numbers VALUES (3, 'b')", &[])
        })
        .unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert_eq!(count(database), 2);
    assert_ne!(worker_pid(&chain), first);
}

#[test]
fn reads_go_on_through_a_kill() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    kill(worker_pid(&chain), Signal::KILL);
    assert_eq!(count(database), 1);
}

#[test]
fn a_snapshot_does_not_move_and_sees_no_writes() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    database
        .snapshot(|session| {
            let count = |session: &mut code_analysis_host::driver::session::Session| {
                session.query_first("SELECT count(*) FROM numbers", &[], |row| Ok(row.i64(0)?))
            };
            assert_eq!(count(session)?, Some(1));
            insert(database, 2)?;
            assert_eq!(count(session)?, Some(1));
            let error = session
                .execute("INSERT INTO numbers VALUES (9, 'x')", &[])
                .unwrap_err();
            assert_eq!(error.class(), ErrorClass::ReadOnly);
            Ok(())
        })
        .unwrap();
    assert_eq!(count(database), 2);
}

#[test]
fn an_idle_transaction_is_rolled_back_and_its_owner_is_told() {
    let chain = Chain::with_worker_options(&json!({ "idle_transaction_seconds": 1 }));
    let database = numbers(&chain);
    let started = Instant::now();
    let error = database
        .transaction(|session| {
            session.execute("INSERT INTO numbers VALUES (1, 'a')", &[])?;
            // Long after the limit the owner still hears why, however late it asks.
            thread::sleep(Duration::from_millis(3500));
            // Somebody else could write meanwhile.
            insert(database, 2)?;
            session.execute("INSERT INTO numbers VALUES (3, 'b')", &[])
        })
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::IdleTransaction, "{error}");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(count(database), 1);
}

#[test]
fn a_large_result_streams_and_a_reader_may_stop_in_the_middle() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let text = "0123456789".repeat(20);
    database
        .transaction(|session| {
            let mut batch = RowBlock::new(2);
            for n in 0..50_000 {
                batch.push_row([ValueRef::I64(n), ValueRef::Text(&text)]);
            }
            session.execute_many("INSERT INTO numbers VALUES (?, ?)", &mut batch)
        })
        .unwrap();
    let (mut rows, mut sum) = (0, 0);
    database
        .read(|session| {
            (rows, sum) = (0, 0);
            session.query_each("SELECT n, text FROM numbers ORDER BY n", &[], |row| {
                assert_eq!(row.text(1)?.len(), 200);
                sum += row.i64(0)?;
                rows += 1;
                Ok(Flow::Continue)
            })
        })
        .unwrap();
    assert_eq!((rows, sum), (50_000, 50_000 * 49_999 / 2));
    // Stopping early leaves a connection that works.
    for _ in 0..3 {
        let mut seen = 0;
        database
            .read(|session| {
                seen = 0;
                session.query_each("SELECT n, text FROM numbers", &[], |_| {
                    seen += 1;
                    Ok(if seen == 3 {
                        Flow::Stop
                    } else {
                        Flow::Continue
                    })
                })?;
                session.query_first("SELECT max(n) FROM numbers", &[], |row| {
                    assert_eq!(row.i64(0)?, 49_999);
                    Ok(())
                })
            })
            .unwrap();
        assert_eq!(seen, 3);
    }
}

#[test]
fn a_running_statement_is_cancelled_from_another_thread() {
    let chain = Chain::new();
    let database = chain.driver().raw_database();
    let endless =
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";
    database
        .read(|session| {
            let handle = session.cancel_handle().unwrap();
            let canceller = thread::spawn(move || {
                thread::sleep(Duration::from_millis(200));
                handle.cancel().unwrap();
            });
            let error = session.query_first(endless, &[], |_| Ok(())).unwrap_err();
            canceller.join().unwrap();
            assert_eq!(error.class(), ErrorClass::Cancelled);
            // The connection works on.
            let one = session.query_first("SELECT 1", &[], |row| Ok(row.i64(0)?))?;
            assert_eq!(one, Some(1));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_write_with_rows_goes_to_the_writer() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let id = database.once(|session| {
        session.query_first(
            "INSERT INTO numbers VALUES (NULL, 'x') RETURNING n",
            &[],
            |row| Ok(row.i64(0)?),
        )
    });
    assert_eq!(id.unwrap(), Some(1));
    assert_eq!(count(database), 1);
}

#[test]
fn what_would_reach_other_files_is_refused_by_the_engine() {
    let chain = Chain::new();
    let database = chain.driver().raw_database();
    for sql in [
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'copy.db'",
        "PRAGMA journal_mode = DELETE",
    ] {
        let error = database
            .once(|session| session.execute(sql, &[]))
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Access, "{sql}: {error}");
    }
    let error = database
        .once(|session| session.execute("SELECT 1; SELECT 2", &[]))
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Syntax);
}

#[test]
fn clients_that_break_the_protocol_harm_nobody() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let socket = chain.socket();
    let hostile: [&[u8]; 5] = [
        &[0xff; 5],
        &[0xff, 0xff, 0xff, 0xff, 1],
        &[0, 0, 0, 0, 99],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[10, 0, 0, 0, 1, b'{'],
    ];
    for bytes in hostile {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut answer = Vec::new();
        // Whatever the worker says, it ends the conversation.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 1000);
    }
    insert(database, 1).unwrap();
    assert_eq!(count(database), 1);
    assert_eq!(chain.app.workers().status()[0].restarts, 0);
}

#[test]
fn a_client_that_vanishes_in_a_transaction_leaves_the_writer_free() {
    let chain = Chain::new();
    let database = numbers(&chain);
    // A thread that panics inside a transaction loses its connection, as a process that dies would.
    let panicked = thread::scope(|scope| {
        let vanishing = scope.spawn(|| {
            database.transaction(|session| -> driver_api::Result<()> {
                session.execute("INSERT INTO numbers VALUES (1, 'a')", &[])?;
                panic!("the client vanishes");
            })
        });
        vanishing.join().is_err()
    });
    assert!(panicked);
    let started = Instant::now();
    insert(database, 2).unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(count(database), 1);
}

#[test]
fn many_hosts_that_start_at_once_share_one_worker() {
    use crate::support::sandbox::{Sandbox, finish};
    let sandbox = Sandbox::new();
    let outputs: Vec<_> = thread::scope(|scope| {
        let hosts: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| finish(&mut sandbox.command(&["call", "list_projects", "--json"])))
            })
            .collect();
        hosts.into_iter().map(|host| host.join().unwrap()).collect()
    });
    for output in outputs {
        assert_eq!(output.ok().json()["count"], 0);
    }
}
