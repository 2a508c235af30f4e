//! A private MariaDB server: its own data directory, loopback port and Unix socket, and a user with a password.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::daemon::{Daemon, PATIENCE};
use crate::installed::programs;
use crate::place::{Place, free_port};

/// The user that tests connect as. It may do everything but what a server grants its administrators.
const USER: &str = "tester";
const PASSWORD: &str = "s3cret canary";

/// Times that another free port is tried.
const STARTS: u32 = 5;

/// Small files, because every test that stops its server has one of its own.
const SMALL: [&str; 5] = [
    "--innodb-log-file-size=8M",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=2",
    "--key-buffer-size=1M",
    "--performance-schema=OFF",
];

/// A running server, or a stopped one that can be started again. It ends when this is dropped.
#[derive(Debug)]
pub struct MariaDbServer {
    place: Place,
    daemon: PathBuf,
    client: PathBuf,
    port: u16,
    settings: Vec<String>,
    running: Option<Daemon>,
}

impl MariaDbServer {
    /// Starts a server; `None`, after one line on standard error, where it is not installed.
    pub fn start() -> Option<Self> {
        Self::with_settings(&[])
    }

    /// Starts a server with these options of `mariadbd`, as `--max-connections=3`.
    pub fn with_settings(settings: &[&str]) -> Option<Self> {
        let mut server = Self::installed(settings)?;
        server.launch();
        Some(server)
    }

    /// Starts a server that offers TLS with a certificate for `localhost` and 127.0.0.1. Its authority is the file
    /// [`ca_file`](Self::ca_file).
    pub fn with_tls(settings: &[&str]) -> Option<Self> {
        let mut server = Self::installed(settings)?;
        crate::certificates::write(&server.place);
        for (option, file) in [
            ("ca", "ca.pem"),
            ("cert", "server.pem"),
            ("key", "server.key"),
        ] {
            let path = server.place.join(file);
            server
                .settings
                .push(format!("--ssl-{option}={}", path.display()));
        }
        server.launch();
        Some(server)
    }

    /// A data directory without a running server.
    fn installed(settings: &[&str]) -> Option<Self> {
        let names = ["mariadbd", "mariadb-install-db", "mariadb"];
        let [daemon, installer, client] = programs("mariadb-server", names)?;
        let place = Place::new();
        let data = place.join("data");
        std::fs::create_dir(&data).unwrap();
        place.give_to_server(&data);
        let done = place
            .command(&installer)
            .args([
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ])
            .args(SMALL)
            .arg(format!("--datadir={}", data.display()))
            // Servers that start clear the common directory of what they take for their own leftovers.
            .arg(option("tmpdir", place.path()))
            .output()
            .unwrap();
        assert!(done.status.success(), "mariadb-install-db: {done:?}");
        let mut server = Self {
            place,
            daemon,
            client,
            port: free_port(),
            settings: settings
                .iter()
                .map(|setting| (*setting).to_owned())
                .collect(),
            running: None,
        };
        server.create_user();
        Some(server)
    }

    /// The user is made by a server that reads its statements from a file and is not reached by anybody.
    fn create_user(&mut self) {
        let file = self.place.join("users.sql");
        let sql = format!(
            "CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL PRIVILEGES ON *.* TO {USER}@'%';\n\
             REVOKE SUPER, READ ONLY ADMIN, CONNECTION ADMIN ON *.* FROM {USER}@'%';\n"
        );
        std::fs::write(&file, sql).unwrap();
        self.place.give_to_server(&file);
        self.settings
            .push(format!("--init-file={}", file.display()));
        self.launch();
        self.settings.pop();
        self.stop();
    }

    /// The address that it listens on.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The TCP port that it listens on; the same after every start.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The Unix socket that it listens on.
    pub fn socket(&self) -> PathBuf {
        self.place.join("s")
    }

    /// A user with all privileges but those to override `read_only` and `max_connections`.
    pub fn user(&self) -> &'static str {
        USER
    }

    /// That user's password.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The certificate of the authority that signed the server's, with [`with_tls`](Self::with_tls).
    pub fn ca_file(&self) -> PathBuf {
        self.place.join("ca.pem")
    }

    /// The server's process number, while it runs.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().unwrap().pid()
    }

    /// Runs SQL as the administrator with the installed client; columns are separated by tabs. An empty `database`
    /// means none.
    pub fn sql(&self, database: &str, text: &str) -> String {
        let done = self.client(database, text);
        assert!(done.status.success(), "{text}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    }

    fn client(&self, database: &str, text: &str) -> std::process::Output {
        Command::new(&self.client)
            .args([
                "--no-defaults",
                "--user=root",
                "--batch",
                "--skip-column-names",
            ])
            .arg("--default-character-set=utf8mb4")
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--execute={text}"))
            .args((!database.is_empty()).then_some(database))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Stops the server in order.
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// Kills the server as a crash would.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Stops the server's process where it is: connections stay, and nothing answers until [`release`](Self::release).
    pub fn hold(&self) {
        self.signal(Signal::STOP);
        let file = format!("/proc/{}/stat", self.pid());
        let held = || {
            let stat = std::fs::read_to_string(&file).unwrap();
            stat.rsplit_once(')')
                .unwrap()
                .1
                .trim_start()
                .starts_with('T')
        };
        while !held() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets a held server go on.
    pub fn release(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
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
            self.end(Signal::KILL);
            let log = std::fs::read_to_string(self.place.join("log")).unwrap_or_default();
            assert!(
                attempt < STARTS && log.contains("Bind on TCP/IP port"),
                "mariadbd: {log}"
            );
            self.port = free_port();
        }
    }

    fn daemon_command(&self) -> Command {
        let mut command = Daemon::command(&self.place, &self.daemon);
        let log = std::fs::File::create(self.place.join("log")).unwrap();
        command
            .args([
                "--no-defaults",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
            ])
            .args(SMALL)
            .arg(option("datadir", &self.place.join("data")))
            .arg(option("socket", &self.socket()))
            .arg(option("pid-file", &self.place.join("pid")))
            .arg(option("tmpdir", self.place.path()))
            .arg(format!("--port={}", self.port))
            .args(&self.settings)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command
    }

    /// Waits until it answers; `false` when it ended instead.
    fn comes_up(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = match &mut self.running {
                Some(running) => running.has_ended(),
                None => true,
            };
            if ended {
                return false;
            }
            if self.client("", "SELECT 1").status.success() {
                return true;
            }
            assert!(Instant::now() < deadline, "mariadbd does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for MariaDbServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_keeps_its_data_through_a_kill_and_listens_on_port_and_socket() {
        let Some(mut server) = MariaDbServer::start() else {
            return;
        };
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
