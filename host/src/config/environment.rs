//! Environment variables that stand for keys of the configuration file.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde_json::{Map, Value};

use super::origins::{Origin, Origins};
use crate::foundation::json_pointer::through;
use crate::foundation::json_schema::{Problem, Problems};

/// What the names of such variables begin with; the rest is the path of the key, its parts in upper case and
/// separated by two underscores.
pub const PREFIX: &str = "CODE_ANALYSIS__";

/// The key under which everything lies.
const ROOT: &str = "code_analysis";

/// Options of the driver that variables name, as they are written there: the driver says how they are read.
pub(super) type OptionTexts = BTreeMap<String, String>;

/// Writes what `variables` say into the content of a file, whose `schema` says how texts are read.
///
/// # Errors
/// Names and values that are not UTF-8.
pub(super) fn apply(
    file: &mut Value,
    schema: &Value,
    variables: impl Iterator<Item = (OsString, OsString)>,
    origins: &mut Origins,
) -> Result<OptionTexts, Problems> {
    let mut problems = Vec::new();
    let mut texts = OptionTexts::new();
    for (name, value) in variables {
        if !name.to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
            problems.push(not_utf8(&name.to_string_lossy()));
            continue;
        };
        let keys = keys_of(name);
        if is_policy(&keys) {
            problems.push(not_by_variable(name));
            continue;
        }
        origins.set(
            pointer(&keys),
            Origin::Environment {
                variable: name.to_owned(),
            },
        );
        match (keys.as_slice(), schema_at(schema, &keys)) {
            ([_, section, option], None) if section == "database" => {
                forget(file, &keys);
                texts.insert(option.clone(), value.to_owned());
            }
            (_, found) => set(file, &keys, read(value, found)),
        }
    }
    if problems.is_empty() {
        Ok(texts)
    } else {
        Err(Problems(problems))
    }
}

/// What plugins have to show of where they come from: whoever starts a process must not be able to relax it.
fn is_policy(keys: &[String]) -> bool {
    let [_, section, key] = keys else {
        return false;
    };
    section == "plugins" && ["lock_file", "unlocked", "trusted_keys"].contains(&key.as_str())
}

fn not_by_variable(name: &str) -> Problem {
    Problem {
        pointer: name.to_owned(),
        found: "a variable".to_owned(),
        expected: "this key in the configuration file only, which says what plugins have to show"
            .to_owned(),
        suggestion: None,
    }
}

fn not_utf8(name: &str) -> Problem {
    Problem {
        pointer: name.to_owned(),
        found: "a variable that is not UTF-8".to_owned(),
        expected: "UTF-8".to_owned(),
        suggestion: None,
    }
}

fn keys_of(name: &str) -> Vec<String> {
    let path = name.trim_start_matches(PREFIX).to_lowercase();
    let parts = path.split("__").map(str::to_owned);
    std::iter::once(ROOT.to_owned()).chain(parts).collect()
}

fn pointer(keys: &[String]) -> String {
    through(keys.iter().map(String::as_str))
}

fn schema_at<'a>(schema: &'a Value, keys: &[String]) -> Option<&'a Value> {
    let step = |schema: &'a Value, key: &String| schema.get("properties")?.get(key);
    keys.iter().try_fold(schema, step)
}

/// The text as its key wants it. What does not fit stays a text, which the check refuses.
fn read(text: &str, schema: Option<&Value>) -> Value {
    let wanted = |name: &str| match schema.and_then(|schema| schema.get("type")) {
        Some(Value::String(kind)) => kind == name,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        _ => false,
    };
    if wanted("string") {
        return text.into();
    }
    match serde_json::from_str(text) {
        Ok(value) => value,
        // As PATH is written: most lists are of directories.
        Err(_) if wanted("array") => {
            let parts = text.split(':').filter(|part| !part.is_empty());
            parts.map(Value::from).collect()
        }
        Err(_) => text.into(),
    }
}

