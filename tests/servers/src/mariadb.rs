//! MariaDB as a private server: its own data directory, loopback port and Unix socket.
//!
//! The user of the tests may do everything but what a server grants its administrators: to override `read_only` and
//! `max_connections`.

use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use test_installed::{MARIADB, Package, program};

use crate::server::{Engine, PASSWORD, Server, USER};

/// A MariaDB server.
pub type MariaDbServer = Server<MariaDb>;

/// What MariaDB is told.
#[derive(Debug)]
pub struct MariaDb;

/// Small files, because every test that stops its server has one of its own.
const SMALL: [&str; 5] = [
    "--innodb-log-file-size=8M",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=2",
    "--key-buffer-size=1M",
    "--performance-schema=OFF",
];

impl MariaDbServer {
    /// The Unix socket that it listens on.
    pub fn socket(&self) -> PathBuf {
        self.place.join("s")
    }
}

impl Engine for MariaDb {
    const PACKAGE: Package = MARIADB;
    const DAEMON: &'static str = "mariadbd";
    const CRASH: Signal = Signal::KILL;
    const STOP: Signal = Signal::TERM;
    const PORT_IS_TAKEN: &'static str = "Bind on TCP/IP port";
    const TLS: &'static [(&'static str, &'static str)] = &[
        ("ssl-ca", "ca.pem"),
        ("ssl-cert", "server.pem"),
        ("ssl-key", "server.key"),
    ];

    fn install(server: &mut Server<Self>) {
        let data = server.place.join("data");
        std::fs::create_dir(&data).unwrap();
        server.place.give_to_server(&data);
        let mut arguments = own(server);
        arguments.push("--skip-test-db".into());
        arguments.push("--auth-root-authentication-method=normal".into());
        server.run_program("mariadb-install-db", &arguments);
        create_user(server);
    }

    fn arguments(server: &Server<Self>) -> Vec<String> {
        let mut arguments = own(server);
        arguments.extend(["--bind-address=127.0.0.1", "--skip-name-resolve"].map(str::to_owned));
        for (name, value) in [
            ("socket", server.file("s")),
            ("pid-file", server.file("pid")),
            ("port", server.port.to_string()),
        ] {
            arguments.extend(Self::setting(name, &value));
        }
        arguments
    }

    fn setting(name: &str, value: &str) -> Vec<String> {
        vec![format!("--{name}={value}")]
    }

    fn client(server: &Server<Self>, database: &str, sql: &str) -> Command {
        let mut command = Command::new(program("mariadb").unwrap());
        command
            .args(["--no-defaults", "--user=root", "--batch"])
            .args(["--skip-column-names", "--default-character-set=utf8mb4"])
            .arg(format!("--socket={}", server.file("s")))
            .arg(format!("--execute={sql}"))
            .args((!database.is_empty()).then_some(database));
        command
    }
}

/// What the server and the program that installs it are told.
fn own(server: &MariaDbServer) -> Vec<String> {
    let mut arguments = vec!["--no-defaults".to_owned()];
    arguments.extend(SMALL.map(str::to_owned));
    arguments.extend(MariaDb::setting("datadir", &server.file("data")));
    // Servers that start clear the common directory of what they take for their own leftovers.
    arguments.extend(MariaDb::setting("tmpdir", &server.file("")));
    arguments
}

/// The user is made by a server that reads its statements from a file and is not reached by anybody.
fn create_user(server: &mut MariaDbServer) {
    let sql = format!(
        "CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL PRIVILEGES ON *.* TO {USER}@'%';\n\
         REVOKE SUPER, READ ONLY ADMIN, CONNECTION ADMIN ON *.* FROM {USER}@'%';\n"
    );
    let file = server.place.join("users.sql");
    std::fs::write(&file, sql).unwrap();
    server.place.give_to_server(&file);
    server.settings = vec![("init-file".into(), server.file("users.sql"))];
    server.launch();
    server.stop();
}

#[cfg(test)]
mod tests {
    use test_needs::needs;

    use super::*;

    #[needs(mariadb)]
    #[test]
    fn it_starts_keeps_its_data_through_a_kill_and_listens_on_port_and_socket() {
        let mut server = MariaDbServer::start();
        server.sql(
            "",
            "CREATE DATABASE d; CREATE TABLE d.t(a INT) ENGINE=InnoDB; INSERT INTO d.t VALUES (7)",
        );
        let port = server.port();
        server.kill();
        assert!(std::net::TcpStream::connect((server.host(), port)).is_err());
        server.start_again();
        assert_eq!(server.port(), port);
        assert_eq!(server.sql("d", "SELECT a FROM t"), "7\n");
        assert!(std::net::TcpStream::connect((server.host(), port)).is_ok());
        server.stop();
    }
}
