//! The one way in which any worker process is started, whatever its kind.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Signal, pidfd_send_signal};

use crate::foundation::control::{ControlError, HostMessage, write_line};

use super::worker_spec::{WorkerKind, WorkerSpec};
use super::worker_watch::{ChildEvent, Watch};

/// Variable that tells a process that it is a DB worker; drivers placed in workers refuse to open
/// without it.
pub const DB_WORKER_VARIABLE: &str = "CODE_ANALYSIS_DB_WORKER";

/// How long the host may be held up by a child that does not read its messages.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a worker could not be launched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The system refused.
    #[error("{doing}: {source}")]
    System {
        /// What was attempted.
        doing: String,
        /// The system's error.
        source: io::Error,
    },
    /// The hello is longer than the control socket allows.
    #[error("the hello cannot be sent: {0}")]
    Hello(#[source] ControlError),
}

impl LaunchError {
    /// Whether trying again may help: a full process table empties, a missing program does not
    /// appear.
    pub fn is_transient(&self) -> bool {
        use io::ErrorKind::{InvalidInput, NotFound, PermissionDenied};
        match self {
            LaunchError::System { source, .. } => {
                !matches!(source.kind(), NotFound | PermissionDenied | InvalidInput)
            }
            LaunchError::Hello(_) => false,
        }
    }
}

/// A started worker process. Dropping it closes the control socket, which tells the worker to
/// finish.
pub struct RunningWorker {
    pid: u32,
    /// Names this very process even after it ended and its id was given to another.
    pidfd: OwnedFd,
    control: UnixStream,
}

impl RunningWorker {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`ControlError`]; a worker that does not read for some seconds is an error too.
    pub fn send(&self, message: &HostMessage) -> Result<(), ControlError> {
        write_line(&self.control, message)
    }

    /// Sends a signal; one that comes too late is no error.
    pub fn signal(&self, signal: Signal) {
        if let Err(error) = pidfd_send_signal(&self.pidfd, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(pid = self.pid, %error, "a signal could not be sent to a worker");
        }
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        // The watching threads share the socket, so closing this descriptor alone would say nothing
        // to the worker; and what it still says is to be heard.
        let _ = self.control.shutdown(Shutdown::Write);
    }
}

/// Starts the worker of `spec` and says hello to it. `report` is called from other threads with all
/// that happens.
///
/// # Errors
/// [`LaunchError`]; then no process is left and nothing is reported.
pub fn launch(
    spec: &WorkerSpec,
    report: impl Fn(ChildEvent) + Clone + Send + 'static,
) -> Result<RunningWorker, LaunchError> {
    let mut hello = Vec::new();
    write_line(&mut hello, &HostMessage::Hello(spec.hello.clone())).map_err(LaunchError::Hello)?;
    let (control, child_control) = UnixStream::pair().map_err(system("create a control socket"))?;
    let (stderr, child_stderr) = io::pipe().map_err(system("create a pipe"))?;
    let watch = Watch::start(&spec.name, &control, stderr, report)?;

    let mut command = command(spec);
    command
        .stdin(OwnedFd::from(child_control))
        .stderr(child_stderr);
    let spawned = command
        .spawn()
        .map_err(system(&format!("start {}", spec.executable.display())));
    // It holds the child's ends: only without it do both streams end when the child does.
    drop(command);
    let (pid, pidfd) = spawned
        .and_then(|child| watch.hand_over(child))
        .inspect_err(|_| {
            // Ends the reading thread, which shares the socket.
            let _ = control.shutdown(Shutdown::Both);
        })?;

    let worker = RunningWorker {
        pid,
        pidfd,
        control,
    };
    // A child that does not read has ended, which is reported, or hangs, which the ready timeout
    // notices.
    if let Err(error) = worker
        .control
        .set_write_timeout(Some(WRITE_TIMEOUT))
        .and_then(|()| (&worker.control).write_all(&hello))
    {
        tracing::debug!(worker = spec.name, %error, "a worker did not read its hello");
    }
    Ok(worker)
}

/// Everything but the inherited descriptors.
fn command(spec: &WorkerSpec) -> Command {
    let mut command = Command::new(&spec.executable);
    command.args(&spec.args).stdout(Stdio::null());
    // Whoever sets LD_PRELOAD for the host must not thereby inject code into the owner of the
    // database.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LD_") {
            command.env_remove(name);
        }
    }
    match spec.kind {
        WorkerKind::Database => command.env(DB_WORKER_VARIABLE, "1"),
        _ => command.env_remove(DB_WORKER_VARIABLE),
    };
    command.envs(spec.env.iter().map(|(name, value)| (name, value)));
    command
}

pub(super) fn system(doing: &str) -> impl FnOnce(io::Error) -> LaunchError {
    let doing = format!("cannot {doing}");
    move |source| LaunchError::System { doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::control::{MAX_LINE_BYTES, WorkerMessage};
    use crate::supervisor::exit_reason::ExitReason;
    use crate::supervisor::test_worker::{PATIENCE, spec};
    use crossbeam_channel::unbounded;
    use serde_json::Value;
    use std::ffi::OsStr;

    #[test]
    fn only_a_database_worker_is_marked_as_one() {
        let marked = |kind| {
            let command = command(&WorkerSpec {
                kind,
                ..spec("w", "good")
            });
            let found = command
                .get_envs()
                .find(|(name, _)| *name == DB_WORKER_VARIABLE);
            found.map(|(_, value)| value.map(OsStr::to_owned))
        };
        assert_eq!(marked(WorkerKind::Database), Some(Some("1".into())));
        assert_eq!(marked(WorkerKind::FileWatcher), Some(None));
    }

    #[test]
    fn nothing_that_changes_the_dynamic_linker_is_inherited() {
        // Cargo sets LD_LIBRARY_PATH for tests, so there is something to scrub.
        let (sender, events) = unbounded();
        let report = move |event| drop(sender.send(event));
        let worker = launch(&spec("w", "environment"), report).unwrap();
        let ChildEvent::Said(WorkerMessage::Ready(seen)) = events.recv_timeout(PATIENCE).unwrap()
        else {
            panic!("ready")
        };
        assert_eq!(
            (&seen["ld"], &seen["marked"]),
            (&Value::Array(Vec::new()), &Value::Null)
        );
        drop(worker);
        let ended = events.recv_timeout(PATIENCE).unwrap();
        assert!(
            matches!(&ended, ChildEvent::Ended(ExitReason { code: Some(0), .. })),
            "a worker without a host stops: {ended:?}"
        );
    }

    #[test]
    fn a_hello_that_is_too_long_starts_nothing() {
        let hello = Value::from("x".repeat(MAX_LINE_BYTES));
        let error = launch(
            &WorkerSpec {
                hello,
                ..spec("w", "good")
            },
            |_| {},
        )
        .err()
        .unwrap();
        assert!(
            matches!(error, LaunchError::Hello(ControlError::LineTooLong { .. })),
            "{error}"
        );
    }
}
