//! One WebSocket's conversation: which jobs it hears of, and what is answered to its messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::events;
use super::requests::{Events, Repeated, Request};
use crate::commands::error::{CommandError, ErrorCode};
use crate::commands::jobs::state::{JobState, StopReason};
use crate::server::calls::{Calls, until_end};

/// Least time between two events about the progress of one job.
const PROGRESS_PAUSE: Duration = Duration::from_millis(100);

/// How long the answer to a cancellation waits for the job's end, so that it usually can say `stopped`. The client of the
/// older program waits half a second for it.
const CANCEL_PATIENCE: Duration = Duration::from_millis(200);

/// Most jobs that one socket hears of at once.
const MOST_SUBSCRIPTIONS: usize = 256;

/// One socket's conversation.
pub(super) struct Conversation {
    calls: Arc<Calls>,
    say: mpsc::Sender<Value>,
    /// What tells events, by job and kind. Events of jobs that have ended are told and over.
    tellers: HashMap<(String, Events), AbortHandle>,
}

impl Conversation {
    /// A conversation that hears of nothing yet; what is not an answer goes through `say`.
    pub(super) fn new(calls: Arc<Calls>, say: mpsc::Sender<Value>) -> Self {
        Self {
            calls,
            say,
            tellers: HashMap::new(),
        }
    }

    /// Follows a message; `Some` is to be answered before anything else.
    pub(super) fn hear(&mut self, text: &str) -> Option<Value> {
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => return Some(not_understood(Repeated::default(), &error)),
        };
        let repeated = serde_json::from_value(value.clone()).unwrap_or_default();
        match serde_json::from_value(value) {
            Ok(request) => self.follow(request, repeated),
            Err(error) => Some(not_understood(repeated, &error)),
        }
    }

    fn follow(&mut self, request: Request, repeated: Repeated) -> Option<Value> {
        match request {
            Request::ExecuteCommand {
                command,
                params,
                request_id,
            } => {
                let submitted = self.submit(&command, params, request_id.as_deref());
                Some(submitted.unwrap_or_else(|error| events::refused(repeated, &error)))
            }
            Request::CancelCommand {
                job_id,
                request_id,
                reason,
            } => self
                .cancel(&job_id, request_id, reason)
                .err()
                .map(|error| events::refused(repeated, &error)),
            Request::ResumeCommandEvents { job_id } => self
                .subscribe(&job_id, Events::CommandSession)
                .err()
                .map(|error| events::refused(repeated, &error)),
            Request::Subscribe {
                job_id,
                subscription_type,
            } => self
                .subscribe(&job_id, subscription_type)
                .err()
                .map(|error| events::not_subscribed(&job_id, &error)),
            Request::Unsubscribe {
                job_id,
                subscription_type,
            } => {
                self.unsubscribe(&job_id, subscription_type);
                None
            }
        }
    }

    fn submit(
        &mut self,
        command: &str,
        params: Option<Map<String, Value>>,
        request_id: Option<&str>,
    ) -> Result<Value, CommandError> {
        self.check_room()?;
        let service = self.calls.service();
        let prepared = service.prepare(command, Value::Object(params.unwrap_or_default()))?;
        let watched = service.jobs().submit(prepared, None, request_id)?;
        let accepted = events::accepted(&watched.borrow());
        self.tell(watched, Events::CommandSession);
        Ok(accepted)
    }

    fn cancel(
        &self,
        job_id: &str,
        request_id: Option<String>,
        reason: Option<StopReason>,
    ) -> Result<(), CommandError> {
        let jobs = self.calls.service().jobs();
        let mut watched = jobs.watch(job_id)?;
        jobs.stop(job_id, reason.unwrap_or(StopReason::Cancelled))?;
        let say = self.say.clone();
        tokio::spawn(async move {
            let end = until_end(&mut watched, |_| ());
            let ended = tokio::time::timeout(CANCEL_PATIENCE, end).await.ok();
            let state = ended.unwrap_or_else(|| watched.borrow().clone());
            // The client may be gone by now.
            let _ = say.send(events::cancelled(&state, request_id)).await;
        });
        Ok(())
    }

    fn subscribe(&mut self, job_id: &str, events: Events) -> Result<(), CommandError> {
        self.check_room()?;
        let watched = self.calls.service().jobs().watch(job_id)?;
        self.tell(watched, events);
        Ok(())
    }

    fn unsubscribe(&mut self, job_id: &str, events: Option<Events>) {
        for kind in [Events::CommandSession, Events::QueueJob] {
            if events.is_none_or(|events| events == kind)
                && let Some(teller) = self.tellers.remove(&(job_id.to_owned(), kind))
            {
                teller.abort();
            }
        }
    }

    fn check_room(&mut self) -> Result<(), CommandError> {
        self.tellers.retain(|_, teller| !teller.is_finished());
        if self.tellers.len() < MOST_SUBSCRIPTIONS {
            return Ok(());
        }
        let message =
            format!("this socket hears of {MOST_SUBSCRIPTIONS} jobs already; open another");
        Err(CommandError::new(ErrorCode::Busy, message))
    }

    /// Tells the events of a job until its end; of its progress not every step, but where it stands.
    fn tell(&mut self, mut watched: watch::Receiver<JobState>, kind: Events) {
        let job_id = watched.borrow().id.to_string();
        let say = self.say.clone();
        let teller = tokio::spawn(async move {
            loop {
                let state = watched.borrow_and_update().clone();
                let is_over = state.status.is_final();
                if is_over || !state.description().is_empty() {
                    let event = events::of_state(kind, &state);
                    // Where the client is gone, so is this task in a moment.
                    if say.send(event).await.is_err() || is_over {
                        return;
                    }
                    tokio::time::sleep(PROGRESS_PAUSE).await;
                }
                if watched.changed().await.is_err() {
                    return;
                }
            }
        });
        let earlier = self.tellers.insert((job_id, kind), teller.abort_handle());
        if let Some(earlier) = earlier {
            earlier.abort();
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        for teller in self.tellers.values() {
            teller.abort();
        }
    }
}

fn not_understood(repeated: Repeated, error: &serde_json::Error) -> Value {
    let message = format!(
        "the message is not understood: {error}; for example: \
         {{\"action\": \"execute_command\", \"command\": \"list_projects\", \"params\": {{}}, \"request_id\": \"1\"}}"
    );
    let error = CommandError::new(ErrorCode::InvalidParameters, message);
    events::refused(repeated, &error)
}
