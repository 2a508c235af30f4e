//! Limits of the system that the DB worker runs into: file descriptors, threads, clocks.

use std::os::unix::net::UnixStream;
use std::{fs, thread};

use driver_api::ErrorClass;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

use super::{insert_bytes, restarts};
use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::processes::{is_alive, kill};
use crate::support::repository;
use crate::support::server::eventually;

/// Bytes of the address space that a process has.
fn address_space(pid: u32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
    pages * 4096
}

fn entries(pid: u32, what: &str) -> u64 {
    fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count() as u64
}

#[test]
fn a_worker_out_of_file_descriptors_turns_newcomers_away_and_recovers() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let pid = worker_pid(&chain);
    let few = Rlimit {
        current: Some(entries(pid, "fd") + 6),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    prlimit(Pid::from_raw(pid.cast_signed()), Resource::Nofile, few).unwrap();
    let crowd: Vec<UnixStream> = (0..40)
        .map(|_| UnixStream::connect(chain.socket()).unwrap())
        .collect();
    thread::sleep(std::time::Duration::from_millis(300));
    // Who was there goes on.
    for n in 2..10 {
        insert(database, n).unwrap();
    }
    drop(crowd);
    let late =
        Chain::with_database_options(&serde_json::json!({ "path": chain.path().join("code.db") }))
            .unwrap();
    assert_eq!(count(late.driver().raw_database()), 9);
    assert_eq!((worker_pid(&chain), restarts(&chain)), (pid, 0));
}

#[test]
fn a_worker_that_can_start_no_thread_serves_on() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let pid = worker_pid(&chain);
    // Root has no limit on processes, so it is the room for threads' stacks that is taken away.
    let worker = Pid::from_raw(pid.cast_signed());
    let tight = Rlimit {
        current: Some(address_space(pid) + (12 << 20)),
        maximum: None,
    };
    prlimit(worker, Resource::As, tight).unwrap();
    let crowd: Vec<UnixStream> = (0..60)
        .map(|_| UnixStream::connect(chain.socket()).unwrap())
        .collect();
    thread::sleep(std::time::Duration::from_millis(300));
    for n in 2..10 {
        insert(database, n).unwrap();
    }
    drop(crowd);
    assert_eq!(count(database), 9);
}

/// What it cannot hold ends the worker, or the call; the next worker has all memory, and nobody loses anything.
#[test]
fn a_worker_without_memory_is_replaced_and_what_it_was_asked_is_done_once() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let pid = worker_pid(&chain);
    let tight = Rlimit {
        current: Some(address_space(pid) + (8 << 20)),
        maximum: None,
    };
    prlimit(Pid::from_raw(pid.cast_signed()), Resource::As, tight).unwrap();
    let mut rows = 1;
    for n in 2..5 {
        match insert_bytes(database, n, 56 << 20) {
            Ok(_) => rows += 1,
            Err(error) => assert_eq!(error.class(), ErrorClass::LimitExceeded, "{error}"),
        }
    }
    assert_eq!(count(database), rows);
    // Without a limit at least the last one has succeeded.
    assert_ne!((worker_pid(&chain), rows), (pid, 4));
    assert_eq!(insert(database, 9), Ok(1));
}

#[test]
fn killed_workers_leave_no_zombies() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let mut killed = Vec::new();
    for n in 0..6 {
        insert(database, n).unwrap();
        let pid = worker_pid(&chain);
        kill(pid, Signal::KILL);
        eventually("it is reaped", || {
            (!fs::exists(format!("/proc/{pid}")).unwrap()).then_some(())
        });
        eventually("another is there", || {
            let status = chain.app.workers().status();
            status
                .iter()
                .any(|worker| worker.pid.is_some())
                .then_some(())
        });
        killed.push(pid);
    }
    assert_eq!(count(database), 6);
    assert!(is_alive(worker_pid(&chain)));
    assert_eq!(killed.len(), 6);
}

#[test]
fn only_dates_that_people_read_come_from_a_clock_that_can_jump() {
    let may = [
        // Dates of files and of rows, names of copies, times in answers; and of records that outlive processes,
        // which are kept for a day.
        "host/src/code_db/registration.rs",
        "host/src/commands/get_worker_status.rs",
        "host/src/commands/jobs/cell.rs",
        "host/src/commands/jobs/journal.rs",
        "host/src/commands/jobs/state.rs",
        "host/src/db_worker/database_file.rs",
        "host/src/db_worker/log_evidence.rs",
        "host/src/foundation/owner_lock.rs",
        "host/src/db_worker/write_records.rs",
        "host/src/foundation/telemetry.rs",
        "host/src/indexing/drift.rs",
        "host/src/indexing/scan.rs",
        "host/src/indexing/source_file.rs",
        "host/src/plugins/crash_log.rs",
        "host/src/plugins/last_words.rs",
        "host/src/plugins/private_copy.rs",
        "host/src/plugins/verdict_cache.rs",
        "host/src/server/http.rs",
        "host/src/universal_driver/maintenance/calendar.rs",
        "host/src/workers/file_watcher/status.rs",
    ];
    let mut found = Vec::new();
    let mut left: Vec<_> = ["host/src", "driver-api/src", "plugins"]
        .map(|directory| repository().join(directory))
        .into();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && fs::read_to_string(&path).unwrap().contains("SystemTime")
        {
            let relative = path.strip_prefix(repository()).unwrap();
            found.push(relative.to_str().unwrap().to_owned());
        }
    }
    found.retain(|path| !may.contains(&path.as_str()));
    assert!(
        found.is_empty(),
        "timeouts are counted by `Instant`: {found:?}"
    );
}