fn set(file: &mut Value, keys: &[String], value: Value) {
    let mut place = file;
    for key in keys {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Some(map) = place.as_object_mut() else {
            return;
        };
        place = map.entry(key.clone()).or_insert(Value::Null);
    }
    *place = value;
}

fn forget(file: &mut Value, keys: &[String]) {
    if let Some((last, parents)) = keys.split_last()
        && let Some(Value::Object(section)) = file.pointer_mut(&pointer(parents))
    {
        section.shift_remove(last);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use serde_json::json;

    use super::*;
    use crate::config::validation::file_schema;

    fn applied(file: Value, variables: &[(&str, &str)]) -> (Value, OptionTexts, Origins) {
        let mut file = file;
        let mut origins = Origins::default();
        let variables = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        let schema = file_schema().unwrap();
        let texts = apply(&mut file, schema.as_value(), variables, &mut origins).unwrap();
        (file, texts, origins)
    }

    #[test]
    fn texts_take_the_form_of_their_keys() {
        let (file, _, origins) = applied(
            json!({"code_analysis": {"server": {"port": 1, "host": "::1"}}}),
            &[
                ("CODE_ANALYSIS__SERVER__PORT", "8080"),
                ("CODE_ANALYSIS__WORKERS__FILE_WATCHER__ENABLED", "false"),
                ("CODE_ANALYSIS__WORKERS__FILE_WATCHER__WATCH_DIRS", "/a:/b"),
                ("CODE_ANALYSIS__PLUGINS__DIRECTORIES", r#"["/c:d"]"#),
                ("CODE_ANALYSIS__DATABASE__TYPE", "7"),
                ("CODE_ANALYSIS__WORKERS__LOG_FILES", "many"),
                ("CODE_ANALYSIS_LOG", "info"),
                ("PATH", "/bin"),
            ],
        );
        assert_eq!(
            file,
            json!({"code_analysis": {
                "server": {"port": 8080, "host": "::1"},
                "workers": {"file_watcher": {"enabled": false, "watch_dirs": ["/a", "/b"]}, "log_files": "many"},
                "plugins": {"directories": ["/c:d"]},
                "database": {"type": "7"}
            }})
        );
        let expected = Origin::Environment {
            variable: "CODE_ANALYSIS__SERVER__PORT".to_owned(),
        };
        assert_eq!(origins.of("/code_analysis/server/port"), &expected);
    }

    #[test]
    fn options_of_the_driver_stay_texts_and_hide_those_of_the_file() {
        let (file, texts, _) = applied(
            json!({"code_analysis": {"database": {"password": "old", "port": 1}}}),
            &[
                ("CODE_ANALYSIS__DATABASE__PASSWORD", "0815"),
                ("CODE_ANALYSIS__DATABASE__WORKER__READERS", "2"),
            ],
        );
        assert_eq!(
            file,
            json!({"code_analysis": {"database": {"port": 1, "worker": {"readers": 2}}}})
        );
        assert_eq!(
            texts,
            OptionTexts::from([("password".to_owned(), "0815".to_owned())])
        );
    }

    #[test]
    fn what_plugins_have_to_show_is_not_changed_by_a_variable() {
        for key in ["LOCK_FILE", "UNLOCKED", "TRUSTED_KEYS"] {
            let name = format!("CODE_ANALYSIS__PLUGINS__{key}");
            let error = apply(
                &mut json!({}),
                &json!({}),
                [(OsString::from(&name), OsString::from("allow"))].into_iter(),
                &mut Origins::default(),
            );
            assert_eq!(
                error.unwrap_err().to_string(),
                format!(
                    "{name}: found a variable, expected this key in the configuration file only, which says what \
                     plugins have to show"
                )
            );
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let variables = [(
            "CODE_ANALYSIS__SERVER__HOST".into(),
            OsString::from_vec(vec![0xff]),
        )];
        let error = apply(
            &mut json!({}),
            &json!({}),
            variables.into_iter(),
            &mut Origins::default(),
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "CODE_ANALYSIS__SERVER__HOST: found a variable that is not UTF-8, expected UTF-8"
        );
    }
}
