//! The child's half of the control conversation: hello in, ready and heartbeats out, a signal when to stop.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::control::{
    ControlError, HostMessage, LineReader, Refusal, WorkerMessage, malformed, write_line,
};
use super::shutdown_signal::{
    DEFAULT_SHUTDOWN_TIME, ShutdownReason, ShutdownRequest, ShutdownSignal,
};

/// Exit status of a worker that did not finish in time after its host had gone.
pub const EXIT_ABANDONED: i32 = 70;

/// A worker's connection to the host that started it.
pub struct ControlChannel {
    /// Shared with the heartbeat thread: a line is written whole before the next begins.
    writer: Arc<Mutex<UnixStream>>,
    /// Taken by the listening thread once hello was read.
    reader: Option<LineReader<UnixStream>>,
    shutdown: ShutdownSignal,
}

impl ControlChannel {
    /// Takes standard input as the control socket and puts this process under its host's command.
    ///
    /// SIGTERM raises the shutdown signal. SIGINT does nothing: a `^C` reaches every process of the
    /// terminal, and the host alone decides when its workers stop. Call this once, first in a
    /// worker's main. Standard input stays what it is, so whatever the worker itself starts needs
    /// another one.
    ///
    /// # Errors
    /// [`ControlError::NotAControlSocket`] when the process was not started by a host.
    pub fn from_stdin() -> Result<ControlChannel, ControlError> {
        let stdin = io::stdin().as_fd().try_clone_to_owned();
        let stream = require_socket(stdin.map_err(ControlError::NotAControlSocket)?)?;
        let channel = ControlChannel::from_stream(stream)?;
        channel.shutdown.trigger_on(&[SIGTERM])?;
        ignore_interrupts()?;
        Ok(channel)
    }

    /// A channel over any stream, without signals of the system.
    ///
    /// # Errors
    /// The system's, when the stream cannot be duplicated.
    pub fn from_stream(stream: UnixStream) -> Result<ControlChannel, ControlError> {
        let reader = LineReader::new(stream.try_clone()?);
        let writer = Arc::new(Mutex::new(stream));
        Ok(ControlChannel {
            writer,
            reader: Some(reader),
            shutdown: ShutdownSignal::new(),
        })
    }

    /// Blocks for the host's first message, then listens for the others in the background. Call it
    /// once.
    ///
    /// # Errors
    /// [`ControlError::Gone`] without a host, [`ControlError::Malformed`] when the first message is
    /// not a hello of this shape (a host of another version).
    pub fn hello<T: DeserializeOwned>(&mut self) -> Result<T, ControlError> {
        const EXPECTED: &str = "a hello from the host";
        let mut reader = self.reader.take().ok_or(ControlError::Gone)?;
        let HostMessage::Hello(payload) = reader.read(EXPECTED)? else {
            return Err(ControlError::Malformed {
                expected: EXPECTED,
                problem: "it said shutdown".into(),
            });
        };
        let hello = serde_json::from_value(payload).map_err(|error| malformed(EXPECTED, &error))?;
        let shutdown = self.shutdown.clone();
        thread::Builder::new()
            .name("control".into())
            .spawn(move || listen(reader, &shutdown))?;
        Ok(hello)
    }

    /// Tells the host that the worker does its job from now on; `payload` says how to reach it.
    ///
    /// # Errors
    /// [`ControlError::Gone`] without a host.
    pub fn ready(&self, payload: &impl Serialize) -> Result<(), ControlError> {
        let payload = serde_json::to_value(payload).map_err(ControlError::Unwritable)?;
        send(&self.writer, &WorkerMessage::Ready(payload))
    }

    /// Tells the host that this worker will not start, and that starting it again would not help;
    /// then exit.
    ///
    /// # Errors
    /// [`ControlError::Gone`] without a host.
    pub fn refused(&self, refusal: Refusal) -> Result<(), ControlError> {
        send(&self.writer, &WorkerMessage::Refused(refusal))
    }

    /// Tells the host how the worker does.
    ///
    /// # Errors
    /// [`ControlError::Gone`] without a host, [`ControlError::LineTooLong`].
    pub fn heartbeat(&self, status: Value) -> Result<(), ControlError> {
        send(&self.writer, &WorkerMessage::Heartbeat(status))
    }

    /// Sends `status()` every `interval` from a thread of its own, until the host is gone.
    ///
    /// A `status` that takes the worker's main locks makes the host's watchdog notice a deadlock
    /// too.
    ///
    /// # Errors
    /// The system's, when the thread cannot be started.
    pub fn spawn_heartbeats(
        &self,
        interval: Duration,
        status: impl Fn() -> Value + Send + 'static,
    ) -> Result<(), ControlError> {
        let writer = Arc::clone(&self.writer);
        thread::Builder::new()
            .name("heartbeats".into())
            .spawn(move || {
                while send(&writer, &WorkerMessage::Heartbeat(status())).is_ok() {
                    thread::sleep(interval);
                }
            })?;
        Ok(())
    }

    /// The signal that is raised by the host's shutdown message, by its death, and by SIGTERM.
    pub fn shutdown_signal(&self) -> ShutdownSignal {
        self.shutdown.clone()
    }
}

