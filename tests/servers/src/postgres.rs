//! PostgreSQL as a private server: its own data directory, loopback port and Unix socket.
//!
//! The user of the tests is the superuser, with the password over TCP and without one over the socket.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use test_installed::{POSTGRESQL, Package, program};

use crate::place::Place;
use crate::server::{Engine, PASSWORD, Server, USER};

/// A PostgreSQL server.
pub type PostgresServer = Server<Postgres>;

/// What PostgreSQL is told.
#[derive(Debug)]
pub struct Postgres;

/// A server that is fast, and that leaves nothing behind outside of its directory when it is killed.
const SETTINGS: [(&str, &str); 6] = [
    // The second address is one that no certificate names.
    ("listen_addresses", "127.0.0.1,127.0.0.2"),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "32MB"),
    ("dynamic_shared_memory_type", "mmap"),
    ("logging_collector", "off"),
];

impl PostgresServer {
    /// Starts a server that follows this one and takes no writes. It has this one's users and databases.
    pub fn standby(&self) -> Self {
        let mut standby = Self::at(Place::new());
        let mut arguments = options(&[
            ("pgdata", &standby.file("data")),
            ("host", &self.file("")),
            ("port", &self.port.to_string()),
            ("username", USER),
            ("checkpoint", "fast"),
            ("wal-method", "stream"),
        ]);
        arguments.extend(["--no-sync", "--write-recovery-conf"].map(str::to_owned));
        standby.run_program("pg_basebackup", &arguments);
        standby.launch();
        standby
    }

    /// Another loopback address that it listens on, which its certificate does not name.
    pub fn unnamed_host(&self) -> &'static str {
        "127.0.0.2"
    }

    /// The directory of its Unix socket, on which no password is asked for.
    pub fn socket_dir(&self) -> &Path {
        self.place.path()
    }
}

impl Engine for Postgres {
    const PACKAGE: Package = POSTGRESQL;
    const DAEMON: &'static str = "postgres";
    const CRASH: Signal = Signal::QUIT;
    const STOP: Signal = Signal::INT;
    const PORT_IS_TAKEN: &'static str = "could not bind";
    const TLS: &'static [(&'static str, &'static str)] = &[
        ("ssl", "on"),
        ("ssl_cert_file", "server.pem"),
        ("ssl_key_file", "server.key"),
    ];

    fn install(server: &mut Server<Self>) {
        let password = server.place.join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        server.place.give_to_server(&password);
        let mut arguments = options(&[
            ("pgdata", &server.file("data")),
            ("pwfile", &server.file("password")),
            ("username", USER),
            ("encoding", "UTF8"),
            ("locale", "C.UTF-8"),
            ("auth-local", "trust"),
            ("auth-host", "scram-sha-256"),
        ]);
        arguments.push("--no-sync".into());
        server.run_program("initdb", &arguments);
    }

    fn arguments(server: &Server<Self>) -> Vec<String> {
        let (data, socket_dir) = (server.file("data"), server.file(""));
        let port = server.port.to_string();
        let mut arguments: Vec<String> = [["-D", &data], ["-k", &socket_dir], ["-p", &port]]
            .as_flattened()
            .iter()
            .map(|word| (*word).to_owned())
            .collect();
        for (name, value) in SETTINGS {
            arguments.extend(Self::setting(name, value));
        }
        arguments
    }

    fn setting(name: &str, value: &str) -> Vec<String> {
        vec!["-c".into(), format!("{name}={value}")]
    }

    fn client(server: &Server<Self>, database: &str, sql: &str) -> Command {
        let database = match database {
            "" => "postgres",
            name => name,
        };
        let mut command = Command::new(program("psql").unwrap());
        command
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet"])
            .args(["--field-separator=\t", "--set=ON_ERROR_STOP=1"])
            .args(options(&[
                ("username", USER),
                ("host", &server.file("")),
                ("port", &server.port.to_string()),
                ("dbname", database),
                ("command", sql),
            ]));
        command
    }
}

fn options(pairs: &[(&str, &str)]) -> Vec<String> {
    let option = |(name, value): &(&str, &str)| format!("--{name}={value}");
    pairs.iter().map(option).collect()
}

#[cfg(test)]
mod tests {
    use test_needs::needs;

    use super::*;

    #[needs(postgresql)]
    #[test]
    fn it_starts_keeps_its_data_through_a_crash_and_has_a_standby() {
        let mut server = PostgresServer::start();
        server.sql("", "CREATE TABLE t(a int); INSERT INTO t VALUES (7)");
        let port = server.port();
        server.kill();
        assert!(std::net::TcpStream::connect((server.host(), port)).is_err());
        server.start_again();
        assert_eq!(server.port(), port);
        assert_eq!(server.sql("", "SELECT a FROM t"), "7\n");
        let standby = server.standby();
        let sql = "SELECT a, pg_is_in_recovery() FROM t";
        assert_eq!(standby.sql("", sql), "7\tt\n");
    }
}
