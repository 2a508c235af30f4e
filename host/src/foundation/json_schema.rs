//! Checks JSON against a schema and reports every problem with its place, what was found and what was expected.

use std::fmt;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::did_you_mean::nearest_name;
use super::json_pointer::below;
use super::redaction::looks_secret;

/// The longest text of a found value that a problem repeats, in characters.
const MAX_SHOWN: usize = 60;

/// A compiled schema.
pub struct Schema {
    value: Value,
    validator: Validator,
}

/// A schema that is not a schema: a mistake of the program, or of the plugin that brought it.
#[derive(Debug, thiserror::Error)]
#[error("the JSON schema itself is not valid: {0}")]
pub struct InvalidSchema(String);

/// One thing that is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer of the place; empty is the whole value.
    pub pointer: String,
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: String,
    /// A known name that was perhaps meant.
    pub suggestion: Option<String>,
}

/// Everything that is wrong with a value; at least one problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Schema {
    /// The schema of a Rust type, with all parts in place instead of references.
    ///
    /// # Errors
    /// [`InvalidSchema`], when attributes of the type make no valid schema.
    pub fn of<T: JsonSchema>() -> Result<Schema, InvalidSchema> {
        Self::generate::<T>(SchemaSettings::draft2020_12())
    }

    /// The schema of what a Rust type is written as: keys that are always written are required.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_written<T: JsonSchema>() -> Result<Schema, InvalidSchema> {
        Self::generate::<T>(SchemaSettings::draft2020_12().for_serialize())
    }

    fn generate<T: JsonSchema>(mut settings: SchemaSettings) -> Result<Schema, InvalidSchema> {
        settings.inline_subschemas = true;
        Schema::new(
            settings
                .into_generator()
                .into_root_schema_for::<T>()
                .to_value(),
        )
    }

    /// Compiles a schema that came as JSON.
    ///
    /// # Errors
    /// [`InvalidSchema`].
    pub fn new(value: Value) -> Result<Schema, InvalidSchema> {
        let validator =
            jsonschema::validator_for(&value).map_err(|error| InvalidSchema(error.to_string()))?;
        Ok(Schema { value, validator })
    }

    /// The schema as JSON, to publish.
    pub fn as_value(&self) -> &Value {
        &self.value
    }

    /// Checks `instance`.
    ///
    /// # Errors
    /// [`Problems`] with all of them, ordered by place.
    pub fn check(&self, instance: &Value) -> Result<(), Problems> {
        let mut problems: Vec<Problem> = self
            .validator
            .iter_errors(instance)
            .flat_map(|error| self.problems_of(&error, instance))
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        Err(Problems(problems))
    }

    fn problems_of(&self, error: &ValidationError<'_>, whole: &Value) -> Vec<Problem> {
        let pointer = error.instance_path().as_str();
        match error.kind() {
            // How the validator tells an unknown property of an object that has none.
            ValidationErrorKind::FalseSchema
                if whole.pointer(pointer).is_some_and(Value::is_object) =>
            {
                let keys = whole.pointer(pointer).and_then(Value::as_object);
                keys.into_iter()
                    .flat_map(|object| object.keys())
                    .map(|name| unknown_property(pointer, name, &[]))
                    .collect()
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let known = self.known_properties(error);
                unexpected
                    .iter()
                    .map(|name| unknown_property(pointer, name, &known))
                    .collect()
            }
            ValidationErrorKind::Required { property } => vec![Problem {
                pointer: pointer.to_owned(),
                found: "nothing".to_owned(),
                expected: format!("the key {property}"),
                suggestion: None,
            }],
            kind => vec![Problem {
                pointer: pointer.to_owned(),
                found: found(pointer, error.instance()),
                expected: expected(kind, error),
                suggestion: None,
            }],
        }
    }

    /// The property names of the object schema whose `additionalProperties` refused something.
    fn known_properties(&self, error: &ValidationError<'_>) -> Vec<&str> {
        let keyword = error.schema_path().as_str();
        let parent = keyword.rsplit_once('/').map_or("", |(parent, _)| parent);
        let properties = self
            .value
            .pointer(parent)
            .and_then(|schema| schema.get("properties"));
        properties
            .and_then(Value::as_object)
            .map_or_else(Vec::new, |map| map.keys().map(String::as_str).collect())
    }
}

