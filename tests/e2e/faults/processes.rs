//! Hosts that race each other, and hosts and workers that are ended or stopped at the worst moment.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use rustix::process::{Pid, Signal, kill_process};

use super::have;
use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::processes::{is_alive, kill, with_open};
use crate::support::sandbox::{Sandbox, finish};
use crate::support::server::eventually;

#[test]
fn fifty_pairs_of_hosts_that_race_for_the_database_are_all_served() {
    let sandbox = Sandbox::new();
    for pair in 0..50 {
        let outputs: Vec<_> = thread::scope(|scope| {
            let hosts: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        finish(&mut sandbox.command(&["call", "list_projects", "--json"]))
                    })
                })
                .collect();
            hosts.into_iter().map(|host| host.join().unwrap()).collect()
        });
        for output in outputs {
            assert_eq!(output.ok().json()["count"], 0, "pair {pair}");
        }
    }
    let file = sandbox.database().canonicalize().unwrap();
    eventually("all workers have ended", || {
        with_open(&file).is_empty().then_some(())
    });
}

/// Objects of the host's own schema in a file; none while it is being made. A copy is looked at, because SQLite would
/// fold the log into a file that nobody else has open.
fn schema_objects(file: &Path) -> u32 {
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy.db");
    let log = |path: &Path| path.with_extension("db-wal");
    fs::copy(file, &copy).unwrap();
    if log(file).exists() {
        fs::copy(log(file), log(&copy)).unwrap();
    }
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' \
               AND tbl_name NOT LIKE 'code_analysis_worker%'";
    let output = Command::new("sqlite3").arg(copy).arg(sql).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.trim().parse().unwrap_or(0)
}

#[test]
fn a_host_or_worker_that_is_ended_while_it_makes_the_schema_leaves_all_of_it_or_nothing() {
    if !have("sqlite3") {
        return;
    }
    let whole = Sandbox::new();
    whole.host(&["call", "list_projects"]).ok();
    let all = schema_objects(&whole.database());
    assert!(all > 10, "{all}");
    for turn in 0..16u64 {
        let sandbox = Sandbox::new();
        let mut host = sandbox.command(&["call", "list_projects"]);
        let mut host = host
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let database = sandbox.database();
        if turn % 2 == 0 {
            // As soon as there is a file, and a little later each time.
            eventually("the file", || database.exists().then_some(()));
            thread::sleep(Duration::from_millis(turn));
        } else {
            thread::sleep(Duration::from_millis(10 * turn));
        }
        let signal = if turn % 4 < 2 {
            Signal::TERM
        } else {
            Signal::KILL
        };
        // Unreaped, so that the number is still its own.
        kill(host.id(), signal);
        host.wait().unwrap();
        eventually("its worker has ended", || {
            let file = database.canonicalize();
            file.map_or(true, |file| with_open(&file).is_empty())
                .then_some(())
        });
        if database.exists() {
            let found = schema_objects(&database);
            assert!(found == 0 || found == all, "turn {turn}: {found} of {all}");
        }
        sandbox.host(&["call", "list_projects"]).ok();
        assert_eq!(schema_objects(&database), all, "turn {turn}");
    }
}

#[test]
fn a_schema_change_whose_worker_is_told_to_stop_or_killed_is_made_whole_by_the_next() {
    let chain = Chain::new();
    let database = numbers(&chain);
    for turn in 0..8u64 {
        let worker = eventually("a worker", || {
            let status = chain.app.workers().status();
            let pid = status.iter().find_map(|worker| worker.pid);
            pid.filter(|pid| is_alive(*pid))
        });
        let signal = if turn % 2 == 0 {
            Signal::TERM
        } else {
            Signal::KILL
        };
        let mut told = false;
        database
            .transaction(|session| {
                for table in 0..10 {
                    let sql = format!("CREATE TABLE t_{turn}_{table} (a INTEGER)");
                    session.execute(&sql, &[])?;
                    if table == turn && !told {
                        told = true;
                        // It may have ended already, if the last turn's SIGTERM was heard late.
                        let process = Pid::from_raw(worker.cast_signed()).unwrap();
                        let _ = kill_process(process, signal);
                    }
                }
                Ok(())
            })
            .unwrap();
        let tables = database.read(|session| session.tables()).unwrap();
        let prefix = format!("t_{turn}_");
        let made = tables
            .iter()
            .filter(|table| table.name.starts_with(&prefix));
        assert_eq!(made.count(), 10, "turn {turn}");
    }
}

#[test]
fn a_worker_that_stands_still_is_replaced_and_its_callers_are_answered() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let stopped = worker_pid(&chain);
    kill(stopped, Signal::STOP);
    // One of its threads has to run for that, and others may answer until then.
    let state = || fs::read_to_string(format!("/proc/{stopped}/stat")).unwrap();
    eventually("a worker that stands still", || {
        state().contains(") T ").then_some(())
    });
    // Waits for the watchdog, which takes 15 s of silence for death.
    insert(database, 2).unwrap();
    assert_eq!(count(database), 2);
    assert!(!is_alive(stopped));
    assert!(!fs::exists(format!("/proc/{stopped}")).unwrap());
}
