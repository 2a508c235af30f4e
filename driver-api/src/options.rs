//! The options of a connection: a schema that a driver declares, and values checked against it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What values an option takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum OptionKind {
    /// Any text.
    String,
    /// A file or directory; a relative one is taken from the directory of the config file.
    Path,
    /// A whole number within these bounds, both included.
    Integer {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Choice {
        /// The words.
        words: Vec<String>,
    },
}

impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("text"),
            Self::Path => f.write_str("a path"),
            Self::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Boolean => f.write_str("true or false"),
            Self::Choice { words } => write!(f, "one of {}", words.join(", ")),
        }
    }
}

/// One option that a driver understands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OptionSpec {
    /// The key in the config's `database` section.
    pub key: String,
    /// What values it takes.
    #[serde(flatten)]
    pub kind: OptionKind,
    /// The value when the key is absent; null where there is none.
    #[serde(default)]
    pub default: Json,
    /// Whether the key must be present.
    #[serde(default)]
    pub required: bool,
    /// Whether the value must never be shown.
    #[serde(default)]
    pub secret: bool,
    /// One line for people, with the unit where there is one.
    #[serde(default)]
    pub summary: String,
}

impl OptionSpec {
    /// An option of this kind, neither required nor secret, without default.
    pub fn new(key: impl Into<String>, kind: OptionKind, summary: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            kind,
            default: Json::Null,
            required: false,
            secret: false,
            summary: summary.into(),
        }
    }

    /// A text option.
    pub fn string(key: impl Into<String>, summary: impl Into<String>) -> Self {
        Self::new(key, OptionKind::String, summary)
    }

    /// A path option.
    pub fn path(key: impl Into<String>, summary: impl Into<String>) -> Self {
        Self::new(key, OptionKind::Path, summary)
    }

    /// A whole-number option with bounds, both included.
    pub fn integer(key: impl Into<String>, min: i64, max: i64, summary: impl Into<String>) -> Self {
        Self::new(key, OptionKind::Integer { min, max }, summary)
    }

    /// A true-or-false option.
    pub fn boolean(key: impl Into<String>, summary: impl Into<String>) -> Self {
        Self::new(key, OptionKind::Boolean, summary)
    }

    /// An option that takes one of several words.
    pub fn choice(key: impl Into<String>, words: &[&str], summary: impl Into<String>) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self::new(key, OptionKind::Choice { words }, summary)
    }

    /// Sets the value of an absent key.
    #[must_use]
    pub fn default_value(mut self, value: impl Into<Json>) -> Self {
        self.default = value.into();
        self
    }

    /// The key must be present.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The value is never shown.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    fn accepts(&self, value: &Json) -> bool {
        match &self.kind {
            OptionKind::String | OptionKind::Path => value.is_string(),
            OptionKind::Boolean => value.is_boolean(),
            OptionKind::Integer { min, max } => {
                value.as_i64().is_some_and(|v| (*min..=*max).contains(&v))
            }
            OptionKind::Choice { words } => {
                value.as_str().is_some_and(|v| words.iter().any(|w| w == v))
            }
        }
    }
}

/// What is wrong with one option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionProblem {
    /// The driver has no such option.
    #[error("unknown option `{key}`; known are: {known}")]
    Unknown {
        /// The key.
        key: String,
        /// The known keys, separated by commas.
        known: String,
    },
    /// A required option is absent.
    #[error("the option `{key}` is missing: {summary}")]
    Missing {
        /// The key.
        key: String,
        /// What it is for.
        summary: String,
    },
    /// The value is of another type, or out of bounds.
    #[error("the option `{key}` is {found}, expected {expected}")]
    Invalid {
        /// The key.
        key: String,
        /// The value, or `not shown` for a secret.
        found: String,
        /// What values it takes.
        expected: String,
    },
}

/// Options that fit a driver's schema, defaults filled in.
#[derive(Clone, PartialEq)]
pub struct Options {
    values: BTreeMap<String, Json>,
    secrets: Vec<String>,
}

