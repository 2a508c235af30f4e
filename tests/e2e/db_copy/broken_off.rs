//! Copies that do not come to their end: the target is what it was before, and the next copy succeeds.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::{Side, copy, exists, large};
use crate::support::processes::{is_alive, kill, tree};
use crate::support::sandbox::Sandbox;
use crate::support::server::PATIENCE;

const ROWS: u32 = 15_000;

/// What is not yet committed goes into the write-ahead log early, so that a test sees how far a copy is.
fn small_cache() -> serde_json::Value {
    json!({ "cache_kib": 64 })
}

fn start(sandbox: &Sandbox, from: &Side, to: &Side, more: &[&str]) -> Child {
    let mut arguments = vec!["db", "copy", "--from", &from.config, "--to", &to.config];
    arguments.extend(more);
    let mut command = sandbox.command(&arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits until the target's write-ahead log has this many bytes; false when the copy ended before.
fn wait_for_log(copying: &mut Child, target: &Side, bytes: u64) -> bool {
    let log = target.file.with_extension("db-wal");
    let deadline = Instant::now() + PATIENCE;
    while size(&log) < bytes {
        if copying.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < deadline, "the copy does not get on");
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

#[test]
fn a_copy_that_is_killed_leaves_an_empty_target_empty() {
    let sandbox = Sandbox::new();
    let source = large(&sandbox, "a", ROWS);
    let whole = source.dump();
    let mut seen = 0;
    for (number, bytes) in [0, 1, 300_000, 2_000_000].into_iter().enumerate() {
        let target = Side::with_options(&sandbox, &format!("b{number}"), small_cache());
        let mut copying = start(&sandbox, &source, &target, &[]);
        let caught = wait_for_log(&mut copying, &target, bytes);
        copying.kill().unwrap();
        copying.wait().unwrap();
        assert!(
            caught,
            "the copy was complete before it could be killed at {bytes}"
        );
        if exists(&target.file) {
            seen += 1;
            assert_eq!(target.count(), 0, "killed at {bytes}");
        }
        copy(&sandbox, &source, &target, &[]).ok();
        assert!(target.dump() == whole, "killed at {bytes}");
    }
    assert!(seen >= 2, "{seen}");
}

#[test]
fn a_replacement_that_is_killed_leaves_what_was_there() {
    let sandbox = Sandbox::new();
    let source = large(&sandbox, "a", ROWS);
    let target = Side::with_options(&sandbox, "b", small_cache());
    copy(&sandbox, &Side::legacy(&sandbox, "old"), &target, &[]).ok();
    let before = target.dump();
    for bytes in [100_000, 2_000_000] {
        let mut copying = start(&sandbox, &source, &target, &["--replace"]);
        assert!(wait_for_log(&mut copying, &target, bytes));
        copying.kill().unwrap();
        copying.wait().unwrap();
        assert_eq!(target.dump(), before, "killed at {bytes}");
    }
    copy(&sandbox, &source, &target, &["--replace"]).ok();
    assert!(source.dump() == target.dump());
}

#[test]
fn an_interrupted_copy_stops_and_says_what_is_left() {
    let sandbox = Sandbox::new();
    let source = large(&sandbox, "a", ROWS);
    for (name, signal) in [("int", Signal::INT), ("term", Signal::TERM)] {
        let target = Side::with_options(&sandbox, name, small_cache());
        let mut copying = start(&sandbox, &source, &target, &[]);
        assert!(wait_for_log(&mut copying, &target, 300_000));
        let workers = tree(copying.id());
        kill(copying.id(), signal);
        let ended = copying.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(130));
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(
            told,
            "stopping; the target will be as it was before; interrupt again to stop at once\n\
             error: the copy was stopped; the target is as it was before, so the same command starts over\n"
        );
        // The host itself and a worker for each side, and none is left.
        assert_eq!(workers.len(), 3, "{workers:?}");
        assert!(
            workers.iter().all(|process| !is_alive(process.pid)),
            "{workers:?}"
        );
        assert_eq!(target.count(), 0);
    }
}

#[test]
fn a_worker_that_is_killed_is_replaced_and_the_copy_completed() {
    let sandbox = Sandbox::new();
    let source = large(&sandbox, "a", ROWS);
    let target = Side::with_options(&sandbox, "b", small_cache());
    let mut copying = start(&sandbox, &source, &target, &[]);
    assert!(wait_for_log(&mut copying, &target, 300_000));
    let host = copying.id();
    for worker in tree(host).iter().filter(|process| process.pid != host) {
        kill(worker.pid, Signal::KILL);
    }
    let ended = copying.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{told}");
    assert!(source.dump() == target.dump());
}
