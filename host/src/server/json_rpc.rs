//! JSON-RPC 2.0 framing: bytes to calls, outcomes to bytes; nothing is run here.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Most calls in one batch.
pub(super) const MOST_CALLS: usize = 100;

/// The bytes are not JSON.
const PARSE_ERROR: i64 = -32700;
/// The JSON is no request.
const INVALID_REQUEST: i64 = -32600;

/// What a body holds.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// One call.
    Single(Frame),
    /// Several, to be answered together; at least one.
    Batch(Vec<Frame>),
}

/// One element of a body: a call, or what to answer because it is none.
/// Boxed, because few are.
pub(super) type Frame = Result<Call, Box<Response>>;

/// A call as it was framed.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    /// The name of the command.
    pub(super) method: String,
    /// The parameters by name.
    pub(super) params: Value,
    /// What the answer repeats; none for notifications, which are not answered.
    pub(super) id: Option<Value>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Response {
    jsonrpc: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
    id: Value,
}

/// Exactly one of the two is there: clients take even `"error": null` for a failure.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Result(Value),
    Error(RpcError),
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct RpcError {
    /// One of the numbers above, or that of a command's error.
    pub(super) code: i64,
    /// One line for people.
    pub(super) message: String,
    /// Facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Value>,
}

impl RpcError {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }
}

impl Response {
    /// The answer to the call with this id.
    pub(super) fn new(id: Value, outcome: Result<Value, RpcError>) -> Self {
        let outcome = match outcome {
            Ok(result) => Outcome::Result(result),
            Err(error) => Outcome::Error(error),
        };
        Self {
            jsonrpc: "2.0",
            outcome,
            id,
        }
    }

    /// The answer to what has no id that could be repeated.
    fn refusal(id: Value, code: i64, message: impl Into<String>) -> Box<Self> {
        Box::new(Self::new(id, Err(RpcError::new(code, message))))
    }
}

/// The calls in a body.
///
/// # Errors
/// The one answer to a body that holds none.
pub(super) fn parse(body: &[u8]) -> Result<Message, Box<Response>> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Response::refusal(
            Value::Null,
            PARSE_ERROR,
            format!("the body is not valid JSON: {error}"),
        )
    })?;
    match value {
        Value::Array(calls) if calls.is_empty() => Err(Response::refusal(
            Value::Null,
            INVALID_REQUEST,
            "the batch is empty",
        )),
        Value::Array(calls) if calls.len() > MOST_CALLS => {
            let problem = format!(
                "the batch has {} calls, expected at most {MOST_CALLS}",
                calls.len()
            );
            Err(Response::refusal(Value::Null, INVALID_REQUEST, problem))
        }
        Value::Array(calls) => Ok(Message::Batch(calls.into_iter().map(frame).collect())),
        one => Ok(Message::Single(frame(one))),
    }
}

fn frame(value: Value) -> Frame {
    let Value::Object(mut fields) = value else {
        return Err(Response::refusal(
            Value::Null,
            INVALID_REQUEST,
            "a request is a JSON object",
        ));
    };
    let id = take_id(&mut fields)?;
    let invalid = |id: &Option<Value>, problem: &str| {
        Response::refusal(id.clone().unwrap_or(Value::Null), INVALID_REQUEST, problem)
    };
    if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid(&id, "the request has no \"jsonrpc\": \"2.0\""));
    }
    let Some(Value::String(method)) = fields.remove("method") else {
        return Err(invalid(
            &id,
            "the request has no \"method\" that is a string",
        ));
    };
    let params = match fields.remove("params") {
        None | Some(Value::Null) => json!({}),
        Some(params @ (Value::Object(_) | Value::Array(_))) => params,
        Some(_) => return Err(invalid(&id, "\"params\" is neither an object nor an array")),
    };
    Ok(Call { method, params, id })
}