impl Options {
    /// Checks `values` against `schema`, fills in defaults, and makes relative paths absolute from
    /// `base_dir`.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn check(
        schema: &[OptionSpec],
        values: &serde_json::Map<String, Json>,
        base_dir: &Path,
    ) -> Result<Self, Vec<OptionProblem>> {
        let mut problems: Vec<_> = values
            .keys()
            .filter(|key| schema.iter().all(|spec| spec.key != **key))
            .map(|key| OptionProblem::Unknown {
                key: key.clone(),
                known: schema
                    .iter()
                    .map(|s| s.key.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
            .collect();
        let mut checked = BTreeMap::new();
        for spec in schema {
            match take(spec, values, base_dir) {
                Ok(Some(value)) => {
                    checked.insert(spec.key.clone(), value);
                }
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let secrets = schema.iter().filter(|s| s.secret).map(|s| s.key.clone());
        Ok(Self {
            values: checked,
            secrets: secrets.collect(),
        })
    }

    /// The text, word or path of this option.
    pub fn string(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.as_str()
    }

    /// The path of this option.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        self.string(key).map(PathBuf::from)
    }

    /// The whole number of this option.
    pub fn integer(&self, key: &str) -> Option<i64> {
        self.values.get(key)?.as_i64()
    }

    /// The truth value of this option; absent counts as false.
    pub fn is_set(&self, key: &str) -> bool {
        self.values
            .get(key)
            .and_then(Json::as_bool)
            .unwrap_or(false)
    }

    /// The values as a JSON object, secrets included: what is handed to the plugin.
    pub fn to_json(&self) -> serde_json::Map<String, Json> {
        self.values.clone().into_iter().collect()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in &self.values {
            if self.secrets.contains(key) {
                map.entry(key, &"***");
            } else {
                map.entry(key, value);
            }
        }
        map.finish()
    }
}

fn take(
    spec: &OptionSpec,
    values: &serde_json::Map<String, Json>,
    base_dir: &Path,
) -> Result<Option<Json>, OptionProblem> {
    let value = values.get(&spec.key).filter(|v| !v.is_null());
    let Some(value) = value.or(Some(&spec.default)).filter(|v| !v.is_null()) else {
        if spec.required {
            return Err(OptionProblem::Missing {
                key: spec.key.clone(),
                summary: spec.summary.clone(),
            });
        }
        return Ok(None);
    };
    if !spec.accepts(value) {
        let found = if spec.secret {
            "not shown".into()
        } else {
            value.to_string()
        };
        return Err(OptionProblem::Invalid {
            key: spec.key.clone(),
            found,
            expected: spec.kind.to_string(),
        });
    }
    match (&spec.kind, value.as_str()) {
        (OptionKind::Path, Some(path)) => Ok(Some(
            base_dir.join(path).to_string_lossy().into_owned().into(),
        )),
        _ => Ok(Some(value.clone())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Vec<OptionSpec> {
        vec![
            OptionSpec::path("path", "the database file").required(),
            OptionSpec::integer("port", 1, 65535, "the port").default_value(5432),
            OptionSpec::string("password", "the password").secret(),
            OptionSpec::choice("tls", &["off", "verify-full"], "the TLS mode"),
        ]
    }

    fn check(values: Json) -> Result<Options, Vec<OptionProblem>> {
        Options::check(
            &schema(),
            values.as_object().unwrap(),
            Path::new("/etc/app"),
        )
    }

    #[test]
    fn defaults_are_filled_in_and_paths_made_absolute() {
        let options = check(json!({"path": "data/x.db"})).unwrap();
        assert_eq!(options.string("path"), Some("/etc/app/data/x.db"));
        assert_eq!(options.integer("port"), Some(5432));
        assert_eq!(options.string("tls"), None);
    }

    #[test]
    fn every_problem_is_named_at_once_and_secrets_are_not_shown() {
        let problems =
            check(json!({"prot": 1, "port": 0, "password": 12345, "tls": "maybe"})).unwrap_err();
        let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "unknown option `prot`; known are: path, port, password, tls",
                "the option `path` is missing: the database file",
                "the option `port` is 0, expected a whole number from 1 to 65535",
                "the option `password` is not shown, expected text",
                "the option `tls` is \"maybe\", expected one of off, verify-full",
            ]
        );
    }

    #[test]
    fn debug_hides_secrets() {
        let options = check(json!({"path": "x", "password": "canary"})).unwrap();
        let text = format!("{options:?}");
        assert!(!text.contains("canary") && text.contains("***"), "{text}");
    }
}
