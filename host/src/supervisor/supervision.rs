//! The life of one supervised worker as a state machine, run by one thread that sleeps until something happens.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use rustix::process::Signal;
use serde_json::Value;

use crate::foundation::control::{HostMessage, Refusal, WorkerMessage};

use super::exit_reason::ExitReason;
use super::restart_policy::{RestartDecision, RestartHistory};
use super::worker_handle::{Failure, FailureReason, WorkerCell};
use super::worker_launcher::{RunningWorker, launch};
use super::worker_spec::WorkerSpec;
use super::worker_status::WorkerState;
use super::worker_watch::ChildEvent;

/// Time between SIGTERM and SIGKILL.
pub(super) const TERM_GRACE: Duration = Duration::from_secs(1);

/// Time for a worker that refused to exit by itself.
const REFUSED_GRACE: Duration = Duration::from_secs(1);

/// A deadline seen this late means that this host itself was stopped, so its worker may be
/// innocent.
const HOST_STALL: Duration = Duration::from_secs(1);

/// What the supervising thread reacts to.
pub(super) enum Event {
    /// Something about the process.
    Child(ChildEvent),
    /// Somebody wants the worker to stop; `grace` defaults to the spec's stop timeout.
    Stop { grace: Option<Duration> },
}

/// What the thread waits for.
enum Phase {
    /// The ready message.
    Starting { until: Instant },
    /// The next heartbeat.
    Ready { until: Instant },
    /// The exit of a worker that refused.
    Refused { refusal: Refusal, until: Instant },
    /// The exit of a killed worker, which cannot fail to come.
    Killed,
    /// The time of the next start.
    BackingOff { until: Instant },
    /// The exit of a worker that was asked to.
    Stopping {
        step: StopStep,
        until: Option<Instant>,
    },
    /// Nothing: the thread ends.
    Over,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StopStep {
    Asked,
    Terminated,
    Killed,
}

/// One worker's supervising thread.
pub(super) struct Supervision {
    spec: WorkerSpec,
    cell: Arc<WorkerCell>,
    events: Receiver<Event>,
    /// Handed to the threads that watch each process.
    sender: Sender<Event>,
    history: RestartHistory,
    phase: Phase,
    running: Option<RunningWorker>,
    /// Why this host killed the process, for its exit reason.
    cause: Option<String>,
}

impl Supervision {
    pub(super) fn new(
        spec: WorkerSpec,
        cell: Arc<WorkerCell>,
        events: Receiver<Event>,
        sender: Sender<Event>,
    ) -> Supervision {
        let history = RestartHistory::new(spec.policy.clone());
        Supervision {
            spec,
            cell,
            events,
            sender,
            history,
            phase: Phase::Over,
            running: None,
            cause: None,
        }
    }

    /// Runs until the worker is stopped or failed.
    pub(super) fn run(mut self) {
        self.launch();
        while !matches!(self.phase, Phase::Over) {
            match self.next_event() {
                Some(Event::Child(ChildEvent::Said(message))) => self.said(message),
                Some(Event::Child(ChildEvent::Nonsense(problem))) => self.kill(problem),
                Some(Event::Child(ChildEvent::Ended(reason))) => self.ended(reason),
                Some(Event::Stop { grace }) => self.stop(grace.unwrap_or(self.spec.stop_timeout)),
                None => self.deadline_passed(Instant::now()),
            }
        }
    }

    /// Blocks for the next event; `None` when the deadline of the phase comes first.
    fn next_event(&self) -> Option<Event> {
        match self.deadline() {
            // `self` holds a sender, so the channel is never disconnected.
            None => self.events.recv().ok(),
            Some(until) => self.events.recv_deadline(until).ok(),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Starting { until }
            | Phase::Ready { until }
            | Phase::Refused { until, .. }
            | Phase::BackingOff { until } => Some(until),
            Phase::Stopping { until, .. } => until,
            Phase::Killed | Phase::Over => None,
        }
    }