fn take_id(fields: &mut Map<String, Value>) -> Result<Option<Value>, Box<Response>> {
    match fields.remove("id") {
        None => Ok(None),
        Some(id @ (Value::String(_) | Value::Number(_) | Value::Null)) => Ok(Some(id)),
        Some(_) => Err(Response::refusal(
            Value::Null,
            INVALID_REQUEST,
            "\"id\" is neither a string nor a number",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(body: &str) -> Frame {
        match parse(body.as_bytes()) {
            Ok(Message::Single(frame)) => frame,
            other => panic!("{other:?}"),
        }
    }

    fn refused(response: &Response) -> (i64, Value) {
        let json = serde_json::to_value(response).unwrap();
        assert!(json.get("result").is_none(), "{json}");
        (json["error"]["code"].as_i64().unwrap(), json["id"].clone())
    }

    #[test]
    fn a_call_is_framed_with_its_id() {
        let call =
            single(r#"{"jsonrpc":"2.0","method":"list_projects","params":{"limit":1},"id":"x"}"#)
                .unwrap();
        assert_eq!(call.method, "list_projects");
        assert_eq!(call.params, json!({"limit": 1}));
        assert_eq!(call.id, Some(json!("x")));
    }

    #[test]
    fn parameters_may_be_left_out_and_a_notification_has_no_id() {
        let call = single(r#"{"jsonrpc":"2.0","method":"x","params":null}"#).unwrap();
        assert_eq!((call.params, call.id), (json!({}), None));
        let null_id = single(r#"{"jsonrpc":"2.0","method":"x","id":null}"#).unwrap();
        assert_eq!(null_id.id, Some(Value::Null));
    }

    #[test]
    fn what_is_no_request_is_answered_with_the_number_that_fits() {
        for (body, code, id) in [
            ("", PARSE_ERROR, Value::Null),
            ("{", PARSE_ERROR, Value::Null),
            ("[]", INVALID_REQUEST, Value::Null),
        ] {
            assert_eq!(
                refused(&parse(body.as_bytes()).unwrap_err()),
                (code, id),
                "{body}"
            );
        }
        for (body, id) in [
            ("7", Value::Null),
            (r#"{"method":"x","id":3}"#, json!(3)),
            (r#"{"jsonrpc":"2.0","id":3}"#, json!(3)),
            (r#"{"jsonrpc":"2.0","method":7,"id":"a"}"#, json!("a")),
            (
                r#"{"jsonrpc":"2.0","method":"x","params":"p","id":3}"#,
                json!(3),
            ),
            (r#"{"jsonrpc":"2.0","method":"x","id":{}}"#, Value::Null),
        ] {
            assert_eq!(
                refused(&single(body).unwrap_err()),
                (INVALID_REQUEST, id),
                "{body}"
            );
        }
    }

    #[test]
    fn a_batch_keeps_its_order_and_its_faulty_elements() {
        let body = r#"[{"jsonrpc":"2.0","method":"a","id":1}, 7, {"jsonrpc":"2.0","method":"b"}]"#;
        let Ok(Message::Batch(frames)) = parse(body.as_bytes()) else {
            panic!("a batch")
        };
        assert_eq!(frames[0].as_ref().unwrap().method, "a");
        assert_eq!(refused(frames[1].as_ref().unwrap_err()).0, INVALID_REQUEST);
        assert_eq!(frames[2].as_ref().unwrap().id, None);
        let long = serde_json::to_vec(&vec![7; MOST_CALLS + 1]).unwrap();
        assert_eq!(refused(&parse(&long).unwrap_err()).0, INVALID_REQUEST);
    }

    #[test]
    fn an_answer_has_either_a_result_or_an_error() {
        let answer =
            serde_json::to_value(Response::new(json!(1), Ok(json!({"success": true})))).unwrap();
        assert_eq!(
            answer,
            json!({"jsonrpc": "2.0", "result": {"success": true}, "id": 1})
        );
        let error = RpcError::new(-32603, "a fault");
        let failure = serde_json::to_value(Response::new(Value::Null, Err(error))).unwrap();
        assert_eq!(failure["error"]["code"], -32603);
        assert!(
            failure.get("result").is_none() && failure["error"].get("data").is_none(),
            "{failure}"
        );
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let body = "[".repeat(100_000);
        assert_eq!(refused(&parse(body.as_bytes()).unwrap_err()).0, PARSE_ERROR);
    }
}
