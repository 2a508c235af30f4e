//! A server's process, which ends with the tests however they end.

use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use test_installed::program;

use crate::place::Place;

/// How long a server may take to come up or to end: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running process. The kernel ends it with the thread that started it, so that thread stays.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    /// The thread ends when this is dropped.
    _keeper: Sender<()>,
}

impl Daemon {
    /// A command for a program that the kernel kills when its parent dies, where `setpriv` is installed.
    pub(crate) fn command(place: &Place, program_file: &Path) -> Command {
        match program("setpriv") {
            Some(setpriv) => {
                let mut command = place.command(&setpriv);
                command
                    .args(["--pdeathsig", "KILL", "--"])
                    .arg(program_file);
                command
            }
            None => place.command(program_file),
        }
    }

    /// Starts the process.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let (keeper, kept) = channel::<()>();
        let (started, start) = channel();
        std::thread::spawn(move || {
            started.send(command.spawn()).unwrap();
            // Ends with an error when the other side is dropped.
            let _ = kept.recv();
        });
        Self {
            child: start.recv().unwrap().unwrap(),
            _keeper: keeper,
        }
    }

    /// Its process number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Ends the process by a signal, by force where it does not follow.
    pub(crate) fn end(mut self, signal: Signal) {
        // One that ended already has no process any more that a signal could reach.
        if self.has_ended() {
            return;
        }
        self.signal(signal);
        let deadline = Instant::now() + PATIENCE;
        while !self.has_ended() {
            if Instant::now() > deadline {
                self.child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