    fn launch(&mut self) {
        let sender = self.sender.clone();
        let launched = launch(&self.spec, move |event| {
            // Nobody listens any more only when the whole host ends.
            let _ = sender.send(Event::Child(event));
        });
        match launched {
            Ok(worker) => {
                let pid = worker.pid();
                tracing::info!(worker = self.spec.name, pid, "worker started");
                self.running = Some(worker);
                self.phase = Phase::Starting {
                    until: Instant::now() + self.spec.ready_timeout,
                };
                self.cell.publish(|seen| {
                    seen.state = WorkerState::Starting;
                    seen.pid = Some(pid);
                    seen.launched = Some(Instant::now());
                    seen.heartbeat = None;
                });
            }
            Err(error) if error.is_transient() => {
                self.restart_after(ExitReason::not_started(error.to_string()))
            }
            Err(error) => self.fail(
                FailureReason::GaveUp(error.to_string()),
                ExitReason::not_started(error.to_string()),
            ),
        }
    }

    fn said(&mut self, message: WorkerMessage) {
        match message {
            WorkerMessage::Ready(payload) => self.became_ready(payload),
            WorkerMessage::Heartbeat(status) => self.beat(status),
            WorkerMessage::Refused(refusal) if matches!(self.phase, Phase::Starting { .. }) => {
                self.phase = Phase::Refused {
                    refusal,
                    until: Instant::now() + REFUSED_GRACE,
                };
            }
            WorkerMessage::Refused(_) => self.kill("it refused after it had been ready".to_owned()),
        }
    }

    fn became_ready(&mut self, payload: Value) {
        if matches!(self.phase, Phase::Starting { .. }) {
            tracing::info!(worker = self.spec.name, "worker ready");
            self.phase = Phase::Ready {
                until: Instant::now() + self.spec.heartbeat_timeout,
            };
            self.cell.publish(|seen| {
                seen.state = WorkerState::Ready;
                seen.ready = Some(payload);
            });
        }
    }

    fn beat(&mut self, status: Value) {
        if matches!(self.phase, Phase::Ready { .. }) {
            self.phase = Phase::Ready {
                until: Instant::now() + self.spec.heartbeat_timeout,
            };
        }
        self.cell.publish(|seen| seen.heartbeat = Some(status));
    }

    /// The process is gone and reaped.
    fn ended(&mut self, mut reason: ExitReason) {
        self.running = None;
        if let Some(cause) = self.cause.take() {
            reason.cause = Some(cause);
        }
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Stopping { .. } => self.stopped(Some(reason)),
            Phase::Refused { refusal, .. } => {
                reason.cause = Some(format!(
                    "it refused ({}): {}",
                    refusal.code, refusal.message
                ));
                self.fail(FailureReason::Refused(refusal), reason);
            }
            _ => {
                let on_end = self.spec.on_end.as_ref();
                match on_end.and_then(|on_end| on_end(&mut reason)) {
                    Some(why_not) => self.fail(
                        FailureReason::GaveUp(format!("{reason}; {why_not}")),
                        reason,
                    ),
                    None => self.restart_after(reason),
                }
            }
        }
    }

    fn restart_after(&mut self, reason: ExitReason) {
        match self.history.ended(Instant::now(), jitter()) {
            RestartDecision::After(delay) => {
                tracing::warn!(worker = self.spec.name, %reason, ?delay, "worker ended; it is started again");
                self.phase = Phase::BackingOff {
                    until: Instant::now() + delay,
                };
                self.publish_end(WorkerState::BackingOff, Some(reason), None);
            }
            RestartDecision::GiveUp => {
                let policy = &self.spec.policy;
                let text = format!(
                    "{reason} ({} restarts within {:?})",
                    policy.max_restarts, policy.period
                );
                self.fail(FailureReason::GaveUp(text), reason);
            }
        }
    }

