//! The threads that follow one worker process: what it says, what it prints, and how it ends.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::foundation::control::{ControlError, LineReader, WorkerMessage};

use super::exit_reason::ExitReason;
use super::worker_launcher::{LaunchError, system};

/// Lines of standard error that are kept to explain an end.
const KEPT_STDERR_LINES: usize = 20;

/// A longer line of standard error is cut here, in bytes.
const MAX_STDERR_LINE: u64 = 8 * 1024;

/// Time for the last lines of standard error after the process ended; a grandchild may hold the
/// pipe open longer.
const STDERR_GRACE: Duration = Duration::from_millis(200);

/// Something about a running worker; [`ChildEvent::Ended`] is always the last of one process.
#[derive(Debug)]
pub enum ChildEvent {
    /// The worker sent a message.
    Said(WorkerMessage),
    /// The worker sent what is no message; nothing more is read from it.
    Nonsense(String),
    /// The process ended and is reaped.
    Ended(ExitReason),
}

/// The threads that watch one process; started before it, so that no process is ever left
/// unwatched.
pub(super) struct Watch {
    children: crossbeam_channel::Sender<Child>,
}

impl Watch {
    pub(super) fn start(
        worker: &str,
        control: &UnixStream,
        stderr: PipeReader,
        report: impl Fn(ChildEvent) + Clone + Send + 'static,
    ) -> Result<Watch, LaunchError> {
        let said = control
            .try_clone()
            .map_err(system("duplicate a control socket"))?;
        let closing = control
            .try_clone()
            .map_err(system("duplicate a control socket"))?;
        let (children, started) = bounded(1);
        let tail = StderrTail::default();
        let (stderr_over, stderr_end) = bounded(1);
        spawn_thread("worker-stderr", {
            let (tail, worker) = (tail.clone(), worker.to_owned());
            move || {
                tail.follow(stderr, &worker);
                drop(stderr_over);
            }
        })?;
        let reader = spawn_thread("worker-control", {
            let report = report.clone();
            move || relay_messages(said, report)
        });
        let waiter = reader.and_then(|reader| {
            let end = ChildEnd {
                started,
                closing,
                reader,
                tail,
                stderr_end,
            };
            spawn_thread("worker-wait", move || end.follow(report))
        });
        if waiter.is_err() {
            let _ = control.shutdown(Shutdown::Both);
        }
        waiter.map(|_| Watch { children })
    }

    pub(super) fn hand_over(self, mut child: Child) -> Result<(u32, OwnedFd), LaunchError> {
        let id = child.id();
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        let opened = pid
            .ok_or(rustix::io::Errno::SRCH)
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
        match opened {
            Ok(pidfd) => {
                // The thread waits for exactly this and for nothing else.
                let _ = self.children.send(child);
                Ok((id, pidfd))
            }
            Err(error) => {
                let _ = child.kill().and_then(|()| child.wait());
                Err(system("watch a started worker (pidfd_open)")(error.into()))
            }
        }
    }
}

fn spawn_thread(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, LaunchError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(system("start a thread"))
}

fn relay_messages(control: UnixStream, report: impl Fn(ChildEvent)) {
    let mut reader = LineReader::new(control);
    loop {
        match reader.read("a message from a worker") {
            Ok(message) => report(ChildEvent::Said(message)),
            Err(ControlError::Gone | ControlError::Io(_)) => return,
            Err(error) => return report(ChildEvent::Nonsense(error.to_string())),
        }
    }
}

/// What the waiting thread needs to report the end of a process after everything else that it said.
struct ChildEnd {
    started: Receiver<Child>,
    closing: UnixStream,
    reader: JoinHandle<()>,
    tail: StderrTail,
    stderr_end: Receiver<()>,
}

impl ChildEnd {
    fn follow(self, report: impl Fn(ChildEvent)) {
        // Without a child, starting it failed and the caller knows.
        let Ok(mut child) = self.started.recv() else {
            return;
        };
        let status = child.wait();
        // What the child wrote can still be read; then the stream ends, even if a grandchild
        // inherited it.
        let _ = self.closing.shutdown(Shutdown::Both);
        let _ = self.reader.join();
        let _ = self.stderr_end.recv_timeout(STDERR_GRACE);
        report(ChildEvent::Ended(exit_reason(status, self.tail.lines())));
    }
}

fn exit_reason(status: io::Result<ExitStatus>, stderr: Vec<String>) -> ExitReason {
    match status {
        Ok(status) => ExitReason {
            cause: None,
            code: status.code(),
            signal: status.signal(),
            stderr,
            doing: None,
        },
        Err(error) => ExitReason {
            cause: Some(format!("its exit status is lost: {error}")),
            stderr,
            ..ExitReason::default()
        },
    }
}

/// The last lines of a worker's standard error.
#[derive(Clone, Default)]
struct StderrTail {
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl StderrTail {
    fn follow(&self, stderr: PipeReader, worker: &str) {
        let mut stderr = BufReader::new(stderr);
        let mut line = Vec::new();
        while (&mut stderr)
            .take(MAX_STDERR_LINE)
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            tracing::info!(worker, "{text}");
            self.keep(text);
            line.clear();
        }
    }

    fn keep(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_STDERR_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn only_the_last_lines_of_standard_error_are_kept() {
        let (stderr, mut writer) = io::pipe().unwrap();
        for number in 1..=25 {
            writeln!(writer, "line {number}").unwrap();
        }
        drop(writer);
        let tail = StderrTail::default();
        tail.follow(stderr, "w");
        let lines = tail.lines();
        assert_eq!(
            (lines.len(), lines[0].as_str(), lines[19].as_str()),
            (20, "line 6", "line 25")
        );
    }
}
