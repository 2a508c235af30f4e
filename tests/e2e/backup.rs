//! Backups through the whole chain: consistent under load, whole or absent, and in nobody's way.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use code_analysis_host::driver::database::Database;
use code_analysis_host::foundation::cancellation::Cancellation;
use driver_api::{BackupPhase, ErrorClass, ValueRef};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::processes::kill;

/// Accounts of the bank, and what each begins with.
const ACCOUNTS: i64 = 50;
const BALANCE: i64 = 1000;

/// So many megabytes of rows that nobody looks at.
fn fill(database: &Database, megabytes: i64) {
    let sql = "INSERT INTO numbers WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT ?) \
               SELECT n + 1000000, hex(randomblob(512)) FROM c";
    database
        .once(|session| session.execute(sql, &[ValueRef::I64(megabytes * 1000)]))
        .unwrap();
}

fn backup(database: &Database, target: &Path) -> driver_api::Result<()> {
    database.backup(target, |_| {}, &Cancellation::default())
}

/// What lies in the directory of the target and bears its name, with or without an ending.
fn names(target: &Path) -> Vec<String> {
    let name = target.file_name().unwrap().to_str().unwrap();
    let entries = fs::read_dir(target.parent().unwrap()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|entry| entry.starts_with(name))
        .collect()
}

/// A host of its own on the copy.
fn open(copy: &Path) -> Chain {
    let directory = TempDir::with_prefix("cah").unwrap();
    fs::copy(copy, directory.path().join("code.db")).unwrap();
    Chain::in_directory(directory, &json!({}))
}

fn transfer(database: &Database, from: i64, to: i64) -> driver_api::Result<()> {
    database.transaction(|session| {
        let add = "UPDATE accounts SET balance = balance + ?, moves = moves + 1 WHERE id = ?";
        session.execute(add, &[ValueRef::I64(-1), ValueRef::I64(from)])?;
        session.execute(add, &[ValueRef::I64(1), ValueRef::I64(to)])?;
        Ok(())
    })
}

fn sums(database: &Database) -> (i64, i64) {
    let sql = "SELECT sum(balance), sum(moves) FROM accounts";
    let read = |session: &mut code_analysis_host::driver::session::Session| {
        session.query_first(sql, &[], |row| Ok((row.i64(0)?, row.i64(1)?)))
    };
    database.read(read).unwrap().unwrap()
}

#[test]
fn a_copy_that_is_made_while_others_write_is_one_moment_of_the_database() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let bank = "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, moves INTEGER NOT NULL)";
    let open_accounts = "INSERT INTO accounts WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT ?) \
                         SELECT n, ?, 0 FROM c";
    database
        .transaction(|session| {
            session.execute(bank, &[])?;
            session.execute(
                open_accounts,
                &[ValueRef::I64(ACCOUNTS), ValueRef::I64(BALANCE)],
            )
        })
        .unwrap();
    fill(database, 20);
    let target = chain.path().join("copy.db");
    let (stop, moved) = (AtomicBool::new(false), AtomicU64::new(0));
    let (before, after) = thread::scope(|scope| {
        for client in 0..4i64 {
            let (stop, moved) = (&stop, &moved);
            scope.spawn(move || {
                let mut turn = client;
                while !stop.load(Ordering::Relaxed) {
                    turn += 7;
                    transfer(database, turn % ACCOUNTS + 1, (turn * 3) % ACCOUNTS + 1).unwrap();
                    moved.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        while moved.load(Ordering::SeqCst) < 10 {
            thread::yield_now();
        }
        let before = moved.load(Ordering::SeqCst);
        backup(database, &target).unwrap();
        stop.store(true, Ordering::Relaxed);
        (before, moved.load(Ordering::SeqCst))
    });
    // Others went on while the copy was made.
    assert!(after > before, "{before} and {after}");
    let copy = open(&target);
    let (balance, moves) = sums(copy.driver().raw_database());
    assert_eq!(balance, ACCOUNTS * BALANCE);
    // Not older than the call, not newer than its end, four transfers under way aside.
    let transfers = u64::try_from(moves / 2).unwrap();
    assert!(
        (before..=after + 4).contains(&transfers),
        "{before}, {transfers}, {after}"
    );
    assert_eq!(count(copy.driver().raw_database()), 20_000);
    assert_eq!(names(&target), ["copy.db"]);
}

#[test]
fn whoever_waits_hears_how_far_it_is_and_can_stop_it() {
    let chain = Chain::new();
    let database = numbers(&chain);
    fill(database, 2);
    let target = chain.path().join("copy.db");
    let cancel = Cancellation::default();
    let mut told = Vec::new();
    let stopped = database.backup(
        &target,
        |at| {
            told.push(at);
            cancel.cancel();
        },
        &cancel,
    );
    let error = stopped.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Cancelled, "{error}");
    assert_eq!(names(&target), Vec::<String>::new());
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].phase, BackupPhase::Copying);
    assert!(
        told[0].done > 0 && told[0].done <= told[0].total,
        "{told:?}"
    );
    // The same name is free, and the connection good for more.
    backup(database, &target).unwrap();
    let size = fs::metadata(&target).unwrap().len();
    assert_eq!(told[0].total, size);
    let error = backup(database, &target).unwrap_err();
    assert_eq!(error.class(), ErrorClass::AlreadyExists, "{error}");
    assert_eq!(fs::metadata(&target).unwrap().len(), size);
}

#[test]
fn a_worker_that_dies_in_the_middle_leaves_no_file_of_that_name_and_the_next_backup_cleans_up() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    fill(database, 30);
    let attempt = |number: u32| -> Option<PathBuf> {
        let target = chain.path().join(format!("copy-{number}.db"));
        let victim = worker_pid(&chain);
        let made = database.backup(
            &target,
            |_| {
                // An earlier one may be dead already.
                if worker_pid(&chain) == victim {
                    kill(victim, Signal::KILL);
                }
            },
            &Cancellation::default(),
        );
        match made {
            Err(error) => {
                assert_eq!(error.class(), ErrorClass::ConnectionLost, "{error}");
                assert!(!target.exists());
                Some(target)
            }
            // The worker was faster than the signal.
            Ok(()) => None,
        }
    };
    let target = (0..20).find_map(attempt).unwrap();
    assert_eq!(count(database), 30_001);
    backup(database, &target).unwrap();
    let name = target.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(names(&target), [name]);
    assert_eq!(count(open(&target).driver().raw_database()), 30_001);
}

#[test]
fn a_place_that_cannot_be_used_is_told_and_the_database_goes_on() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let error = backup(database, &chain.path().join("missing/copy.db")).unwrap_err();
    assert_eq!(error.class(), ErrorClass::NotFound, "{error}");
    assert!(error.to_string().contains("missing/copy.db"), "{error}");
    let error = backup(database, Path::new("/dev/full")).unwrap_err();
    assert_eq!(error.class(), ErrorClass::AlreadyExists, "{error}");
    insert(database, 2).unwrap();
    assert_eq!(count(database), 2);
}