    fn fail(&mut self, why: FailureReason, reason: ExitReason) {
        match &why {
            // A refusal is an answer, not an accident: whoever asked for the worker reports it.
            FailureReason::Refused(refusal) => {
                tracing::info!(
                    worker = self.spec.name,
                    code = refusal.code,
                    "worker refuses: {}",
                    refusal.message
                );
            }
            FailureReason::GaveUp(text) => {
                tracing::error!(worker = self.spec.name, "worker failed: {text}")
            }
        }
        self.phase = Phase::Over;
        let failure = Failure {
            since: Instant::now(),
            reason: why,
        };
        self.publish_end(WorkerState::Failed, Some(reason), Some(failure));
    }

    fn stopped(&mut self, reason: Option<ExitReason>) {
        tracing::info!(worker = self.spec.name, "worker stopped");
        self.phase = Phase::Over;
        self.publish_end(WorkerState::Stopped, reason, None);
    }

    fn publish_end(
        &self,
        state: WorkerState,
        reason: Option<ExitReason>,
        failure: Option<Failure>,
    ) {
        self.cell.publish(|seen| {
            seen.state = state;
            seen.pid = None;
            seen.launched = None;
            seen.ready = None;
            seen.failure = failure;
            if reason.is_some() {
                seen.last_exit = reason;
            }
        });
    }

    fn stop(&mut self, grace: Duration) {
        let Some(worker) = &self.running else {
            return self.stopped(None);
        };
        let until = Instant::now() + grace;
        match &mut self.phase {
            // Asked again: only patience may change.
            Phase::Stopping {
                until: Some(earlier),
                ..
            } => *earlier = until.min(*earlier),
            Phase::Stopping { .. } => {}
            _ => {
                let deadline_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
                if let Err(error) = worker.send(&HostMessage::Shutdown { deadline_ms }) {
                    tracing::debug!(worker = self.spec.name, %error, "a worker cannot be asked to stop");
                }
                self.phase = Phase::Stopping {
                    step: StopStep::Asked,
                    until: Some(until),
                };
                self.cell.publish(|seen| seen.state = WorkerState::Stopping);
            }
        }
    }

    fn deadline_passed(&mut self, now: Instant) {
        match self.phase {
            Phase::BackingOff { .. } => {
                self.cell.publish(|seen| seen.restarts += 1);
                self.launch();
            }
            Phase::Ready { until } if now.saturating_duration_since(until) > HOST_STALL => {
                self.phase = Phase::Ready {
                    until: now + self.spec.heartbeat_timeout,
                };
            }
            Phase::Ready { .. } => self.kill(format!(
                "no heartbeat for {:?}",
                self.spec.heartbeat_timeout
            )),
            Phase::Starting { .. } => {
                self.kill(format!("not ready within {:?}", self.spec.ready_timeout))
            }
            Phase::Refused { .. } => self.signal(Signal::KILL),
            Phase::Stopping { step, .. } => self.stop_harder(step, now),
            Phase::Killed | Phase::Over => {}
        }
    }

    fn stop_harder(&mut self, step: StopStep, now: Instant) {
        let (signal, step, until) = match step {
            StopStep::Asked => (Signal::TERM, StopStep::Terminated, Some(now + TERM_GRACE)),
            StopStep::Terminated | StopStep::Killed => (Signal::KILL, StopStep::Killed, None),
        };
        self.cause = Some(format!(
            "it did not stop when asked, so it got signal {}",
            signal.as_raw()
        ));
        self.signal(signal);
        self.phase = Phase::Stopping { step, until };
    }

    fn kill(&mut self, cause: String) {
        tracing::warn!(worker = self.spec.name, cause, "worker killed");
        self.cause = Some(cause);
        self.signal(Signal::KILL);
        if !matches!(self.phase, Phase::Stopping { .. }) {
            self.phase = Phase::Killed;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(worker) = &self.running {
            worker.signal(signal);
        }
    }
}

/// A number from 0 to 1; the keys of the standard library's hash maps are random, and that is
/// random enough.
fn jitter() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests;
