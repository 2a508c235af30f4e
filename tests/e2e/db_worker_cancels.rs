//! Cancels reach a write wherever it is, and nobody is unheard beside answers that take long.

use std::thread;
use std::time::Duration;

use driver_api::wire::message::Request;
use driver_api::{ErrorClass, TransactionMode};
use rustix::process::Signal;
use uuid::Uuid;

use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::processes::kill;
use crate::support::wire_client::WireClient;

/// Long enough for the worker to have begun with what was sent.
const A_WHILE: Duration = Duration::from_millis(300);

const ENDLESS_WRITE: &str = "INSERT INTO numbers WITH RECURSIVE c(n) AS \
    (SELECT 1000 UNION ALL SELECT n + 1 FROM c) SELECT n, 'x' FROM c WHERE n < 0";

const ENDLESS_QUERY: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";

fn connect(chain: &Chain) -> WireClient {
    WireClient::connect(&chain.socket(), &Uuid::new_v4().to_string())
}

fn write(sql: &str) -> Request<'_> {
    Request::Execute {
        sequence: 1,
        sql,
        params: &[],
    }
}

fn query(sql: &str) -> Request<'_> {
    Request::Query {
        sequence: 1,
        sql,
        params: &[],
    }
}

/// Cancels what this client has asked for, once.
fn cancel(chain: &Chain, client: &WireClient) {
    let cancel = Request::Cancel(client.welcome.cancel);
    connect(chain).ask(&cancel).unwrap();
}

fn is_cancelled(client: &mut WireClient) {
    let error = client.receive().1.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Cancelled, "{error}");
    client.ask(&Request::Ping).unwrap();
}

/// All of these requests come to the worker at the same time.
fn send_at_once(chain: &Chain, requests: &[(&WireClient, Request<'_>)]) {
    let pid = worker_pid(chain);
    kill(pid, Signal::STOP);
    for (client, request) in requests {
        client.send(request);
    }
    kill(pid, Signal::CONT);
}

#[test]
fn a_write_that_waits_for_a_transaction_is_cancelled_at_once_and_the_others_are_done() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let mut owner = connect(&chain);
    let begin = Request::Begin(TransactionMode::ReadWrite);
    owner.ask(&begin).unwrap();
    let mut waiting = [(); 4].map(|()| connect(&chain));
    let texts = [1, 2, 3].map(|n| format!("INSERT INTO numbers VALUES ({n}, 'x')"));
    let writes = waiting.iter().zip(texts.iter().map(|text| write(text)));
    // The last one waits for a transaction of its own.
    let all: Vec<_> = writes.chain([(&waiting[3], begin)]).collect();
    send_at_once(&chain, &all);
    thread::sleep(A_WHILE);
    for cancelled in [1, 3] {
        cancel(&chain, &waiting[cancelled]);
        is_cancelled(&mut waiting[cancelled]);
    }
    // The owner keeps the writer all the time.
    owner.ask(&Request::Commit { sequence: 1 }).unwrap();
    for done in [0, 2] {
        assert_eq!(waiting[done].receive().1.unwrap().rows_affected, 1);
    }
    assert_eq!(count(database), 2);
    insert(database, 9).unwrap();
}

#[test]
fn a_long_write_that_came_together_with_others_is_cancelled_and_they_are_done() {
    let chain = Chain::new();
    let database = numbers(&chain);
    let mut clients = [(); 3].map(|()| connect(&chain));
    let requests = [
        write("INSERT INTO numbers VALUES (1, 'x')"),
        write(ENDLESS_WRITE),
        write("INSERT INTO numbers VALUES (2, 'x')"),
    ];
    let all: Vec<_> = clients.iter().zip(requests).collect();
    send_at_once(&chain, &all);
    thread::sleep(A_WHILE);
    cancel(&chain, &clients[1]);
    is_cancelled(&mut clients[1]);
    for done in [0, 2] {
        assert_eq!(clients[done].receive().1.unwrap().rows_affected, 1);
    }
    assert_eq!(count(database), 2);
}

#[test]
fn clients_are_heard_beside_one_long_answer_after_another() {
    let chain = Chain::new();
    let mut busy = [(); 3].map(|()| connect(&chain));
    let mut other = connect(&chain);
    for client in &busy {
        client.send(&query(ENDLESS_QUERY));
        thread::sleep(A_WHILE);
        other.ask(&Request::Ping).unwrap();
    }
    for client in &mut busy {
        cancel(&chain, client);
        is_cancelled(client);
    }
}
