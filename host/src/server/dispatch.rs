//! Runs framed calls: each on a blocking thread when it is its turn, and stops long ones whose caller is gone.

use std::sync::Arc;

use serde_json::{Value, json};

use super::json_rpc::{Call, Frame, INVALID_PARAMS, METHOD_NOT_FOUND, Message, Response, RpcError};
use super::turns::Turns;
use crate::commands::error::{CommandError, ErrorCode};
use crate::commands::job::Job;
use crate::commands::service::CommandService;
use crate::foundation::cancellation::Cancellation;

/// What runs calls.
pub(super) struct Dispatcher {
    service: Arc<dyn CommandService>,
    turns: Turns,
    /// Stops all long commands, at the end of the server.
    ending: Cancellation,
}

/// What goes back to the client: nothing, if it only sent notifications.
pub(super) enum Reply {
    Nothing,
    One(Response),
    Several(Vec<Response>),
}

impl Dispatcher {
    /// Runs the commands of `service` until `ending`.
    pub(super) fn new(service: Arc<dyn CommandService>, ending: Cancellation) -> Self {
        Self {
            service,
            turns: Turns::new(),
            ending,
        }
    }

    /// Runs what a body holds. The calls of a batch run one after the other.
    pub(super) async fn reply(&self, message: Message) -> Reply {
        match message {
            Message::Single(frame) => self.answer(frame).await.map_or(Reply::Nothing, Reply::One),
            Message::Batch(frames) => {
                let mut responses = Vec::new();
                for frame in frames {
                    responses.extend(self.answer(frame).await);
                }
                if responses.is_empty() {
                    Reply::Nothing
                } else {
                    Reply::Several(responses)
                }
            }
        }
    }

    async fn answer(&self, frame: Frame) -> Option<Response> {
        match frame {
            Err(refusal) => Some(*refusal),
            Ok(Call { method, params, id }) => {
                let outcome = self.run(method, params).await;
                id.map(|id| Response::new(id, outcome))
            }
        }
    }

    async fn run(&self, method: String, params: Value) -> Result<Value, RpcError> {
        if params.is_array() {
            return Err(by_position());
        }
        let turn = self
            .turns
            .take(self.service.is_long(&method))
            .await
            .ok_or_else(RpcError::busy)?;
        let stop = StopWhenDropped(self.ending.part());
        let job = Job::cancelled_by(stop.0.clone());
        let service = Arc::clone(&self.service);
        let running = tokio::task::spawn_blocking(move || {
            // Held by the thread: the caller may be gone long before the command is.
            let _turn = turn;
            service.run(&method, params, &job)
        });
        match running.await {
            Ok(Ok(data)) => Ok(json!({"success": true, "data": data})),
            Ok(Err(error)) => failed(&error),
            // The panic itself is in the log.
            Err(_) => Err(RpcError::internal()),
        }
    }
}

/// Stops a command whose caller hung up: the future that waits for it is dropped then.
struct StopWhenDropped(Cancellation);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        // After the command's end nobody looks at it any more.
        self.0.cancel();
    }
}

/// Calls that could not be made are errors of the protocol; commands that ran and failed are results.
fn failed(error: &CommandError) -> Result<Value, RpcError> {
    let code = match error.code() {
        ErrorCode::UnknownCommand => METHOD_NOT_FOUND,
        ErrorCode::InvalidParameters => INVALID_PARAMS,
        _ => return Ok(json!({"success": false, "error": error.to_json()})),
    };
    let mut data = error.data().unwrap_or_else(|| json!({}));
    if let Some(facts) = data.as_object_mut() {
        facts.insert("code".to_owned(), error.code().as_str().into());
    }
    Err(RpcError {
        code,
        message: error.message().to_owned(),
        data: Some(data),
    })
}

fn by_position() -> RpcError {
    let message =
        "the parameters are an array, expected an object: parameters go by name".to_owned();
    let data = json!({"code": ErrorCode::InvalidParameters.as_str()});
    RpcError {
        code: INVALID_PARAMS,
        message,
        data: Some(data),
    }
}
