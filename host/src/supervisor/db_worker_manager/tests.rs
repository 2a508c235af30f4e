//! Several hosts in one process, real worker processes, and one database.

use super::*;
use crate::foundation::plugin_image::PluginImage;
use crate::supervisor::test_worker::{self, process_exists, send, wait_until};
use crate::supervisor::worker_status::WorkerState;
use rustix::process::Signal;
use serde_json::json;
use std::process::Command;
use tempfile::TempDir;

/// A database's directory, and hosts that start the test worker for it.
struct Bench {
    directory: TempDir,
}

impl Bench {
    /// The worker executable is a script, since a host decides the arguments of its workers itself.
    fn new(behaviour: &str) -> Bench {
        let directory = TempDir::new().unwrap();
        let program = std::env::current_exe().unwrap();
        let script = format!(
            "#!/bin/sh\n{}='{behaviour}' exec '{}' {}\n",
            test_worker::BEHAVIOUR,
            program.display(),
            test_worker::args().join(" ")
        );
        // Written by another process: a descriptor that a concurrent fork inherits would make it
        // busy.
        let write = "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"";
        let path = directory.path().join("host.sh");
        let mut shell = Command::new("sh");
        shell.args(["-c", write, "sh", &script]).arg(&path);
        assert!(shell.status().unwrap().success());
        Bench { directory }
    }

    fn host(&self, mode: DbWorkerMode) -> DbWorkerManager {
        let file = json!({"code_analysis": {"database": {"worker": {"executable": "host.sh"}}}});
        let config = Config::from_value(file, self.directory.path()).unwrap();
        let workers = Arc::new(WorkerManager::new());
        let host = DbWorkerManager::initialize_from_config(&config, workers, mode);
        DbWorkerManager {
            patience: test_worker::PATIENCE,
            ..host
        }
    }

    fn request(&self) -> DbWorkerRequest {
        DbWorkerRequest {
            driver: "sqlite".into(),
            plugin: PluginImage {
                file: "/p/libsqlite.so".into(),
                hash: "aa".into(),
            },
            note_calls: false,
            crashes: None,
            options: Map::new(),
            database: self.directory.path().join("x.db"),
            is_damaged: false,
        }
    }
}

fn only_state(host: &DbWorkerManager) -> WorkerState {
    let status = host.workers.status();
    assert_eq!(status.len(), 1);
    status[0].state
}

#[test]
fn callers_of_one_host_share_one_worker() {
    let bench = Bench::new("database");
    let host = bench.host(DbWorkerMode::LaunchOrAdopt);
    assert_eq!(host.db_type(), "sqlite");
    let endpoints: Vec<DbEndpoint> = thread::scope(|scope| {
        let callers: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| host.ensure_worker_running(&bench.request()).unwrap()))
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .collect()
    });
    assert!(
        endpoints
            .iter()
            .all(|endpoint| *endpoint == endpoints[0] && !endpoint.adopted)
    );
    let status = host.workers.status();
    assert_eq!((status.len(), status[0].pid), (1, Some(endpoints[0].pid)));
    assert!(status[0].name.starts_with("database:/"));
    assert_eq!(status[0].log_path, host.config.database.worker.log_path);
}

#[test]
fn a_caller_waits_while_another_sees_to_the_same_database() {
    let bench = Bench::new("database");
    let host = bench.host(DbWorkerMode::LaunchOrAdopt);
    let slot = host.slot(&bench.request().database);
    let busy = slot.lock().unwrap();
    thread::scope(|scope| {
        let caller = scope.spawn(|| host.ensure_worker_running(&bench.request()).unwrap());
        thread::sleep(Duration::from_millis(50));
        assert!(host.workers.status().is_empty());
        drop(busy);
        assert_eq!(
            Some(caller.join().unwrap().pid),
            host.workers.status()[0].pid
        );
    });
}

#[test]
fn hosts_that_race_agree_on_one_owner() {
    let bench = Bench::new("database");
    let hosts: Vec<DbWorkerManager> = (0..4)
        .map(|_| bench.host(DbWorkerMode::LaunchOrAdopt))
        .collect();
    let endpoints: Vec<DbEndpoint> = thread::scope(|scope| {
        let callers: Vec<_> = hosts
            .iter()
            .map(|host| scope.spawn(|| host.ensure_worker_running(&bench.request()).unwrap()))
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .collect()
    });
    assert!(
        endpoints
            .iter()
            .all(|endpoint| endpoint.pid == endpoints[0].pid),
        "{endpoints:?}"
    );
    assert_eq!(
        endpoints
            .iter()
            .filter(|endpoint| !endpoint.adopted)
            .count(),
        1,
        "{endpoints:?}"
    );
    let adopted = hosts
        .iter()
        .filter(|host| only_state(host) == WorkerState::Adopted);
    assert_eq!(adopted.count(), 3);
}

#[test]
fn when_the_owner_goes_another_host_takes_over() {
    let bench = Bench::new("database");
    let first = bench.host(DbWorkerMode::LaunchOrAdopt);
    let second = bench.host(DbWorkerMode::LaunchOrAdopt);
    let owned = first.ensure_worker_running(&bench.request()).unwrap();
    assert!(
        second
            .ensure_worker_running(&bench.request())
            .unwrap()
            .adopted
    );
    drop(first);
    assert!(!process_exists(owned.pid) && !owned.socket.exists());
    let taken = second.ensure_worker_running(&bench.request()).unwrap();
    assert!(!taken.adopted && taken.pid != owned.pid);
    assert_eq!(only_state(&second), WorkerState::Ready);
}

#[test]
fn a_killed_worker_is_replaced_under_the_same_socket() {
    let bench = Bench::new("database");
    let host = bench.host(DbWorkerMode::LaunchOrAdopt);
    let before = host.ensure_worker_running(&bench.request()).unwrap();
    send(before.pid, Signal::KILL);
    wait_until("a restart", || host.workers.status()[0].restarts == 1);
    let after = host.ensure_worker_running(&bench.request()).unwrap();
    assert_eq!(after.socket, before.socket);
    assert_ne!(after.pid, before.pid);
}

#[test]
fn a_worker_process_only_adopts() {
    let bench = Bench::new("database");
    let mut client = bench.host(DbWorkerMode::AdoptOnly);
    client.patience = Duration::from_millis(30);
    let error = client.ensure_worker_running(&bench.request()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("for 0.03 s: there is no owner file"),
        "{error}"
    );
    client.patience = test_worker::PATIENCE;
    let (waited, owned) = thread::scope(|scope| {
        let waiting = scope.spawn(|| client.ensure_worker_running(&bench.request()).unwrap());
        let host = bench.host(DbWorkerMode::LaunchOrAdopt);
        let owned = host.ensure_worker_running(&bench.request()).unwrap();
        (waiting.join().unwrap(), owned)
    });
    assert_eq!(
        waited,
        DbEndpoint {
            adopted: true,
            ..owned
        }
    );
}

#[test]
fn a_refusal_is_an_error_and_tried_again_only_later() {
    let bench = Bench::new("refuse");
    let host = bench.host(DbWorkerMode::LaunchOrAdopt);
    for _ in 0..2 {
        let error = host
            .ensure_worker_running(&bench.request())
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("refuses to start (read_only): the file system is read-only"),
            "{error}"
        );
    }
}

#[test]
fn names_of_sockets_are_short_and_differ() {
    assert_eq!(digest(Path::new("/a.db")).len(), 16);
    assert_ne!(digest(Path::new("/a.db")), digest(Path::new("/b.db")));
}
