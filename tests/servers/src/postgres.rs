//! A private PostgreSQL server: its own data directory, loopback port and Unix socket, and a user with a password.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::daemon::{Daemon, PATIENCE};
use crate::installed::programs;
use crate::place::{Place, free_port};

/// The superuser that tests connect as: with the password over TCP, without one over the socket.
const USER: &str = "tester";
const PASSWORD: &str = "s3cret canary";

/// Times that another free port is tried.
const STARTS: u32 = 5;

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

/// A running server, or a stopped one that can be started again. It ends when this is dropped.
#[derive(Debug)]
pub struct PostgresServer {
    place: Place,
    daemon: PathBuf,
    client: PathBuf,
    backup: PathBuf,
    port: u16,
    settings: Vec<(String, String)>,
    running: Option<Daemon>,
}

impl PostgresServer {
    /// Starts a server; `None`, after one line on standard error, where it is not installed.
    pub fn start() -> Option<Self> {
        Self::with_settings(&[])
    }

    /// Starts a server with these settings, as `("max_connections", "5")`.
    pub fn with_settings(settings: &[(&str, &str)]) -> Option<Self> {
        let mut server = Self::installed(settings)?;
        server.launch();
        Some(server)
    }

    /// Starts a server that offers TLS with a certificate for `localhost` and 127.0.0.1. Its authority is the file
    /// [`ca_file`](Self::ca_file).
    pub fn with_tls() -> Option<Self> {
        let mut server = Self::installed(&[("ssl", "on")])?;
        crate::certificates::write(&server.place);
        for (setting, file) in [
            ("ssl_cert_file", "server.pem"),
            ("ssl_key_file", "server.key"),
        ] {
            let path = server.place.join(file).display().to_string();
            server.settings.push((setting.into(), path));
        }
        server.launch();
        Some(server)
    }

    /// Starts a server that follows this one and takes no writes. It has this one's users and databases.
    pub fn standby(&self) -> Self {
        let place = Place::new();
        let data = place.join("data");
        let done = place
            .command(&self.backup)
            .arg(format!("--pgdata={}", data.display()))
            .arg(format!("--host={}", self.place.path().display()))
            .arg(format!("--port={}", self.port))
            .args(["--username", USER, "--checkpoint=fast", "--no-sync"])
            .args(["--write-recovery-conf", "--wal-method=stream"])
            .output()
            .unwrap();
        assert!(done.status.success(), "pg_basebackup: {done:?}");
        let mut standby = Self {
            place,
            daemon: self.daemon.clone(),
            client: self.client.clone(),
            backup: self.backup.clone(),
            port: free_port(),
            settings: Vec::new(),
            running: None,
        };
        standby.launch();
        standby
    }

    /// A data directory without a running server.
    fn installed(settings: &[(&str, &str)]) -> Option<Self> {
        let names = ["postgres", "initdb", "psql", "pg_basebackup"];
        let [daemon, initdb, client, backup] = programs("postgresql", names)?;
        let place = Place::new();
        let password = place.join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        place.give_to_server(&password);
        let done = place
            .command(&initdb)
            .arg(format!("--pgdata={}", place.join("data").display()))
            .arg(format!("--pwfile={}", password.display()))
            .args([
                "--username",
                USER,
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .output()
            .unwrap();
        assert!(done.status.success(), "initdb: {done:?}");
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Some(Self {
            place,
            daemon,
            client,
            backup,
            port: free_port(),
            settings: settings.iter().map(owned).collect(),
            running: None,
        })
    }

    /// The address that it listens on.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Another loopback address that it listens on, which its certificate does not name.
    pub fn unnamed_host(&self) -> &'static str {
        "127.0.0.2"
    }

    /// The TCP port that it listens on; the same after every start.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of its Unix socket, on which no password is asked for.
    pub fn socket_dir(&self) -> &Path {
        self.place.path()
    }

    /// The superuser.
    pub fn user(&self) -> &'static str {
        USER
    }

    /// The superuser's password.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The certificate of the authority that signed the server's, with [`with_tls`](Self::with_tls).
    pub fn ca_file(&self) -> PathBuf {
        self.place.join("ca.pem")
    }

    /// The server's process number, while it runs.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().map(Daemon::pid).unwrap()
    }

    /// Runs SQL with the installed client; columns are separated by `|`.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let done = self.run_client(database, sql);
        assert!(done.status.success(), "{sql}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    }

    fn run_client(&self, database: &str, sql: &str) -> Output {
        Command::new(&self.client)
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet"])
            .args(["--set=ON_ERROR_STOP=1", "--username", USER])
            .arg(format!("--host={}", self.place.path().display()))
            .arg(format!("--port={}", self.port))
            .args(["--dbname", database, "--command", sql])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Stops the server in order; its connections are cut.
    pub fn stop_fast(&mut self) {
        self.end(Signal::INT);
    }

    /// Stops the server as a crash would.
    pub fn stop_immediate(&mut self) {
        self.end(Signal::QUIT);
    }

    /// Sends the server's first process a signal, as to hold it and to let it go on.
    pub fn signal(&self, signal: Signal) {
        self.running.as_ref().unwrap().signal(signal);
    }

    /// Starts the server again on the same data and the same port.
    pub fn start_again(&mut self) {
        assert!(self.running.is_none(), "the server runs already");
        self.launch();
    }

    fn end(&mut self, signal: Signal) {
        if let Some(running) = self.running.take() {
            running.end(signal);
        }
    }

    fn launch(&mut self) {
        for attempt in 1..=STARTS {
            self.running = Some(Daemon::spawn(self.daemon_command()));
            if self.comes_up() {
                return;
            }
            self.end(Signal::QUIT);
            let log = std::fs::read_to_string(self.place.join("log")).unwrap_or_default();
            let taken =
                log.contains("could not bind") || log.contains("could not create any TCP/IP");
            assert!(attempt < STARTS && taken, "postgres: {log}");
            self.port = free_port();
        }
    }

    fn daemon_command(&self) -> Command {
        let mut command = Daemon::command(&self.place, &self.daemon);
        let log = std::fs::File::create(self.place.join("log")).unwrap();
        command
            .arg("-D")
            .arg(self.place.join("data"))
            .arg("-k")
            .arg(self.place.path())
            .args(["-p", &self.port.to_string()]);
        let own = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        for (name, value) in own.iter().chain(&self.settings) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command
    }

    /// Waits until it answers; `false` when it ended instead.
    fn comes_up(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.running.as_mut().is_none_or(Daemon::has_ended) {
                return false;
            }
            if self.run_client("postgres", "SELECT 1").status.success() {
                return true;
            }
            assert!(Instant::now() < deadline, "postgres does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop_immediate();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_keeps_its_data_through_a_crash_and_has_a_standby() {
        let Some(mut server) = PostgresServer::start() else {
            return;
        };
        server.psql(
            "postgres",
            "CREATE TABLE t(a int); INSERT INTO t VALUES (7)",
        );
        let port = server.port();
        server.stop_immediate();
        assert!(std::net::TcpStream::connect((server.host(), port)).is_err());
        server.start_again();
        assert_eq!(server.port(), port);
        assert_eq!(server.psql("postgres", "SELECT a FROM t"), "7\n");
        let standby = server.standby();
        assert_eq!(
            standby.psql("postgres", "SELECT a, pg_is_in_recovery() FROM t"),
            "7|t\n"
        );
    }
}
