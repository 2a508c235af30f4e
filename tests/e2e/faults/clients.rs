//! Clients that say too much, too little, too slowly, or do not listen: nobody else notices.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;
use std::{fs, thread};

use driver_api::Flow;
use driver_api::wire::PROTOCOL;
use driver_api::wire::frame::MAX_PAYLOAD;
use driver_api::wire::message::{Hello, Request};

use super::restarts;
use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};

/// Memory of a process that is really there, in KiB.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().split_whitespace().next().unwrap();
    number.parse().unwrap()
}

/// The bytes of a greeting and of a write of the row 77.
fn greeting_and_write() -> Vec<u8> {
    let mut bytes = Vec::new();
    let hello = Hello {
        protocol: PROTOCOL,
        client: "0b5c55d4-9c1f-4d8a-8a6e-3f4a1f1f0001".into(),
        pid: 1,
        read_only: false,
    };
    Request::Hello(hello).append_to(&mut bytes).unwrap();
    let write = Request::Execute {
        sequence: 1,
        sql: "INSERT INTO numbers VALUES (77, 'x')",
        params: &[],
    };
    write.append_to(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_request_that_is_cut_at_any_byte_does_nothing() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let bytes = greeting_and_write();
    for cut in 0..bytes.len() {
        let mut stream = UnixStream::connect(chain.socket()).unwrap();
        stream.write_all(&bytes[..cut]).unwrap();
    }
    insert(database, 1).unwrap();
    assert_eq!((count(database), restarts(&chain)), (1, 0));
    // The whole of it does what it says, so the parts were parts of something.
    let mut stream = UnixStream::connect(chain.socket()).unwrap();
    stream.write_all(&bytes).unwrap();
    crate::support::server::eventually("the write", || (count(database) == 2).then_some(()));
}

#[test]
fn announced_bytes_that_do_not_come_take_no_memory() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let worker = worker_pid(&chain);
    let before = resident_kib(worker);
    let crowd: Vec<UnixStream> = (0..50)
        .map(|_| {
            let mut stream = UnixStream::connect(chain.socket()).unwrap();
            let mut bytes = (MAX_PAYLOAD as u32).to_le_bytes().to_vec();
            bytes.extend([1, b'{']);
            stream.write_all(&bytes).unwrap();
            stream
        })
        .collect();
    thread::sleep(Duration::from_millis(300));
    insert(database, 2).unwrap();
    let grown = resident_kib(worker).saturating_sub(before);
    // All that was announced would be 3,200 MiB.
    assert!(grown < 64 * 1024, "{grown} KiB");
    drop(crowd);
}

#[test]
fn five_hundred_clients_that_send_a_byte_now_and_then_keep_nobody_waiting() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let bytes = greeting_and_write();
    let mut crowd: Vec<UnixStream> = (0..500)
        .map(|_| UnixStream::connect(chain.socket()).unwrap())
        .collect();
    let mut rows = 0;
    for byte in &bytes[..4] {
        for stream in &mut crowd {
            stream.write_all(&[*byte]).unwrap();
        }
        for _ in 0..50 {
            rows += 1;
            insert(database, rows).unwrap();
        }
    }
    assert_eq!((count(database), restarts(&chain)), (rows, 0));
}

#[test]
fn a_reader_that_stops_reading_takes_no_memory_and_keeps_nobody_waiting() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let worker = worker_pid(&chain);
    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) \
                   SELECT n, 'a text that makes the row longer than its number' FROM c";
    thread::scope(|scope| {
        // Dropped when an assertion fails, too, so that the readers never wait for ever.
        let mut releases = Vec::new();
        let (stuck, is_stuck) = mpsc::channel();
        for _ in 0..3 {
            let (release, released) = mpsc::channel::<()>();
            releases.push(release);
            let stuck = stuck.clone();
            scope.spawn(move || {
                database
                    .read(|session| {
                        session.query_each(endless, &[], |_| {
                            stuck.send(()).unwrap();
                            let _ = released.recv();
                            Ok(Flow::Stop)
                        })
                    })
                    .unwrap();
            });
        }
        for _ in 0..3 {
            is_stuck.recv().unwrap();
        }
        let before = resident_kib(worker);
        thread::sleep(Duration::from_secs(1));
        for n in 2..50 {
            insert(database, n).unwrap();
        }
        assert_eq!(count(database), 49);
        let grown = resident_kib(worker).saturating_sub(before);
        assert!(grown < 32 * 1024, "{grown} KiB");
        drop(releases);
    });
    assert_eq!(restarts(&chain), 0);
}
