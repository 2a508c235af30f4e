//! The write-ahead log: cut, emptied or folded while nobody looks, and kept from being cut back by a reader.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use driver_api::wire::message::Request;
use driver_api::{ErrorClass, TransactionMode};
use rustix::process::Signal;
use serde_json::json;

use super::{have, insert_bytes};
use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers};
use crate::support::processes::{is_alive, kill};
use crate::support::sandbox::{Output, Sandbox};
use crate::support::server::eventually;
use crate::support::wire_client::WireClient;

/// A database as a killed worker leaves it whose host was killed before: nobody has folded its log.
fn left_by_a_killed_worker() -> Sandbox {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let owner = fs::read(sandbox.state().join("code_analysis.db.worker")).unwrap();
    let owner: serde_json::Value = serde_json::from_slice(&owner).unwrap();
    let worker = u32::try_from(owner["pid"].as_u64().unwrap()).unwrap();
    // Stopped, it cannot end in good order when its host is gone.
    kill(worker, Signal::STOP);
    server.signal(Signal::KILL);
    kill(worker, Signal::KILL);
    eventually("the worker's end", || (!is_alive(worker)).then_some(()));
    sandbox
}

fn log(sandbox: &Sandbox) -> PathBuf {
    sandbox.state().join("code_analysis.db-wal")
}

fn set_length(file: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(file).unwrap();
    file.set_len(length).unwrap();
}

fn list_projects(sandbox: &Sandbox) -> Output {
    sandbox.host(&["call", "list_projects", "--json"])
}

#[test]
fn a_log_that_was_emptied_or_cut_after_a_kill_is_noticed() {
    for (cut, told) in [(0, "was emptied"), (5000, "was cut")] {
        let sandbox = left_by_a_killed_worker();
        assert!(fs::metadata(log(&sandbox)).unwrap().len() > 10_000);
        set_length(&log(&sandbox), cut);
        let output = list_projects(&sandbox);
        assert_ne!(output.status, 0);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(
            said.contains(&format!("code_analysis.db-wal {told}")),
            "{said}"
        );
    }
}

#[test]
fn a_log_that_another_program_has_folded_after_a_kill_is_not_missed() {
    if !have("sqlite3") {
        return;
    }
    let sandbox = left_by_a_killed_worker();
    // Nobody looks at a crashed database that soon; see `log_evidence`.
    thread::sleep(Duration::from_millis(2500));
    let counted = Command::new("sqlite3")
        .arg(sandbox.database())
        .arg("SELECT count(*) FROM projects")
        .output()
        .unwrap();
    assert_eq!(counted.stdout, b"0\n");
    assert!(!log(&sandbox).exists());
    assert_eq!(list_projects(&sandbox).ok().json()["count"], 0);
}

#[test]
fn a_read_that_keeps_the_log_from_being_cut_back_is_ended_and_may_be_asked_again() {
    let limits = json!({ "largest_log_mib": 1, "idle_transaction_seconds": 1 });
    let chain = Chain::with_worker_options(&limits);
    let database = numbers(&chain);
    insert(database, 0).unwrap();
    let mut reader = WireClient::connect(&chain.socket(), "c5a1a7a0-7c5e-4b4e-9d51-0d9b1f1f0009");
    reader
        .ask(&Request::Begin(TransactionMode::ReadOnly))
        .unwrap();
    let look = Request::Query {
        sequence: 1,
        sql: "SELECT count(*) FROM numbers",
        params: &[],
    };
    let mut written = 0;
    // It asks often, so that it is never idle, and its snapshot stays.
    let error = eventually("the end of the read", || {
        written += 1;
        insert_bytes(database, written, 64 * 1024).unwrap();
        reader.send(&look);
        match reader.receive() {
            (rows, Ok(_)) => {
                assert_eq!(rows, [1]);
                None
            }
            (_, Err(error)) => Some(error),
        }
    });
    assert_eq!(
        (error.class(), error.is_retryable()),
        (ErrorClass::Timeout, true),
        "{error}"
    );
    assert!(error.to_string().contains("largest_log_mib"), "{error}");
    // Nothing more is carried out until it has taken note, and then it goes on.
    let again = reader.ask(&Request::Ping).unwrap_err();
    assert_eq!(again.class(), ErrorClass::Timeout);
    reader.ask(&Request::Rollback).unwrap();
    reader.send(&look);
    assert_eq!(reader.receive().0, [written + 1]);
    assert_eq!(count(database), written + 1);
}

#[test]
fn a_long_query_is_ended_in_the_middle_where_the_log_is_too_large() {
    let limits = json!({ "largest_log_mib": 1, "idle_transaction_seconds": 1 });
    let chain = Chain::with_worker_options(&limits);
    let database = numbers(&chain);
    insert(database, 0).unwrap();
    let mut reader = WireClient::connect(&chain.socket(), "c5a1a7a0-7c5e-4b4e-9d51-0d9b1f1f0010");
    reader.send(&Request::Query {
        sequence: 1,
        sql: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) \
              SELECT count(*) FROM c, numbers",
        params: &[],
    });
    let ended = AtomicBool::new(false);
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1.. {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                insert_bytes(database, n, 64 * 1024).unwrap();
            }
        });
        let (_, result) = reader.receive();
        ended.store(true, Ordering::Relaxed);
        result.unwrap_err()
    });
    assert_eq!(
        (error.class(), error.is_retryable()),
        (ErrorClass::Timeout, true),
        "{error}"
    );
    reader.ask(&Request::Ping).unwrap();
}

/// Whoever opens a database and closes it again folds its log, and a worker that cannot listen does just that.
#[test]
fn a_log_that_a_start_has_folded_which_then_failed_is_not_missed() {
    let sandbox = left_by_a_killed_worker();
    let announcement = sandbox.state().join("code_analysis.db.worker");
    let owner: serde_json::Value =
        serde_json::from_slice(&fs::read(&announcement).unwrap()).unwrap();
    let socket = Path::new(owner["socket"].as_str().unwrap());
    assert!(log(&sandbox).exists());
    // A directory cannot be removed as a socket that was left behind.
    fs::remove_file(socket).unwrap();
    fs::create_dir(socket).unwrap();
    let failed = list_projects(&sandbox);
    assert_ne!(failed.status, 0);
    let said = format!("{}{}", failed.stdout, failed.stderr);
    assert!(said.contains("cannot be listened on"), "{said}");
    assert!(!log(&sandbox).exists());
    assert_eq!(fs::read(&announcement).unwrap(), b"");
    fs::remove_dir(socket).unwrap();
    assert_eq!(list_projects(&sandbox).ok().json()["count"], 0);
}