fn unknown_property(pointer: &str, name: &str, known: &[&str]) -> Problem {
    Problem {
        pointer: below(pointer, name),
        found: format!("unknown key \"{name}\""),
        expected: if known.is_empty() {
            "no key at all".to_owned()
        } else {
            format!("one of {}", known.join(", "))
        },
        suggestion: nearest_name(name, known.iter().copied()).map(str::to_owned),
    }
}

/// The kind of what was found, and the value itself unless it is long or its name says that it is
/// secret.
fn found(pointer: &str, value: &Value) -> String {
    let key = pointer.rsplit('/').next().unwrap_or_default();
    let kind = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => return "an array".to_owned(),
        Value::Object(_) => return "an object".to_owned(),
    };
    let text = value.to_string();
    if looks_secret(key) || text.chars().count() > MAX_SHOWN {
        format!("a {kind}")
    } else {
        format!("{kind} {text}")
    }
}

fn expected(kind: &ValidationErrorKind, error: &ValidationError<'_>) -> String {
    match kind {
        ValidationErrorKind::Type {
            kind: TypeKind::Single(wanted),
        } => format!("type {wanted}"),
        ValidationErrorKind::Type {
            kind: TypeKind::Multiple(wanted),
        } => {
            let mut names: Vec<String> = wanted.iter().map(|one| one.to_string()).collect();
            names.sort_by_key(|name| name == "null");
            format!("type {}", names.join(" or "))
        }
        ValidationErrorKind::Enum { options } => format!("one of {}", join(options)),
        ValidationErrorKind::Constant { expected_value } => expected_value.to_string(),
        ValidationErrorKind::Minimum { limit } => format!("at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        ValidationErrorKind::MinLength { limit } => format!("at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("at least {limit} elements"),
        ValidationErrorKind::MaxItems { limit } => format!("at most {limit} elements"),
        ValidationErrorKind::UniqueItems => "no element twice".to_owned(),
        ValidationErrorKind::Pattern { pattern } => format!("text that matches {pattern}"),
        // The masked text names the rule without the value.
        _ => error.masked().to_string(),
    }
}

fn join(options: &Value) -> String {
    match options {
        Value::Array(options) => options
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() {
            "/"
        } else {
            &self.pointer
        };
        write!(
            f,
            "{place}: found {}, expected {}",
            self.found, self.expected
        )?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean \"{suggestion}\"?"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Outer {
        inner: Inner,
        kind: Kind,
        limit: Option<u16>,
    }

    #[derive(JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Inner {
        #[schemars(range(min = 1, max = 10))]
        interval: u32,
        password: String,
    }

    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is used")]
    enum Kind {
        First,
        Second,
    }

    fn lines(instance: &Value) -> Vec<String> {
        let problems = Schema::of::<Outer>().unwrap().check(instance).unwrap_err();
        problems.to_string().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_right_value_passes() {
        let right =
            json!({"inner": {"interval": 3, "password": "p"}, "kind": "first", "limit": null});
        assert_eq!(Schema::of::<Outer>().unwrap().check(&right), Ok(()));
    }

    #[test]
    fn every_problem_is_reported_with_its_place() {
        let wrong = json!({"inner": {"intervall": 3, "interval": 11, "password": 17}, "kind": "third", "limit": "x"});
        assert_eq!(
            lines(&wrong),
            [
                "/inner/interval: found number 11, expected at most 10",
                "/inner/intervall: found unknown key \"intervall\", expected one of interval, password; \
                 did you mean \"interval\"?",
                "/inner/password: found a number, expected type string",
                "/kind: found string \"third\", expected one of \"first\", \"second\"",
                "/limit: found string \"x\", expected type integer or null",
            ]
        );
    }

    #[test]
    fn a_missing_key_and_a_wrong_whole_are_reported() {
        assert_eq!(
            lines(&json!({"kind": "first"})),
            ["/: found nothing, expected the key \"inner\""]
        );
        assert_eq!(
            lines(&json!(7)),
            ["/: found number 7, expected type object"]
        );
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        assert!(Schema::new(json!({"type": "no such type"})).is_err());
    }
}
