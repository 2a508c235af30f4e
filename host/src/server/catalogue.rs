//! What the server offers, described for programs: `GET /commands` and `GET /openapi.json`.

use serde_json::{Map, Value, json};

use crate::commands::command::Command;
use crate::commands::registry::Registry;

/// Every command with the schema of its parameters.
pub(super) fn commands() -> Value {
    let describe = |command: &Command| {
        let entry = json!({
            "name": command.name(),
            "description": command.summary(),
            "access": command.access(),
            "is_long": command.is_long(),
            "schema": schema(command),
        });
        (command.name().to_owned(), entry)
    };
    let commands: Map<String, Value> = Registry::all().commands().iter().map(describe).collect();
    json!({ "commands": commands })
}

/// The doors in the form of OpenAPI 3.1.
pub(super) fn openapi() -> Value {
    let calls: Vec<Value> = Registry::all().commands().iter().map(call).collect();
    let one = json!({"oneOf": calls});
    let batch = json!({"type": "array", "minItems": 1, "maxItems": super::json_rpc::MOST_CALLS, "items": one});
    let get = |summary: &str| json!({"get": {"summary": summary, "responses": {"200": {"description": "As said"}}}});
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "description": env!("CARGO_PKG_DESCRIPTION"),
        },
        "paths": {
            "/api/jsonrpc": post("Call a command, or several", &json!({"oneOf": [one, batch]})),
            "/api/jsonrpc/batch": post("Call several commands", &batch),
            "/ws": get("WebSocket: commands as jobs with events"),
            "/health": get("Whether database and workers do their jobs"),
            "/heartbeat": get("That the server is there"),
            "/commands": get("Every command with the schema of its parameters"),
            "/metrics": get("Counters for Prometheus"),
            "/openapi.json": get("This description"),
        },
    })
}

fn post(summary: &str, schema: &Value) -> Value {
    json!({"post": {
        "summary": summary,
        "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {"description": "A response of JSON-RPC 2.0, or an array of them"},
            "204": {"description": "There were only notifications"},
        },
    }})
}

fn call(command: &Command) -> Value {
    json!({
        "type": "object",
        "description": command.summary(),
        "required": ["jsonrpc", "method"],
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "method": {"const": command.name()},
            "params": schema(command),
            "id": {"type": ["string", "integer", "null"]},
        },
    })
}

fn schema(command: &Command) -> Value {
    // A test of the registry rules out that there is none.
    command.schema().map_or(Value::Null, Value::clone)
}
