//! Who owns the database while `serve` runs, and what is left when it ends or its worker is killed.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::support::fixture;
use crate::support::processes::{is_alive, kill, tree, with_mapped, with_open};
use crate::support::sandbox::{Sandbox, plugins_dir};
use crate::support::server::{Server, eventually};

fn shop(sandbox: &Sandbox) -> Server {
    let shop = fixture("shop");
    sandbox.serve(&["--watch", shop.to_str().unwrap()])
}

/// The number of files that the server knows, once the first scan has found the four of the shop.
fn wait_for_shop(server: &Server) {
    eventually("the shop is indexed", || {
        let files = server.rpc("list_project_files", &json!({}));
        (files["total"] == 4).then_some(())
    });
}

fn worker_pid(server: &Server) -> u32 {
    let workers = server.rpc("get_worker_status", &json!({ "worker_type": "database" }));
    find_pid(&workers).unwrap_or_else(|| panic!("no DB worker in {workers}"))
}

fn find_pid(value: &Value) -> Option<u32> {
    match value {
        Value::Object(map) => match map.get("pid").and_then(Value::as_u64) {
            Some(pid) => u32::try_from(pid).ok(),
            None => map.values().find_map(find_pid),
        },
        Value::Array(items) => items.iter().find_map(find_pid),
        _ => None,
    }
}

/// A file or socket that a process has open.
#[derive(Debug, PartialEq)]
struct Descriptor {
    number: u32,
    what: Option<PathBuf>,
    closes_on_exec: bool,
}

/// Those of a process but for the standard ones.
fn descriptors(pid: u32) -> Vec<Descriptor> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))
        .unwrap()
        .flatten()
    {
        let number: u32 = entry.file_name().to_str().unwrap().parse().unwrap();
        // One that is closed meanwhile is nothing to look at.
        let Ok(told) = fs::read_to_string(entry.path()) else {
            continue;
        };
        let flags = told.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = u64::from_str_radix(flags.unwrap().trim(), 8).unwrap();
        if number > 2 {
            found.push(Descriptor {
                number,
                what: fs::read_link(format!("/proc/{pid}/fd/{number}")).ok(),
                closes_on_exec: flags & 0o2_000_000 != 0,
            });
        }
    }
    found
}

#[test]
fn no_process_gives_away_its_memory_or_its_files() {
    // What the shell gives may be none already.
    let before = getrlimit(Resource::Core);
    let all = Rlimit {
        current: before.maximum,
        maximum: before.maximum,
    };
    setrlimit(Resource::Core, all).unwrap();
    let sandbox = Sandbox::new();
    let server = shop(&sandbox);
    wait_for_shop(&server);
    setrlimit(Resource::Core, before).unwrap();
    // What the test itself was given to hand on is not theirs.
    let given = descriptors(std::process::id());
    let processes = tree(server.pid());
    // The server, its DB worker and its file watcher.
    assert!(processes.len() >= 3, "{processes:?}");
    for process in processes {
        let limits = fs::read_to_string(format!("/proc/{}/limits", process.pid)).unwrap();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let soft = core.unwrap().split_whitespace().nth(4);
        assert_eq!(soft, Some("0"), "{}: {limits}", process.command);
        for descriptor in descriptors(process.pid) {
            assert!(
                descriptor.closes_on_exec || given.contains(&descriptor),
                "{}: {descriptor:?}",
                process.command
            );
        }
    }
}

#[test]
fn exactly_the_db_worker_has_the_file_open_and_the_sqlite_plugin_mapped() {
    let sandbox = Sandbox::new();
    let server = shop(&sandbox);
    wait_for_shop(&server);
    let worker = worker_pid(&server);
    let database = sandbox.database().canonicalize().unwrap();

    let open: Vec<u32> = with_open(&database)
        .iter()
        .map(|process| process.pid)
        .collect();
    assert_eq!(open, [worker]);
    let mapped = with_mapped(server.pid(), &plugins_dir().join("libdriver_sqlite.so"));
    let pids: Vec<u32> = mapped.iter().map(|process| process.pid).collect();
    assert_eq!(pids, [worker], "{mapped:?}");
    assert!(mapped[0].command.ends_with("worker database"), "{mapped:?}");
    // The proxy is where it belongs, so that the check above would have found a second mapping.
    let proxies = with_mapped(
        server.pid(),
        &plugins_dir().join("libdriver_sqlite_proxy.so"),
    );
    assert!(
        proxies.iter().any(|process| process.pid == server.pid()),
        "{proxies:?}"
    );
}

