//! From `key=value` to JSON: the schema of a command says what a value's text means.

use std::path::Path;

use serde_json::{Map, Value};

use super::failure::Failure;

/// The parameters of a call: those of `--params`, and those written as `key=value`.
///
/// # Errors
/// What is not of that form, and a key that is given twice. What a value's type should be is for the command's own
/// check to say: text that cannot be converted stays text.
pub(super) fn collect(
    schema: &Value,
    params: Option<&str>,
    pairs: &[String],
) -> Result<Map<String, Value>, Failure> {
    let mut collected = params.map(object).transpose()?.unwrap_or_default();
    for pair in pairs {
        let Some((key, text)) = pair.split_once('=') else {
            return Err(Failure::usage(format!(
                "{pair:?} is not of the form key=value"
            )));
        };
        if collected.contains_key(key) {
            return Err(Failure::usage(format!(
                "the parameter {key} is given twice"
            )));
        }
        collected.insert(key.to_owned(), typed(&schema["properties"][key], text));
    }
    Ok(collected)
}

/// Makes relative paths absolute: the server's current directory is another.
///
/// # Errors
/// When the current directory is unknown.
pub(super) fn make_paths_absolute(
    schema: &Value,
    parameters: &mut Map<String, Value>,
) -> Result<(), Failure> {
    for (key, value) in parameters {
        let is_path = schema["properties"][key.as_str()]["format"] == "path";
        let Value::String(text) = value else { continue };
        if is_path && !text.is_empty() {
            let path = Path::new(text.as_str());
            let absolute =
                std::path::absolute(path).map_err(|error| Failure::path(path, &error))?;
            *text = absolute.to_string_lossy().into_owned();
        }
    }
    Ok(())
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::usage(
            "--params is JSON but not an object; for example: {\"limit\": 10}",
        )),
        Err(error) => Err(Failure::usage(format!(
            "--params is not valid JSON: {error}"
        ))),
    }
}

/// The value that `text` stands for in a property of this schema.
fn typed(property: &Value, text: &str) -> Value {
    let types = types(property);
    let is = |name: &str| types.contains(&name);
    if is("string") {
        return text.into();
    }
    let json = serde_json::from_str::<Value>(text).ok();
    match json {
        Some(number @ Value::Number(_)) if is("integer") || is("number") => number,
        Some(flag @ Value::Bool(_)) if is("boolean") => flag,
        Some(list @ Value::Array(_)) if is("array") => list,
        Some(map @ Value::Object(_)) if is("object") => map,
        Some(Value::Null) if is("null") => Value::Null,
        _ if is("array") => text
            .split(',')
            .map(|item| typed(&property["items"], item.trim()))
            .collect::<Vec<_>>()
            .into(),
        _ => text.into(),
    }
}

/// The names of the JSON types that a property may have; of its alternatives, too.
fn types(property: &Value) -> Vec<&str> {
    let own = match &property["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let alternatives = property["anyOf"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(types);
    own.into_iter().chain(alternatives).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"properties": {
            "name": {"type": "string"},
            "comment": {"type": ["string", "null"]},
            "root_dir": {"type": ["string", "null"], "format": "path"},
            "limit": {"type": "integer"},
            "score": {"type": ["number", "null"]},
            "dry_run": {"type": "boolean"},
            "names": {"type": "array", "items": {"type": "string"}},
            "ids": {"type": "array", "items": {"type": "integer"}},
            "config": {"type": "object"},
            "kind": {"anyOf": [{"type": "string", "enum": ["class"]}, {"type": "null"}]}
        }})
    }

    fn value(pair: &str) -> Value {
        let collected = collect(&schema(), None, &[pair.to_owned()]).unwrap();
        collected.into_iter().next().unwrap().1
    }

    #[test]
    fn the_schema_decides_what_text_means() {
        for (pair, expected) in [
            ("name=7", json!("7")),
            ("name=a=b", json!("a=b")),
            ("name=", json!("")),
            ("comment=null", json!("null")),
            ("limit=7", json!(7)),
            ("limit=many", json!("many")),
            ("score=0.5", json!(0.5)),
            ("score=null", json!(null)),
            ("dry_run=true", json!(true)),
            ("dry_run=yes", json!("yes")),
            ("names=a, b", json!(["a", "b"])),
            ("names=[\"a,b\"]", json!(["a,b"])),
            ("ids=1,2", json!([1, 2])),
            ("config={\"a\":1}", json!({"a": 1})),
            ("kind=class", json!("class")),
            ("unknown=1", json!("1")),
        ] {
            assert_eq!(value(pair), expected, "{pair}");
        }
    }

    #[test]
    fn both_forms_are_one_and_no_key_is_given_twice() {
        let collected = collect(&schema(), Some("{\"limit\": 3}"), &["name=x".to_owned()]).unwrap();
        assert_eq!(Value::Object(collected), json!({"limit": 3, "name": "x"}));
        for (params, pairs, problem) in [
            (
                Some("{\"limit\": 3}"),
                vec!["limit=4"],
                "the parameter limit is given twice",
            ),
            (
                None,
                vec!["limit=4", "limit=4"],
                "the parameter limit is given twice",
            ),
            (
                None,
                vec!["limit"],
                "\"limit\" is not of the form key=value",
            ),
            (Some("[1]"), vec![], "--params is JSON but not an object"),
            (Some("{"), vec![], "--params is not valid JSON"),
        ] {
            let pairs: Vec<String> = pairs.into_iter().map(str::to_owned).collect();
            let failure = collect(&schema(), params, &pairs).unwrap_err();
            assert!(failure.message.starts_with(problem), "{}", failure.message);
        }
    }

    #[test]
    fn relative_paths_are_those_of_the_caller() {
        let mut parameters = collect(
            &schema(),
            None,
            &["root_dir=sub".to_owned(), "name=sub".to_owned()],
        )
        .unwrap();
        make_paths_absolute(&schema(), &mut parameters).unwrap();
        let expected = std::env::current_dir().unwrap().join("sub");
        assert_eq!(parameters["root_dir"], json!(expected));
        assert_eq!(parameters["name"], "sub");
    }
}
