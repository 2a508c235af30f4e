//! The drivers of servers in a worker: one that is killed, or ends for a fault of its driver, costs its callers nothing.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use driver_api::ValueRef;
use rustix::process::Signal;
use serde_json::json;
use test_needs::needs;

use crate::support::engines::Engine;
use crate::support::processes::{is_alive, kill, with_mapped};
use crate::support::sandbox::plugins_dir;
use crate::support::server::eventually;

const KILLS: usize = 5;

#[needs(postgresql, mariadb)]
#[test]
fn workers_of_servers_that_are_killed_lose_nothing_and_apply_nothing_twice() {
    for engine in Engine::servers("killed_in_a_worker") {
        let engine = engine.in_a_worker();
        let app = engine.app();
        let driver = app.database().unwrap();
        let database = driver.raw_database();
        let run = |sql: &str| database.once(|session| session.execute(sql, &[])).unwrap();
        run("CREATE TABLE counter (id INTEGER PRIMARY KEY, n BIGINT NOT NULL)");
        for id in 1..=4 {
            run(&format!("INSERT INTO counter VALUES ({id}, 0)"));
        }
        let counted = |id: i64| {
            let sql = "SELECT n FROM counter WHERE id = ?";
            let counted = database.read(|session| {
                session.query_first(sql, &[ValueRef::I64(id)], |row| Ok(row.i64(0)?))
            });
            counted.unwrap().unwrap()
        };
        let worker = || {
            let status = app.workers().status();
            status.iter().find_map(|worker| worker.pid)
        };
        let first = eventually("a worker", worker);
        let done = AtomicBool::new(false);
        let acknowledged: [AtomicI64; 4] = Default::default();
        let seen = || {
            acknowledged
                .each_ref()
                .map(|of_one| of_one.load(Ordering::SeqCst))
        };
        thread::scope(|scope| {
            for (id, acknowledged) in (1..=4).zip(&acknowledged) {
                let done = &done;
                scope.spawn(move || {
                    let sql = "UPDATE counter SET n = n + 1 WHERE id = ?";
                    while !done.load(Ordering::SeqCst) {
                        let params = [ValueRef::I64(id)];
                        // Single writes and transactions in turn.
                        let result = match acknowledged.load(Ordering::SeqCst) % 2 {
                            0 => database.once(|session| session.execute(sql, &params)),
                            _ => database.transaction(|session| session.execute(sql, &params)),
                        };
                        assert_eq!(result.unwrap().rows_affected, 1, "{}", engine.name);
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            for _ in 0..KILLS {
                let (before, pid) = (seen(), eventually("a worker", worker));
                kill(pid, Signal::KILL);
                // Of each: a call that sees two workers end is taken for one that ends them.
                eventually("writes that go on", || {
                    let go_on = seen()
                        .iter()
                        .zip(&before)
                        .all(|(now, before)| *now > before + 2);
                    go_on.then_some(())
                });
                thread::sleep(Duration::from_millis(20));
            }
            done.store(true, Ordering::SeqCst);
        });
        let sum: i64 = (1..=4).map(counted).sum();
        assert_eq!(sum, seen().iter().sum::<i64>(), "{}", engine.name);
        assert_ne!(worker(), Some(first), "{}", engine.name);
    }
}

#[needs(postgresql, mariadb)]
#[test]
fn a_fault_of_a_servers_driver_in_a_worker_is_put_down_to_it_and_its_host_serves_on() {
    for engine in Engine::servers("fault_in_a_worker") {
        let engine = engine.in_a_worker();
        let server = engine.serve(&[]);
        let asked = || server.rpc("list_projects", &json!({}));
        let before = asked();
        let library = plugins_dir().join(format!("libdriver_{}.so", engine.name));
        // The host itself has no such driver in it.
        let holders = with_mapped(server.pid(), &library);
        let [worker] = &holders[..] else {
            panic!("{holders:?}")
        };
        assert_ne!(worker.pid, server.pid());
        // As a driver does that aborts. The first SIGSEGV that is only sent is passed over by the standard library.
        kill(worker.pid, Signal::ABORT);
        eventually("the worker's end", || (!is_alive(worker.pid)).then_some(()));
        assert_eq!(asked(), before, "{}", engine.name);
        let status = server.rpc("get_worker_status", &json!({}));
        let text = status.to_string();
        let blame = format!("the driver {}", engine.name);
        assert!(
            text.contains(&blame) && text.contains("\"signal\":6"),
            "{status}"
        );
        let shown = engine.host(&["drivers", "inspect", engine.name, "--json"]);
        let crashes = &shown.ok().json()["crashes"]["crashes"];
        assert_eq!(crashes.as_array().map(Vec::len), Some(1), "{crashes}");
    }
}
