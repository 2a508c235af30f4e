//! Commands as tools: their schemas made small, hints of what they do, and their answers in both forms.

use std::sync::Arc;

use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations};
use serde_json::{Map, Value};

use super::backend::Failure;
use crate::commands::command::Command;
use crate::commands::error::CommandError;
use crate::commands::operation::Access;

/// The parameter by which an answer is kept short.
const BUDGET: &str = "max_tokens";

/// Its value through this door, where the caller gives none.
const DEFAULT_BUDGET: u32 = 4000;

/// Keywords that tell an agent nothing: what a number is in Rust, and which draft of JSON Schema this is.
const NOISE: [&str; 3] = ["$schema", "title", "format"];

/// The command as a tool.
///
/// # Errors
/// As [`Command::schema`].
pub(super) fn tool(command: &Command) -> Result<Tool, CommandError> {
    let mut input = concise(command.schema()?);
    if let Some(budget) = input
        .get_mut("properties")
        .and_then(|properties| properties.get_mut(BUDGET))
        .and_then(Value::as_object_mut)
    {
        budget.insert("default".to_owned(), DEFAULT_BUDGET.into());
    }
    let output = concise(command.output_schema()?);
    Ok(
        Tool::new(command.name(), command.summary(), Arc::new(input))
            .with_title(title(command.name()))
            .with_raw_output_schema(Arc::new(output))
            .with_annotations(annotations(command)),
    )
}

/// Fills in what keeps the answer short, where the command can do so and the caller says nothing.
pub(super) fn with_budget(command: &Command, mut parameters: JsonObject) -> JsonObject {
    let has_budget = command
        .schema()
        .is_ok_and(|schema| schema["properties"].get(BUDGET).is_some());
    if has_budget {
        parameters
            .entry(BUDGET)
            .or_insert_with(|| DEFAULT_BUDGET.into());
    }
    parameters
}

/// An answer as programs read it, and as text for clients that know no other.
pub(super) fn success(data: Value) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(data.to_string())]);
    result.structured_content = Some(data);
    result
}

/// A failure that the agent can do something about; it is no answer, so it has no structured form.
pub(super) fn failure(failure: &Failure) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(failure.0.to_string())])
}

fn annotations(command: &Command) -> ToolAnnotations {
    let reads = command.access() == Access::Read;
    ToolAnnotations::with_title(title(command.name()))
        .read_only(reads)
        .destructive(command.is_destructive())
        .idempotent(command.is_idempotent())
        // The world of every command is one database and the source trees in it.
        .open_world(false)
}

/// `list_code_entities` is `List code entities`.
fn title(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The same schema without what costs room and says nothing.
fn concise(schema: &Value) -> Map<String, Value> {
    match stripped(schema) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn stripped(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(key, _)| !NOISE.contains(&key.as_str()))
                .map(|(key, value)| (key.clone(), stripped_keyword(key, value)))
                .collect(),
        ),
        Value::Array(parts) => parts.iter().map(stripped).collect(),
        other => other.clone(),
    }
}

/// The keys of `properties` are names, not keywords: a parameter may well be called `title`.
fn stripped_keyword(key: &str, value: &Value) -> Value {
    match value {
        Value::Object(properties) if key == "properties" => Value::Object(
            properties
                .iter()
                .map(|(name, schema)| (name.clone(), stripped(schema)))
                .collect(),
        ),
        other => stripped(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::commands::registry::Registry;

    fn described(name: &str) -> Value {
        let command = Registry::all().find(name).unwrap();
        serde_json::to_value(tool(command).unwrap()).unwrap()
    }

    #[test]
    fn hints_tell_what_a_command_does() {
        let tool = described("find_usages");
        assert_eq!(
            tool["annotations"],
            json!({"title": "Find usages", "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true,
                   "openWorldHint": false})
        );
        let index = described("update_indexes");
        assert_eq!(index["annotations"]["readOnlyHint"], false);
        assert_eq!(index["annotations"]["destructiveHint"], false);
        assert_eq!(index["annotations"]["idempotentHint"], true);
        let delete = described("delete_project");
        assert_eq!(delete["annotations"]["destructiveHint"], true);
    }

    #[test]
    fn schemas_have_types_and_meanings_and_no_noise() {
        for command in Registry::all().commands() {
            let tool = described(command.name());
            for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
                assert_eq!(schema["type"], "object", "{}", command.name());
            }
            let text = tool["outputSchema"].to_string();
            assert!(
                !text.contains("\"uint64\"") && !text.contains("$schema"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_property_that_is_called_like_a_keyword_stays() {
        let schema =
            json!({"title": "T", "properties": {"title": {"title": "x", "type": "string"}}});
        assert_eq!(
            stripped(&schema),
            json!({"properties": {"title": {"type": "string"}}})
        );
    }

    #[test]
    fn answers_are_short_unless_the_caller_says_otherwise() {
        let registry = Registry::all();
        let listing = registry.find("list_code_entities").unwrap();
        let filled = with_budget(listing, JsonObject::new());
        assert_eq!(filled["max_tokens"], DEFAULT_BUDGET);
        let given = json!({"max_tokens": 7}).as_object().cloned().unwrap();
        assert_eq!(with_budget(listing, given)["max_tokens"], 7);
        let status = registry.find("get_database_status").unwrap();
        assert!(with_budget(status, JsonObject::new()).is_empty());
        assert_eq!(
            described("list_code_entities")["inputSchema"]["properties"]["max_tokens"]["default"],
            DEFAULT_BUDGET
        );
    }
}
