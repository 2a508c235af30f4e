//! Where a round takes place: its directories, its configuration, and the processes that use them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::failure::Result;

/// How long anything may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a look at the owner's file waits for the next.
const PAUSE: Duration = Duration::from_millis(2);

/// The directories of a round.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// State, sockets, logs and histories.
    root: PathBuf,
    /// The database file.
    database: PathBuf,
    /// The program under torture.
    program: PathBuf,
}

impl Place {
    /// Makes a place below `root` for a database file.
    ///
    /// # Errors
    /// When the directories cannot be made.
    pub(crate) fn new(
        root: &Path,
        database: &Path,
        program: &Path,
        synchronous: &str,
    ) -> Result<Self> {
        for name in ["data", "run", "histories"] {
            fs::create_dir_all(root.join(name))?;
        }
        let place = Self {
            root: root.to_owned(),
            database: database.to_owned(),
            program: program.to_owned(),
        };
        let config = json!({ "code_analysis": {
            "database": {
                "path": database,
                "synchronous": synchronous,
                "worker": {
                    "executable": program,
                    "log_path": root.join("database.log"),
                    // Ends that come from outside, faster than any host should put up with otherwise.
                    "max_restarts": 1_000_000,
                    "longest_restart_pause_ms": 50,
                },
            },
            "workers": { "file_watcher": { "enabled": false } },
        }});
        fs::write(place.config(), config.to_string())?;
        Ok(place)
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }

    /// Where clients write their histories.
    pub(crate) fn histories(&self) -> PathBuf {
        self.root.join("histories")
    }

    /// The database file.
    pub(crate) fn database(&self) -> &Path {
        &self.database
    }

    /// A process that keeps to this place.
    fn command(&self, program: &Path, output: &str) -> Result<Command> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.root.join(output))?;
        let mut command = Command::new(program);
        command
            .env("XDG_DATA_HOME", self.root.join("data"))
            .env("XDG_RUNTIME_DIR", self.root.join("run"))
            .env_remove("CODE_ANALYSIS_CONFIG")
            .env_remove("CODE_ANALYSIS_PLUGINS")
            .stderr(log);
        Ok(command)
    }

    /// Starts the real host, and waits until it serves.
    ///
    /// # Errors
    /// When it ends before that.
    pub(crate) fn start_host(&self) -> Result<Host> {
        let mut command = self.command(&self.program, "host.log")?;
        command
            .arg("--config")
            .arg(self.config())
            .args(["serve", "--port", "0"]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the host has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let host = Host { child };
        if line.contains("http://") {
            Ok(host)
        } else {
            let log = fs::read_to_string(self.root.join("host.log"))?;
            let last = log.lines().last().unwrap_or_default();
            Err(format!("the host does not serve: {last}").into())
        }
    }

    /// Makes the tables, as a client.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) fn make_tables(&self) -> Result<()> {
        let mut command = self.command(&std::env::current_exe()?, "clients.log")?;
        let status = command
            .arg("prepare")
            .arg("--config")
            .arg(self.config())
            .status()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!(
                "the tables cannot be made; {} says why",
                self.root.display()
            )
            .into()),
        }
    }

    /// Starts a client.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start_client(&self, number: u64, seed: u64, pause_us: u64) -> Result<Client> {
        let mut command = self.command(&std::env::current_exe()?, "clients.log")?;
        command.arg("client").arg("--config").arg(self.config());
        command
            .arg("--history")
            .arg(self.histories().join(format!("{number}.history")));
        for (name, value) in [
            ("--number", number),
            ("--seed", seed),
            ("--pause-us", pause_us),
        ] {
            command.arg(name).arg(value.to_string());
        }
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Client { child })
    }

    /// The DB worker that owns the database: its owner file names it, and it is alive. `not` is one that was killed.
    ///
    /// # Errors
    /// When there is none within [`PATIENCE`].
    pub(crate) fn worker(&self, not: Option<u32>) -> Result<u32> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.announced() {
                Some(pid) if Some(pid) != not && is_worker(pid) => return Ok(pid),
                _ if Instant::now() < until => thread::sleep(PAUSE),
                _ => return Err("no DB worker came back".into()),
            }
        }
    }

    fn announced(&self) -> Option<u32> {
        let mut path = self.database.clone().into_os_string();
        path.push(".worker");
        let owner: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        u32::try_from(owner["pid"].as_u64()?).ok()
    }
}

/// Whether a process is a living DB worker, so that no other is ever killed in its place.
fn is_worker(pid: u32) -> bool {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    command.ends_with(b"worker\0database\0")
}

/// Sends a signal; a process that is gone is no error.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        let _ = kill_process(pid, signal);
    }
}

/// The real host, serving.
pub(crate) struct Host {
    child: Child,
}

impl Host {
    /// Kills it as kill -9 does.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Children of the host that have ended and were not waited for.
    pub(crate) fn zombies(&self) -> usize {
        let host = self.child.id();
        let tasks = fs::read_dir(format!("/proc/{host}/task"))
            .into_iter()
            .flatten();
        let children = tasks
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let is_zombie = |pid: &str| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_ok_and(|stat| stat.contains(") Z "))
        };
        children
            .map(|pids| pids.split_whitespace().filter(|pid| is_zombie(pid)).count())
            .sum()
    }

    /// Asks it to end in good order.
    ///
    /// # Errors
    /// When it does not within [`PATIENCE`].
    pub(crate) fn end(mut self) -> Result<()> {
        signal(self.child.id(), Signal::TERM);
        wait(&mut self.child, "the host")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // After an error; in order, it has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client process.
pub(crate) struct Client {
    child: Child,
}

impl Client {
    /// Kills it, whatever it is in the middle of.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Lets it finish its calls.
    ///
    /// # Errors
    /// When it does not within [`PATIENCE`].
    pub(crate) fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        wait(&mut self.child, "a client")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child, who: &str) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(status) = child.try_wait()? {
            return if status.success() {
                Ok(())
            } else {
                Err(format!("{who} ended with {status}; its log says why").into())
            };
        }
        thread::sleep(PAUSE);
    }
    Err(format!("{who} did not end within {PATIENCE:?}").into())
}
