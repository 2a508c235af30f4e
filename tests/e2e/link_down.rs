//! A network that goes down without a word: the program is in a network namespace, and its link to the server is cut.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_installed::program;
use test_needs::needs;
use test_servers::mariadb::MariaDbServer;
use test_servers::postgres::PostgresServer;
use test_servers::relay::Relay;

use crate::support::engines::{Engine, mysql_section, postgres_section};
use crate::support::sandbox::{Output, finish};
use crate::support::server::PATIENCE;

/// A network namespace with one link to this one. Both are gone when this is dropped.
struct Link {
    /// Of the namespace and of the end of the link that lies here.
    name: String,
    /// The address of that end.
    address: String,
}

impl Link {
    /// The addresses are of a network that is for measurements only (RFC 2544), and differ with the process and `number`.
    fn up(number: u32) -> Self {
        let place = std::process::id() * 2 + number;
        let (third, fourth) = (place / 64 % 256, place % 64 * 4);
        let link = Self {
            name: format!("cah{place}"),
            address: format!("198.18.{third}.{}", fourth + 1),
        };
        let there = format!("198.18.{third}.{}/30", fourth + 2);
        let (name, here) = (&link.name[..], format!("{}/30", link.address));
        ip(&["netns", "add", name]);
        ip(&[
            "link", "add", name, "type", "veth", "peer", "name", "far", "netns", name,
        ]);
        ip(&["address", "add", &here, "dev", name]);
        ip(&["link", "set", name, "up"]);
        ip(&["-n", name, "address", "add", &there, "dev", "far"]);
        ip(&["-n", name, "link", "set", "far", "up"]);
        link
    }

    fn down(&self) {
        ip(&["link", "set", &self.name, "down"]);
    }

    /// Runs the program on the far side of the link.
    fn host(&self, engine: &Engine, arguments: &[&str]) -> Output {
        let inner = engine.sandbox.command(&engine.arguments(arguments));
        let mut command = Command::new(program("ip").unwrap());
        command
            .args(["netns", "exec", &self.name])
            .arg(inner.get_program())
            .args(inner.get_args())
            .env_clear()
            .current_dir(inner.get_current_dir().unwrap());
        for (key, value) in inner.get_envs() {
            command.env(key, value.unwrap_or_default());
        }
        finish(&mut command)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The link goes with the namespace.
        ip(&["netns", "delete", &self.name]);
    }
}

fn ip(arguments: &[&str]) {
    let done = Command::new(program("ip").unwrap())
        .args(arguments)
        .output()
        .unwrap();
    assert!(done.status.success(), "ip {arguments:?}: {done:?}");
}

/// Cuts the link while the server works for a query that would take ten minutes. `is_asleep` tells whether it does.
fn ends_although_the_link_is_down(
    link: &Link,
    engine: &Engine,
    query: &str,
    is_asleep: impl Fn() -> bool,
) {
    let answer = link.host(engine, &["sql", "SELECT 1 AS one", "--json"]);
    assert_eq!(answer.ok().json()[0]["one"], 1);
    let cut = thread::scope(|scope| {
        let call = scope.spawn(|| link.host(engine, &["sql", query]));
        let deadline = Instant::now() + PATIENCE;
        while !is_asleep() {
            assert!(Instant::now() < deadline && !call.is_finished());
            thread::sleep(Duration::from_millis(20));
        }
        link.down();
        call.join().unwrap()
    });
    for (output, told) in [
        (cut, "connection"),
        (
            link.host(engine, &["sql", "SELECT 1"]),
            "check `host` and `port`",
        ),
    ] {
        assert_ne!(output.status, 0, "{}", output.stdout);
        assert!(output.stderr.contains(told), "{}", output.stderr);
        assert_eq!(
            output.stderr.trim_end().lines().count(),
            1,
            "{}",
            output.stderr
        );
    }
}

/// A section of the configuration whose server is reached over the link, and given up soon.
fn over(mut section: Value, link: &Link, relay: &Relay, silence: &str) -> Value {
    section["host"] = json!(link.address);
    section["port"] = json!(relay.port());
    // The address is not this machine's own, for which encryption would be off by itself.
    section["tls"] = json!("disable");
    section["connect_timeout_ms"] = json!(1_000);
    section[silence] = json!(2_000);
    section
}

#[needs(postgresql, iproute2, namespaces)]
#[test]
fn a_query_to_postgres_ends_when_the_link_goes_down() {
    let server = PostgresServer::start();
    server.sql("", "CREATE DATABASE far");
    let link = Link::up(0);
    let relay = Relay::start_on(&link.address, server.port());
    let section = over(
        postgres_section(&server, "far"),
        &link,
        &relay,
        "partition_timeout_ms",
    );
    let engine = Engine::new("postgres", &section);
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'";
    ends_although_the_link_is_down(&link, &engine, "SELECT pg_sleep(600)", || {
        server.sql("", sql) == "1\n"
    });
}

#[needs(mariadb, iproute2, namespaces)]
#[test]
fn a_query_to_mariadb_ends_when_the_link_goes_down() {
    let server = MariaDbServer::start();
    server.sql("", "CREATE DATABASE far");
    let link = Link::up(1);
    let relay = Relay::start_on(&link.address, server.port());
    let section = over(
        mysql_section(&server, "far"),
        &link,
        &relay,
        "network_timeout_ms",
    );
    let engine = Engine::new("mysql", &section);
    let sql =
        "SELECT count(*) FROM information_schema.processlist WHERE info = 'SELECT SLEEP(600)'";
    ends_although_the_link_is_down(&link, &engine, "SELECT SLEEP(600)", || {
        server.sql("", sql) == "1\n"
    });
}
