//! What a client hears over a WebSocket.

use serde_json::{Map, Value, json};

use super::requests::{Events, Repeated};
use crate::commands::error::CommandError;
use crate::commands::jobs::state::{JobState, JobStatus, envelope};

/// A job was taken, and may even be over by now; that is told next.
pub(super) fn accepted(state: &JobState) -> Value {
    let pending = JobState {
        status: JobStatus::Pending,
        ..state.clone()
    };
    command_event("command_accepted", &pending, Map::new())
}

/// Where a job is, in the words of `events`.
pub(super) fn of_state(events: Events, state: &JobState) -> Value {
    match events {
        Events::CommandSession => command_state(state),
        Events::QueueJob => job_state(state),
    }
}

fn command_state(state: &JobState) -> Value {
    let mut more = Map::new();
    let event = match state.status {
        JobStatus::Pending | JobStatus::Running => {
            more.insert("progress".into(), state.percent().into());
            more.insert("description".into(), state.description().into());
            "command_progress"
        }
        JobStatus::Completed => "command_completed",
        JobStatus::Failed => {
            more.insert("error".into(), error_text(state).into());
            "command_failed"
        }
        JobStatus::Stopped => {
            more.insert("data".into(), json!({"reason": state.stop}));
            "command_cancelled"
        }
    };
    if state.status.is_final() {
        let fetch = json!({"method": "queue_get_job_status", "params": {"job_id": *state.id}});
        more.insert("result_ready".into(), true.into());
        more.insert("result_rpc".into(), fetch);
    }
    command_event(event, state, more)
}

fn command_event(event: &str, state: &JobState, more: Map<String, Value>) -> Value {
    let mut fields = Map::new();
    fields.insert("event".into(), event.into());
    fields.insert("job_id".into(), (*state.id).into());
    if let Some(request_id) = &state.request_id {
        fields.insert("request_id".into(), (**request_id).into());
    }
    fields.insert("command".into(), (*state.command).into());
    fields.insert("status".into(), state.status.as_str().into());
    fields.insert("result_channel".into(), "rpc".into());
    fields.extend(more);
    Value::Object(fields)
}

fn job_state(state: &JobState) -> Value {
    let job_id = &*state.id;
    let result = || state.outcome.as_deref().map(envelope);
    match state.status {
        JobStatus::Pending | JobStatus::Running => json!({
            "event": "job_progress",
            "job_id": job_id,
            "progress": state.percent(),
            "description": state.description(),
        }),
        JobStatus::Completed => {
            json!({"event": "job_completed", "job_id": job_id, "result": result()})
        }
        JobStatus::Failed => {
            json!({"event": "job_failed", "job_id": job_id, "error": error_text(state), "result": result()})
        }
        JobStatus::Stopped => {
            json!({"event": "job_stopped", "job_id": job_id, "result": result()})
        }
    }
}

fn error_text(state: &JobState) -> String {
    state
        .error()
        .map_or_else(String::new, |error| error.message().to_owned())
}

/// A message could not be followed.
pub(super) fn refused(repeated: Repeated, error: &CommandError) -> Value {
    let mut data = error.data().unwrap_or_else(|| json!({}));
    if let Some(facts) = data.as_object_mut() {
        facts.insert("code".into(), error.code().as_str().into());
        facts.insert("domain_code".into(), error.code().as_str().into());
    }
    let code = error.code().json_rpc_number();
    let mut fields = Map::new();
    fields.insert("event".into(), "command_error".into());
    for (name, value) in [
        ("action", repeated.action),
        ("request_id", repeated.request_id),
        ("job_id", repeated.job_id),
        ("command", repeated.command),
    ] {
        if !value.is_null() {
            fields.insert(name.into(), value);
        }
    }
    fields.insert("status".into(), "failed".into());
    fields.insert("result_channel".into(), "rpc".into());
    fields.insert("result_ready".into(), false.into());
    fields.insert("code".into(), code.into());
    let error = json!({"code": code, "message": error.message(), "data": data});
    fields.insert("error".into(), error);
    fields.insert("data".into(), data);
    Value::Object(fields)
}

/// Events of a job cannot be told.
pub(super) fn not_subscribed(job_id: &str, error: &CommandError) -> Value {
    json!({"action": "subscribe_error", "job_id": job_id, "error": error.message()})
}

/// A job was asked to stop.
pub(super) fn cancelled(state: &JobState, request_id: Option<String>) -> Value {
    let status = if state.status.is_final() {
        state.status.as_str()
    } else {
        "stopping"
    };
    let mut answer =
        json!({"action": "cancel_command", "success": true, "job_id": *state.id, "status": status});
    if let (Some(request_id), Some(fields)) = (request_id, answer.as_object_mut()) {
        fields.insert("request_id".into(), request_id.into());
    }
    answer
}
