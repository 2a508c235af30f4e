//! Answers framed calls of JSON-RPC.

use std::sync::Arc;

use serde_json::{Value, json};

use super::calls::{CallError, Calls};
use super::json_rpc::{Call, Frame, Message, Response, RpcError};
use crate::commands::error::{CommandError, ErrorCode};

/// What answers calls.
pub(super) struct Dispatcher {
    calls: Arc<Calls>,
}

/// What goes back to the client: nothing, if it only sent notifications.
pub(super) enum Reply {
    Nothing,
    One(Response),
    Several(Vec<Response>),
}

impl Dispatcher {
    /// Answers what `calls` makes of calls.
    pub(super) fn new(calls: Arc<Calls>) -> Self {
        Self { calls }
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
                let outcome = self.run(&method, params).await;
                id.map(|id| Response::new(id, outcome))
            }
        }
    }

    async fn run(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        if params.is_array() {
            return Err(by_position());
        }
        match self.calls.call(method, params).await {
            Ok(data) => Ok(json!({"success": true, "data": data})),
            // Commands that ran and failed are results.
            Err(CallError::Failed(error)) => {
                Ok(json!({"success": false, "error": error.to_json()}))
            }
            Err(CallError::NotRun(error)) => Err(rpc_error(&error)),
        }
    }
}

/// The error of the protocol for a call that could not be made.
pub(super) fn rpc_error(error: &CommandError) -> RpcError {
    let mut data = error.data().unwrap_or_else(|| json!({}));
    if let Some(facts) = data.as_object_mut() {
        facts.insert("code".to_owned(), error.code().as_str().into());
    }
    RpcError {
        code: error.code().json_rpc_number(),
        message: error.message().to_owned(),
        data: Some(data),
    }
}

fn by_position() -> RpcError {
    let message = "the parameters are an array, expected an object: parameters go by name";
    rpc_error(&CommandError::new(ErrorCode::InvalidParameters, message))
}