/// Any other descriptor fails here, before the worker waits for a hello that never comes.
fn require_socket(descriptor: OwnedFd) -> Result<UnixStream, ControlError> {
    let stream = UnixStream::from(descriptor);
    stream
        .peer_addr()
        .map_err(ControlError::NotAControlSocket)?;
    Ok(stream)
}

fn send(writer: &Mutex<UnixStream>, message: &WorkerMessage) -> Result<(), ControlError> {
    let stream = writer.lock().unwrap_or_else(PoisonError::into_inner);
    write_line(&*stream, message)
}

/// Follows the host until it goes; then gives this process a limited time to finish.
fn listen(mut reader: LineReader<UnixStream>, shutdown: &ShutdownSignal) {
    loop {
        match reader.read("a message from the host") {
            Ok(HostMessage::Shutdown { deadline_ms }) => {
                let time = Duration::from_millis(deadline_ms);
                shutdown.trigger(ShutdownRequest::within(ShutdownReason::Requested, time));
            }
            Ok(HostMessage::Hello(_)) => {
                tracing::warn!("the host said hello twice; the second is ignored")
            }
            Err(ControlError::Malformed { problem, .. }) => {
                tracing::warn!(
                    problem,
                    "a message from the host is not understood and ignored"
                );
            }
            Err(_) => break,
        }
    }
    shutdown.trigger(ShutdownRequest::within(
        ShutdownReason::HostGone,
        DEFAULT_SHUTDOWN_TIME,
    ));
    // Nobody is left to kill a worker that hangs while it finishes, so it must do that itself.
    thread::sleep(DEFAULT_SHUTDOWN_TIME);
    tracing::error!("the host is gone and this worker did not finish in time; it is abandoned");
    std::process::exit(EXIT_ABANDONED);
}

/// Replaces the default action, which is to die, by none. A handler, unlike SIG_IGN, is not
/// inherited by children.
fn ignore_interrupts() -> Result<(), ControlError> {
    let noted = Arc::new(std::sync::atomic::AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, noted)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Hello {
        name: String,
    }

    fn pair() -> (UnixStream, ControlChannel) {
        let (host, child) = UnixStream::pair().unwrap();
        (host, ControlChannel::from_stream(child).unwrap())
    }

    #[test]
    fn a_whole_conversation() {
        let (host, mut channel) = pair();
        write_line(&host, &HostMessage::Hello(json!({"name": "w1"}))).unwrap();
        assert_eq!(
            channel.hello::<Hello>().unwrap(),
            Hello { name: "w1".into() }
        );

        let mut from_child = LineReader::new(host.try_clone().unwrap());
        channel.ready(&json!({"socket": "/s"})).unwrap();
        let ready: WorkerMessage = from_child.read("ready").unwrap();
        assert_eq!(ready, WorkerMessage::Ready(json!({"socket": "/s"})));

        channel
            .spawn_heartbeats(Duration::from_millis(1), || json!({"busy": 3}))
            .unwrap();
        for _ in 0..3 {
            let beat: WorkerMessage = from_child.read("a heartbeat").unwrap();
            assert_eq!(beat, WorkerMessage::Heartbeat(json!({"busy": 3})));
        }

        assert!(!channel.shutdown_signal().is_triggered());
        write_line(
            &host,
            &HostMessage::Shutdown {
                deadline_ms: 60_000,
            },
        )
        .unwrap();
        let request = channel
            .shutdown_signal()
            .wait_timeout(Duration::from_secs(10))
            .unwrap();
        assert_eq!(request.reason, ShutdownReason::Requested);
        let left = request
            .deadline
            .saturating_duration_since(std::time::Instant::now());
        assert!(
            left > Duration::from_secs(40) && left <= Duration::from_secs(60),
            "{left:?}"
        );
        // The host's end stays open until here: its closing would start the guard that ends an
        // abandoned process.
        std::mem::forget(host);
        std::mem::forget(from_child);
    }

    #[test]
    fn a_host_that_says_nothing_and_goes_is_noticed() {
        let (host, mut channel) = pair();
        drop(host);
        assert!(matches!(channel.hello::<Hello>(), Err(ControlError::Gone)));
    }

    #[test]
    fn a_hello_of_another_shape_is_refused() {
        let (host, mut channel) = pair();
        write_line(&host, &HostMessage::Hello(json!({"title": "w1"}))).unwrap();
        let error = channel.hello::<Hello>().unwrap_err();
        assert!(
            matches!(
                error,
                ControlError::Malformed {
                    expected: "a hello from the host",
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn a_worker_started_by_hand_is_told_so() {
        let error = require_socket(std::fs::File::open("/dev/null").unwrap().into()).unwrap_err();
        let told =
            "standard input is not a control socket: workers are started by the host, not by hand";
        assert!(error.to_string().starts_with(told), "{error}");
        require_socket(UnixStream::pair().unwrap().0.into()).unwrap();
    }

    #[test]
    fn a_refusal_reaches_the_host() {
        let (host, channel) = pair();
        channel
            .refused(Refusal::new("owned", "taken by 7"))
            .unwrap();
        let said: WorkerMessage = LineReader::new(host).read("a refusal").unwrap();
        assert_eq!(
            said,
            WorkerMessage::Refused(Refusal::new("owned", "taken by 7"))
        );
    }
}
