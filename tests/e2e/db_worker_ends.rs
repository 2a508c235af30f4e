//! What ends too early at the DB worker: its own life, its clients, and transactions.

use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use driver_api::{ErrorClass, Flow};
use rustix::process::Signal;
use serde_json::json;

use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::processes::kill;
use crate::support::sandbox::Sandbox;
use crate::support::server::eventually;

#[test]
fn a_query_that_streams_while_the_worker_is_told_to_stop_loses_no_rows() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let many = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300000) \
                SELECT n, 'some text that fills a block' FROM c";
    let told = AtomicU32::new(0);
    let mut rows = 0;
    database
        .read(|session| {
            rows = 0;
            session.query_each(many, &[], |_| {
                rows += 1;
                if rows == 10 && told.fetch_add(1, Ordering::SeqCst) == 0 {
                    kill(worker_pid(&chain), Signal::TERM);
                    thread::sleep(Duration::from_millis(300));
                }
                Ok(Flow::Continue)
            })
        })
        .unwrap();
    assert_eq!(rows, 300_000);
    assert_eq!(count(database), 0);
}

#[test]
fn queries_of_clients_that_vanished_are_stopped() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let endless =
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c";
    // More of them than there are reading connections.
    for _ in 0..6 {
        let mut client = sandbox.command(&["sql", endless]);
        let mut client = client
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(200));
        client.kill().unwrap();
        client.wait().unwrap();
    }
    let answered = Instant::now();
    let one = sandbox
        .host(&["sql", "SELECT 1 AS one", "--format", "csv"])
        .ok();
    assert_eq!(one.stdout.lines().nth(1), Some("1"));
    assert!(answered.elapsed() < Duration::from_secs(20));
    eventually("only the server itself is connected", || {
        let workers = server.rpc("get_worker_status", &json!({ "worker_type": "database" }));
        workers.to_string().contains("\"sessions\":1").then_some(())
    });
}

#[test]
fn connections_to_an_adopted_worker_outlive_its_host() {
    let directory = tempfile::Builder::new().prefix("cah").tempdir().unwrap();
    let sandbox = Sandbox::new();
    let config =
        sandbox.config(&json!({ "database": { "path": directory.path().join("code.db") } }));
    let server = sandbox.serve(&["--config", &config]);
    let chain = Chain::in_directory(directory, &json!({}));
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let adopted = chain.socket();
    // Its worker ends with it, and nobody but this process is left to start another.
    server.signal(Signal::KILL);
    eventually("the end of the adopted worker", || {
        std::os::unix::net::UnixStream::connect(&adopted).err()
    });
    assert_eq!(insert(database, 2), Ok(1));
    assert_eq!(count(database), 2);
    assert_ne!(chain.socket(), adopted);
}

#[test]
fn after_the_engine_has_ended_a_transaction_nothing_more_of_it_is_written() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let slow = "INSERT INTO numbers WITH RECURSIVE c(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM c \
                WHERE n < 100000000) SELECT n, 'x' FROM c";
    let error = database
        .transaction(|session| {
            session.execute("INSERT INTO numbers VALUES (1, 'a')", &[])?;
            let handle = session.cancel_handle().unwrap();
            let canceller = thread::spawn(move || {
                thread::sleep(Duration::from_millis(200));
                handle.cancel().unwrap();
            });
            let cancelled = session.execute(slow, &[]).unwrap_err();
            canceller.join().unwrap();
            assert_eq!(cancelled.class(), ErrorClass::Cancelled);
            // SQLite has rolled the transaction back; a closure that goes on must not write alone.
            let refused = session.execute("INSERT INTO numbers VALUES (2, 'b')", &[]);
            assert_eq!(refused.unwrap_err().class(), ErrorClass::Cancelled);
            Ok(())
        })
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Cancelled);
    assert_eq!(count(database), 0);
    insert(database, 3).unwrap();
}
