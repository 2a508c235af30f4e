//! `commands [NAME]`: what `call` and the server offer.

use serde_json::{Value, json};

use super::exit_code::Exit;
use super::failure::CliError;
use super::output::Output;
use super::table;
use crate::app::calling::{CallError, commands};

/// Lists the commands, or describes one.
pub(super) fn run(name: Option<&str>, output: &mut Output<'_>) -> Result<Exit, CliError> {
    match name {
        None => list(output)?,
        Some(name) => describe(name, output)?,
    }
    Ok(Exit::Ok)
}

fn list(output: &mut Output<'_>) -> Result<(), CliError> {
    let described = descriptions()?;
    if output.is_json() {
        return output.document(&json!({ "commands": described }));
    }
    let rows: Vec<Vec<String>> = described
        .iter()
        .map(|command| {
            ["name", "access", "summary"]
                .map(|key| text(&command[key]))
                .into()
        })
        .collect();
    output.lines(&table::render(
        &["name", "access", "summary"],
        &rows,
        output.width(),
    ))?;
    output.line("`code-analysis-host commands NAME` shows parameters; `call NAME key=value...` runs a command")
}

fn descriptions() -> Result<Vec<Value>, CliError> {
    let registry = commands();
    let described = registry.commands().iter().map(|command| {
        Ok(json!({
            "name": command.name(),
            "summary": command.summary(),
            "access": command.access(),
            "long": command.is_long(),
            "schema": command.schema().map_err(CallError::from)?,
            "output_schema": command.output_schema().map_err(CallError::from)?,
            "example": command.example(),
        }))
    });
    described.collect()
}

fn describe(name: &str, output: &mut Output<'_>) -> Result<(), CliError> {
    commands().find(name).map_err(CallError::from)?;
    let described = descriptions()?
        .into_iter()
        .find(|command| command["name"] == name)
        .unwrap_or_default();
    if output.is_json() {
        return output.document(&described);
    }
    output.line(&format!("{name}: {}", text(&described["summary"])))?;
    let rows = parameter_rows(&described["schema"]);
    if !rows.is_empty() {
        output.lines(&table::render(
            &["parameter", "type", "", "meaning"],
            &rows,
            None,
        ))?;
    }
    output.line(&format!(
        "for example: call {name} --params '{}'",
        described["example"]
    ))
}

fn parameter_rows(schema: &Value) -> Vec<Vec<String>> {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let need = if required.contains(&name.as_str().into()) {
                "required"
            } else {
                ""
            };
            vec![
                name.clone(),
                type_of(property),
                need.to_owned(),
                text(&property["description"]),
            ]
        })
        .collect()
}

/// `string`, `integer`, or the words that are allowed.
fn type_of(property: &Value) -> String {
    if let Some(words) = property["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .filter(|word| !word.is_null())
            .map(text)
            .collect();
        return words.join("|");
    }
    if let Some(alternatives) = property["anyOf"].as_array() {
        let types: Vec<String> = alternatives
            .iter()
            .map(type_of)
            .filter(|name| name != "null")
            .collect();
        return types.join("|");
    }
    match &property["type"] {
        Value::Array(types) => {
            let types: Vec<String> = types
                .iter()
                .map(text)
                .filter(|name| name != "null")
                .collect();
            types.join("|")
        }
        one => text(one),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map(str::to_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_listed_with_its_schema() {
        let mut buffer = Vec::new();
        run(None, &mut Output::to_buffer(&mut buffer, true)).unwrap();
        let listed: Value = serde_json::from_slice(&buffer).unwrap();
        let names: Vec<&str> = listed["commands"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["name"].as_str().unwrap())
            .collect();
        assert!(
            names.contains(&"update_indexes") && names.is_sorted(),
            "{names:?}"
        );
        assert_eq!(listed["commands"][0]["schema"]["type"], "object");
    }

    #[test]
    fn one_command_is_described_with_its_parameters() {
        let mut buffer = Vec::new();
        run(
            Some("find_usages"),
            &mut Output::to_buffer(&mut buffer, false),
        )
        .unwrap();
        let shown = String::from_utf8(buffer).unwrap();
        assert!(shown.starts_with("find_usages: Finds where"), "{shown}");
        let row = |name: &str| {
            shown
                .lines()
                .find(|line| line.starts_with(name))
                .unwrap_or_default()
                .to_owned()
        };
        assert!(
            row("target_name").contains("string") && row("target_name").contains("required"),
            "{shown}"
        );
        assert!(
            row("target_type").contains("method|property|class|function"),
            "{shown}"
        );
        assert!(
            row("limit").contains("integer") && row("limit").contains("default 100"),
            "{shown}"
        );
        assert!(
            shown.contains("for example: call find_usages --params '{"),
            "{shown}"
        );
    }

    #[test]
    fn an_unknown_command_is_a_usage_error() {
        let mut buffer = Vec::new();
        let error = run(
            Some("find_usage"),
            &mut Output::to_buffer(&mut buffer, false),
        )
        .unwrap_err();
        let CliError::Failed(failure) = error else {
            panic!("a failure")
        };
        assert_eq!(
            (failure.exit, failure.code.as_str()),
            (Exit::Usage, "UNKNOWN_COMMAND")
        );
    }
}
