//! A private server of either engine: how it is started on its own data, stopped, killed, held and started again.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use test_installed::{Package, program};

use crate::certificates;
use crate::daemon::{Daemon, PATIENCE};
use crate::place::{Place, free_port};

/// The user that tests connect as.
pub(crate) const USER: &str = "tester";
/// That user's password.
pub(crate) const PASSWORD: &str = "s3cret canary";

/// Times that another free port is tried.
const STARTS: u32 = 5;

/// What differs between the engines.
pub trait Engine: Sized {
    /// Debian's package with its programs.
    const PACKAGE: Package;
    /// The server's program.
    const DAEMON: &'static str;
    /// The signal that ends it as a crash would.
    const CRASH: Signal;
    /// The signal that ends it in order, whoever is connected.
    const STOP: Signal;
    /// What its log says when another process has its port.
    const PORT_IS_TAKEN: &'static str;
    /// The settings that make it speak TLS with the files `ca.pem`, `server.pem` and `server.key`.
    const TLS: &'static [(&'static str, &'static str)];

    /// Writes a data directory with its administrator into the place of the server, which does not run.
    fn install(server: &mut Server<Self>);
    /// The arguments of the server's program but for the settings of the test.
    fn arguments(server: &Server<Self>) -> Vec<String>;
    /// The arguments that say one setting.
    fn setting(name: &str, value: &str) -> Vec<String>;
    /// The installed client with the arguments that run SQL as the administrator.
    fn client(server: &Server<Self>, database: &str, sql: &str) -> Command;
}

/// A running server, or a stopped one that can be started again. It ends when this is dropped.
#[derive(Debug)]
pub struct Server<E: Engine> {
    pub(crate) place: Place,
    pub(crate) port: u16,
    pub(crate) settings: Vec<(String, String)>,
    running: Option<Daemon>,
    engine: std::marker::PhantomData<E>,
}

impl<E: Engine> Server<E> {
    /// Starts a server.
    ///
    /// # Panics
    /// Where it is not installed: the attribute `needs` is for tests to be counted as ignored there.
    pub fn start() -> Self {
        Self::with_settings(&[])
    }

    /// Starts a server with these settings, as `("max_connections", "5")`.
    pub fn with_settings(settings: &[(&str, &str)]) -> Self {
        let mut server = Self::installed(settings);
        server.launch();
        server
    }

    /// Starts a server that offers TLS with a certificate for `localhost` and 127.0.0.1. Its authority is the file
    /// [`ca_file`](Self::ca_file).
    pub fn with_tls(settings: &[(&str, &str)]) -> Self {
        let mut server = Self::installed(settings);
        certificates::write(&server.place);
        for (name, value) in E::TLS {
            let value = match *value {
                file if Path::new(file).extension().is_some() => server.file(file),
                word => word.to_owned(),
            };
            server.settings.push(((*name).to_owned(), value));
        }
        server.launch();
        server
    }

    /// With a data directory, not running.
    fn installed(settings: &[(&str, &str)]) -> Self {
        let missing = E::PACKAGE.missing();
        assert_eq!(missing, None, "this needs a server");
        let mut server = Self::at(Place::new());
        E::install(&mut server);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        server.settings = settings.iter().map(owned).collect();
        server
    }

    /// In this place, with nothing in it.
    pub(crate) fn at(place: Place) -> Self {
        Self {
            place,
            port: free_port(),
            settings: Vec::new(),
            running: None,
            engine: std::marker::PhantomData,
        }
    }

    /// The address that it listens on.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The TCP port that it listens on; the same after every start.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user that tests connect as.
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
        self.daemon().pid()
    }

    /// Runs SQL as the administrator with the installed client; columns are separated by tabs.
    pub fn sql(&self, database: &str, text: &str) -> String {
        let done = self.run_client(database, text);
        assert!(done.status.success(), "{text}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    }

    pub(crate) fn run_client(&self, database: &str, text: &str) -> Output {
        let mut client = E::client(self, database, text);
        client.stdin(Stdio::null()).output().unwrap()
    }

    /// Runs one of the engine's programs in the server's place to its end.
    pub(crate) fn run_program(&self, name: &str, arguments: &[String]) {
        let mut command = self.place.command(&program(name).unwrap());
        let done = command.args(arguments).output().unwrap();
        assert!(done.status.success(), "{name}: {done:?}");
    }

    /// The path of a file in the server's place.
    pub(crate) fn file(&self, name: &str) -> String {
        self.place.join(name).display().to_string()
    }

    /// Stops the server in order; its connections are cut.
    pub fn stop(&mut self) {
        self.end(E::STOP);
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        self.end(E::CRASH);
    }

    /// Stops the server's first process where it is: connections stay, and it answers nothing until
    /// [`release`](Self::release). (PostgreSQL's sessions are processes of their own, and go on.)
    pub fn hold(&self) {
        self.daemon().signal(Signal::STOP);
        let file = format!("/proc/{}/stat", self.pid());
        let held = || {
            let stat = std::fs::read_to_string(&file).unwrap();
            let (_, state) = stat.rsplit_once(')').unwrap();
            state.trim_start().starts_with('T')
        };
        while !held() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets a held server go on.
    pub fn release(&self) {
        self.daemon().signal(Signal::CONT);
    }

    /// Starts the server again on the same data and the same port.
    pub fn start_again(&mut self) {
        assert!(self.running.is_none(), "the server runs already");
        self.launch();
    }

    fn daemon(&self) -> &Daemon {
        self.running.as_ref().unwrap()
    }

    fn end(&mut self, signal: Signal) {
        if let Some(running) = self.running.take() {
            running.end(signal);
        }
    }

    pub(crate) fn launch(&mut self) {
        for attempt in 1..=STARTS {
            self.running = Some(Daemon::spawn(self.daemon_command()));
            if self.comes_up() {
                return;
            }
            self.kill();
            let log = std::fs::read_to_string(self.place.join("log")).unwrap_or_default();
            let taken = log.contains(E::PORT_IS_TAKEN);
            assert!(attempt < STARTS && taken, "{}: {log}", E::DAEMON);
            self.port = free_port();
        }
    }

    fn daemon_command(&self) -> Command {
        let mut command = Daemon::command(&self.place, &program(E::DAEMON).unwrap());
        let log = std::fs::File::create(self.place.join("log")).unwrap();
        command.args(E::arguments(self));
        for (name, value) in &self.settings {
            command.args(E::setting(name, value));
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
            if self.run_client("", "SELECT 1").status.success() {
                return true;
            }
            assert!(Instant::now() < deadline, "{} does not answer", E::DAEMON);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl<E: Engine> Drop for Server<E> {
    fn drop(&mut self) {
        self.kill();
    }
}
