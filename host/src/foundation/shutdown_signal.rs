//! One request to stop, raised once from anywhere, that threads can wait on, poll or be called back by.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Time to finish work when whoever asked to stop did not say how much there is.
pub const DEFAULT_SHUTDOWN_TIME: Duration = Duration::from_secs(10);

/// Why a process is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownReason {
    /// The host sent a shutdown message, or code of this process asked.
    Requested,
    /// The host's end of the control socket closed: it ended, however it ended.
    HostGone,
    /// This signal arrived.
    Signal(i32),
}

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownRequest {
    /// Why.
    pub reason: ShutdownReason,
    /// When patience ends; work that is not finished by then is abandoned.
    pub deadline: Instant,
}

impl ShutdownRequest {
    /// A request whose deadline is `time` from now.
    pub fn within(reason: ShutdownReason, time: Duration) -> ShutdownRequest {
        ShutdownRequest {
            reason,
            deadline: Instant::now() + time,
        }
    }
}

/// A cloneable signal to stop; the first request wins and is never withdrawn.
#[derive(Clone, Default)]
pub struct ShutdownSignal {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Wakes threads in [`ShutdownSignal::wait`].
    raised: Condvar,
}

type Callback = Box<dyn FnOnce(ShutdownRequest) + Send>;

#[derive(Default)]
struct State {
    request: Option<ShutdownRequest>,
    /// Run, once, by the thread that raises the signal.
    callbacks: Vec<Callback>,
}

impl ShutdownSignal {
    /// A signal that nobody has raised.
    pub fn new() -> ShutdownSignal {
        ShutdownSignal::default()
    }

    /// Raises the signal; false when it was raised before.
    pub fn trigger(&self, request: ShutdownRequest) -> bool {
        let callbacks = {
            let mut state = self.lock();
            if state.request.is_some() {
                return false;
            }
            state.request = Some(request);
            std::mem::take(&mut state.callbacks)
        };
        self.shared.raised.notify_all();
        // Outside the lock, so that a callback may look at the signal.
        for callback in callbacks {
            callback(request);
        }
        true
    }

    /// Whether the signal was raised.
    pub fn is_triggered(&self) -> bool {
        self.request().is_some()
    }

    /// The request, if the signal was raised.
    pub fn request(&self) -> Option<ShutdownRequest> {
        self.lock().request
    }

    /// Blocks until the signal is raised.
    pub fn wait(&self) -> ShutdownRequest {
        let mut state = self.lock();
        loop {
            if let Some(request) = state.request {
                return request;
            }
            state = self
                .shared
                .raised
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Blocks until the signal is raised, or `timeout` has passed (then `None`).
    pub fn wait_timeout(&self, timeout: Duration) -> Option<ShutdownRequest> {
        let (state, _) = self
            .shared
            .raised
            .wait_timeout_while(self.lock(), timeout, |state| state.request.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.request
    }

    /// A channel that receives the request when the signal is raised; at once if it already was.
    pub fn subscribe(&self) -> Receiver<ShutdownRequest> {
        let (sender, receiver): (Sender<ShutdownRequest>, _) = bounded(1);
        self.on_shutdown(move |request| {
            // A subscriber that went away does not mind.
            let _ = sender.try_send(request);
        });
        receiver
    }

    /// Calls `callback` from the thread that raises the signal; at once if it already was raised.
    pub fn on_shutdown(&self, callback: impl FnOnce(ShutdownRequest) + Send + 'static) {
        let request = {
            let mut state = self.lock();
            match state.request {
                None => {
                    state.callbacks.push(Box::new(callback));
                    return;
                }
                Some(request) => request,
            }
        };
        callback(request);
    }

    /// Lets the operating system's `signals` (numbers such as `signal_hook::consts::SIGTERM`) raise
    /// this signal.
    ///
    /// # Errors
    /// The system's, when a handler cannot be installed.
    pub fn trigger_on(&self, signals: &[i32]) -> io::Result<()> {
        let mut arrivals = signal_hook::iterator::Signals::new(signals)?;
        let raised = self.clone();
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for signal in arrivals.forever() {
                    let reason = ShutdownReason::Signal(signal);
                    raised.trigger(ShutdownRequest::within(reason, DEFAULT_SHUTDOWN_TIME));
                }
            })?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is never left half changed, so a panic elsewhere does not spoil it.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(reason: ShutdownReason) -> ShutdownRequest {
        ShutdownRequest::within(reason, Duration::from_secs(1))
    }

    #[test]
    fn the_first_request_wins_and_wakes_everyone() {
        let signal = ShutdownSignal::new();
        let early = signal.subscribe();
        let waiter = thread::spawn({
            let signal = signal.clone();
            move || signal.wait().reason
        });
        assert!(!signal.is_triggered());
        assert!(signal.trigger(request(ShutdownReason::HostGone)));
        assert!(!signal.trigger(request(ShutdownReason::Requested)));
        assert_eq!(waiter.join().unwrap(), ShutdownReason::HostGone);
        assert_eq!(early.recv().unwrap().reason, ShutdownReason::HostGone);
        assert_eq!(
            signal.subscribe().recv().unwrap().reason,
            ShutdownReason::HostGone
        );
    }

    #[test]
    fn waiting_with_a_limit_ends_without_a_request() {
        assert_eq!(
            ShutdownSignal::new().wait_timeout(Duration::from_millis(5)),
            None
        );
    }

    #[test]
    fn a_signal_of_the_system_raises_it() {
        let signal = ShutdownSignal::new();
        signal.trigger_on(&[signal_hook::consts::SIGUSR1]).unwrap();
        signal_hook::low_level::raise(signal_hook::consts::SIGUSR1).unwrap();
        let request = signal.wait_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(
            request.reason,
            ShutdownReason::Signal(signal_hook::consts::SIGUSR1)
        );
    }
}
