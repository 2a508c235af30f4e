//! Many clients of one DB worker: idle ones, too many of them, slow ones, and a worker without descriptors.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use driver_api::wire::message::Request;
use driver_api::{ErrorClass, TransactionMode};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit, setrlimit};
use serde_json::json;
use uuid::Uuid;

use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::processes::kill;
use crate::support::server::eventually;
use crate::support::wire_client::WireClient;

fn name() -> String {
    Uuid::new_v4().to_string()
}

/// Lets this process have as many descriptors as the system gives.
fn take_all_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, all).unwrap();
}

/// Memory of a process that is really there, in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_thousand_idle_clients_cost_little_and_a_hundred_active_ones_are_served() {
    take_all_descriptors();
    let chain = Chain::new();
    let database = numbers(&chain);
    let socket = chain.socket();
    let before = resident(worker_pid(&chain));
    let idle: Vec<_> = (0..990)
        .map(|_| {
            let mut client = WireClient::connect(&socket, &name());
            client.ask(&Request::Ping).unwrap();
            client
        })
        .collect();
    let cost = resident(worker_pid(&chain)) - before;
    assert!(cost < 48 * 990, "{cost} KiB for {} clients", idle.len());
    thread::scope(|scope| {
        for number in 0..100i64 {
            let socket = &socket;
            scope.spawn(move || {
                let mut client = WireClient::connect(socket, &name());
                for step in 0..5u64 {
                    let sql = format!("INSERT INTO numbers VALUES ({number} * 10 + {step}, 'x')");
                    let write = Request::Execute {
                        sequence: step + 1,
                        sql: &sql,
                        params: &[],
                    };
                    assert_eq!(client.ask(&write).unwrap().rows_affected, 1);
                }
                client.send(&Request::Bye);
            });
        }
    });
    assert_eq!(count(database), 500);
}

#[test]
fn one_client_too_many_is_told_so_and_has_a_place_when_another_leaves() {
    let chain = Chain::with_worker_options(&json!({ "clients": 6 }));
    let database = numbers(&chain);
    let socket = chain.socket();
    let connect = || WireClient::try_connect(&socket, &name());
    let mut clients = Vec::new();
    let error = loop {
        match connect() {
            Ok(client) => clients.push(client),
            Err(error) => break error,
        }
    };
    assert_eq!(error.class(), ErrorClass::LimitExceeded, "{error}");
    assert!(
        error.to_string().contains("database.worker.clients"),
        "{error}"
    );
    insert(database, 1).unwrap();
    clients.pop();
    eventually("a free place", || connect().ok());
}

#[test]
fn a_worker_without_descriptors_says_so_and_recovers() {
    take_all_descriptors();
    let chain = Chain::new();
    let database = numbers(&chain);
    let (socket, pid) = (chain.socket(), worker_pid(&chain));
    let connect = || WireClient::try_connect(&socket, &name());
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
    let limit = Rlimit {
        current: Some(open + 20),
        maximum: Some(open + 20),
    };
    let process = Pid::from_raw(pid.cast_signed());
    prlimit(process, Resource::Nofile, limit).unwrap();
    let mut clients = Vec::new();
    let error = loop {
        match connect() {
            Ok(client) => clients.push(client),
            Err(error) => break error,
        }
    };
    assert!(!clients.is_empty());
    assert_eq!(
        (error.class(), error.is_retryable()),
        (ErrorClass::Unavailable, true),
        "{error}"
    );
    insert(database, 1).unwrap();
    drop(clients);
    eventually("a worker with descriptors", || connect().ok());
    assert_eq!((count(database), worker_pid(&chain)), (1, pid));
}

#[test]
fn clients_that_drip_or_do_not_read_hold_up_nobody() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let socket = chain.socket();
    let dripping: Vec<_> = (0..50)
        .map(|_| {
            let mut stream = UnixStream::connect(&socket).unwrap();
            stream.write_all(&[40, 0, 0]).unwrap();
            stream
        })
        .collect();
    // More than the reading connections, each with more rows on their way than a socket holds.
    let mut stuck: Vec<_> = (0..8)
        .map(|_| {
            let client = WireClient::connect(&socket, &name());
            client.send(&Request::Query {
                sequence: 1,
                sql: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c",
                params: &[],
            });
            client
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    for n in 0..20 {
        insert(database, n).unwrap();
        assert_eq!(count(database), n + 1);
    }
    // They were not cut off for it: each has got what it did not read.
    for client in &mut stuck {
        client.send(&Request::Stop);
        let (rows, ended) = client.receive();
        assert!(rows.is_sorted() && rows.len() > 1000 && ended.is_ok());
    }
    assert!(resident(worker_pid(&chain)) < 300 * 1024);
    drop((dripping, stuck));
}

#[test]
fn open_transactions_that_read_take_the_readers_from_nobody() {
    let chain = Chain::with_worker_options(&json!({ "readers": 1 }));
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let begin = Request::Begin(TransactionMode::ReadOnly);
    // Many more than there are readers: those who have kept theirs waiting for longest lose it to those who ask.
    let mut idle: Vec<_> = (0..50)
        .map(|_| {
            let mut client = WireClient::connect(&chain.socket(), &name());
            client.ask(&begin).unwrap();
            client
        })
        .collect();
    assert_eq!(count(database), 1);
    insert(database, 2).unwrap();
    assert_eq!(count(database), 2);
    let last = idle.last_mut().unwrap();
    last.send(&Request::Query {
        sequence: 1,
        sql: "SELECT count(*) FROM numbers",
        params: &[],
    });
    assert_eq!(last.receive().0, [1]);
}

#[test]
fn a_worker_that_hangs_is_killed_and_its_clients_see_no_error() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let hung = worker_pid(&chain);
    kill(hung, Signal::STOP);
    assert_eq!(insert(database, 2), Ok(1));
    assert_eq!(count(database), 2);
    assert_ne!(worker_pid(&chain), hung);
}
