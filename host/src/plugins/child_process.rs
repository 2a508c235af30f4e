//! A child of this executable that opens a plugin: what it inherits, what it says, and that it ends in time.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// What makes a process a DB worker. A host may run below one; the children that it asks about plugins are
/// none unless they are made so.
pub const DB_WORKER_VARIABLE: &str = "CODE_ANALYSIS_DB_WORKER";

/// Variables with this prefix tell the dynamic linker to load other code than the file that is asked
/// about.
const LINKER_PREFIX: &[u8] = b"LD_";

/// How often is looked whether the child has ended: there is no wait with a limit.
const PAUSE: Duration = Duration::from_millis(2);

/// Most that a child may print.
const MAX_OUTPUT: u64 = 1024 * 1024;

/// How a child ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself, or by a signal, after it had printed this.
    Exited {
        /// Its standard output.
        output: Vec<u8>,
        /// Its status.
        status: ExitStatus,
    },
    /// It cannot be waited for.
    Lost(io::Error),
    /// It took too long, and was killed.
    TimedOut {
        /// What it had printed by then.
        output: Vec<u8>,
    },
}

/// A command whose standard output is read, and whose environment has of the `inherited` variables only those
/// that do not change what it finds.
pub fn command(executable: &Path, inherited: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new(executable);
    command
        .env_remove(DB_WORKER_VARIABLE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    for name in inherited.filter(|name| name.as_bytes().starts_with(LINKER_PREFIX)) {
        command.env_remove(name);
    }
    command
}

/// Waits for a child of [`command`], which is killed when it takes longer than `timeout`.
pub fn finish(mut child: Child, timeout: Duration) -> Ended {
    let deadline = Instant::now() + timeout;
    let heard = Heard::default();
    let all = child
        .stdout
        .take()
        .is_some_and(|stdout| heard.until(stdout, deadline));
    // A child that has closed its output has not ended yet, and need not.
    let ended = all.then(|| end_until(&mut child, deadline)).flatten();
    match ended {
        Some(Ok(status)) => Ended::Exited {
            output: heard.take(),
            status,
        },
        Some(Err(error)) => Ended::Lost(error),
        None => {
            // It took too long whether or not the child could be ended and reaped.
            let _ = child.kill();
            let _ = child.wait();
            Ended::TimedOut {
                output: heard.take(),
            }
        }
    }
}

/// What a child has printed so far.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// Takes all that is written; false when its end does not come in time.
    fn until(&self, stdout: ChildStdout, deadline: Instant) -> bool {
        let (said, hears) = mpsc::channel();
        let heard = self.clone();
        std::thread::spawn(move || {
            let read = heard.read(stdout.take(MAX_OUTPUT));
            // Nobody listens any more when the child took too long.
            let _ = said.send(read);
        });
        let left = deadline.saturating_duration_since(Instant::now());
        matches!(hears.recv_timeout(left), Ok(Ok(())))
    }

    fn read(&self, mut stdout: impl Read) -> io::Result<()> {
        let mut part = [0; 4096];
        loop {
            match stdout.read(&mut part) {
                Ok(0) => return Ok(()),
                Ok(length) => self.lock().extend_from_slice(&part[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the child ended; none when it does not in time.
fn end_until(child: &mut Child, deadline: Instant) -> Option<io::Result<ExitStatus>> {
    loop {
        if let Some(ended) = child.try_wait().transpose() {
            return Some(ended);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_no_db_worker_and_loads_nothing_else() {
        let inherited = ["LD_PRELOAD", "LD_AUDIT", "HOME", "OLD_X"].map(OsString::from);
        let command = command(Path::new("/h"), inherited.into_iter());
        let changed: Vec<_> = command.get_envs().collect();
        assert_eq!(
            changed,
            ["CODE_ANALYSIS_DB_WORKER", "LD_AUDIT", "LD_PRELOAD"].map(|name| (name.as_ref(), None))
        );
    }
}