#[test]
fn a_killed_db_worker_is_replaced_and_the_next_command_succeeds() {
    let sandbox = Sandbox::new();
    let server = shop(&sandbox);
    wait_for_shop(&server);
    let first = worker_pid(&server);
    kill(first, Signal::KILL);
    let files = server.rpc("list_project_files", &json!({}));
    assert_eq!(files["total"], 4);
    let second = worker_pid(&server);
    assert_ne!(first, second);
    assert!(is_alive(second) && !is_alive(first));
}

#[test]
fn sigterm_leaves_no_process_and_no_socket() {
    let sandbox = Sandbox::new();
    let mut server = shop(&sandbox);
    wait_for_shop(&server);
    let family = tree(server.pid());
    assert!(
        family.len() >= 3,
        "host, DB worker and file watcher: {family:?}"
    );
    assert!(fs::read_dir(sandbox.sockets()).unwrap().count() > 0);
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(0));
    for process in family {
        assert!(!is_alive(process.pid), "{process:?} is still there");
    }
    assert_eq!(fs::read_dir(sandbox.sockets()).unwrap().count(), 0);
}

#[test]
fn workers_die_with_a_host_that_is_killed() {
    let sandbox = Sandbox::new();
    let mut server = shop(&sandbox);
    wait_for_shop(&server);
    let family = tree(server.pid());
    server.signal(Signal::KILL);
    server.wait();
    eventually("all workers are gone", || {
        family
            .iter()
            .all(|process| !is_alive(process.pid))
            .then_some(())
    });
    // The next host finds its way past what the dead one left behind.
    let files = sandbox
        .host(&["call", "list_project_files", "--json"])
        .ok()
        .json();
    assert_eq!(files["total"], 4);
}

/// Four hosts of one database that start at the same moment.
fn four_at_once(sandbox: &Sandbox) -> Vec<Server> {
    std::thread::scope(|scope| {
        let starting: Vec<_> = (0..4).map(|_| scope.spawn(|| sandbox.serve(&[]))).collect();
        starting
            .into_iter()
            .map(|server| server.join().unwrap())
            .collect()
    })
}

#[test]
fn hosts_that_start_at_once_have_one_worker_and_all_answer() {
    let sandbox = Sandbox::new();
    let servers = four_at_once(&sandbox);
    for server in &servers {
        assert_eq!(server.rpc("list_projects", &json!({}))["total"], 0);
    }
    let owners = with_open(&sandbox.database().canonicalize().unwrap());
    assert_eq!(owners.len(), 1, "{owners:?}");
}

#[test]
fn hosts_that_start_at_once_upgrade_an_old_database_together() {
    let sandbox = Sandbox::new();
    let database = sandbox.database();
    fs::create_dir_all(database.parent().unwrap()).unwrap();
    fs::copy(fixture("legacy/code_analysis.db"), &database).unwrap();
    let servers = four_at_once(&sandbox);
    for server in &servers {
        let total = &server.rpc("list_projects", &json!({}))["total"];
        assert!(total.as_u64() > Some(0), "{total}");
    }
    let upgrades = "SELECT count(*) AS n FROM schema_history WHERE version > 1";
    let upgrades = sandbox.host(&["sql", upgrades, "--json"]).ok().json();
    assert_eq!(upgrades[0]["n"], 1, "{upgrades}");
}

#[test]
fn a_second_host_adopts_the_running_worker() {
    let sandbox = Sandbox::new();
    let server = shop(&sandbox);
    wait_for_shop(&server);
    let worker = worker_pid(&server);
    // `sql` opens the database itself, beside the server.
    let counted = sandbox
        .host(&["sql", "SELECT count(*) FROM files", "--format", "csv"])
        .ok();
    assert_eq!(
        counted.stdout.lines().collect::<Vec<_>>(),
        ["count(*)", "4"]
    );
    assert_eq!(worker_pid(&server), worker);
    assert!(is_alive(worker));
}
