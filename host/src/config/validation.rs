//! What a configuration must satisfy before it is used: the schema of its types, and rules across keys.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::foundation::json_schema::{InvalidSchema, Problem, Problems, Schema};

use super::types::Config;

/// The whole file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileForm {
    /// The only key at the top.
    pub(super) code_analysis: Config,
}

/// The JSON schema of a configuration file.
///
/// # Errors
/// [`InvalidSchema`], when the types are annotated wrongly; a test rules that out.
pub fn file_schema() -> Result<Schema, InvalidSchema> {
    Schema::of::<FileForm>()
}

/// Checks the content of a file and turns it into a configuration whose paths and defaults are
/// still to be filled in.
///
/// # Errors
/// All problems of the whole file at once.
pub(super) fn check(value: Value) -> Result<Config, Problems> {
    let schema = file_schema().map_err(|error| whole_file(error.to_string()))?;
    schema.check(&value)?;
    let form: FileForm =
        serde_json::from_value(value).map_err(|error| whole_file(error.to_string()))?;
    check_worker_agreement(&form.code_analysis)?;
    Ok(form.code_analysis)
}

/// The same setting may stand in two places, but not with two values.
fn check_worker_agreement(config: &Config) -> Result<(), Problems> {
    let near = &config.database.worker;
    let far = &config.workers.database;
    let problems: Vec<Problem> = [
        disagreement("enabled", near.enabled.as_ref(), far.enabled.as_ref()),
        disagreement("log_path", near.log_path.as_ref(), far.log_path.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(problems))
    }
}

fn disagreement<T: PartialEq + std::fmt::Debug>(
    key: &str,
    near: Option<&T>,
    far: Option<&T>,
) -> Option<Problem> {
    let (near, far) = near.zip(far).filter(|(near, far)| near != far)?;
    Some(Problem {
        pointer: format!("/code_analysis/workers/database/{key}"),
        found: format!("{far:?}"),
        expected: format!(
            "{near:?} as in /code_analysis/database/worker/{key}, or only one of the two"
        ),
        suggestion: None,
    })
}

/// A problem that the schema did not foresee, such as a number that is whole but written `1.0`.
pub(super) fn whole_file(found: String) -> Problems {
    let expected = "a configuration of the documented structure".to_owned();
    Problems(vec![Problem {
        pointer: String::new(),
        found,
        expected,
        suggestion: None,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problems(value: Value) -> Vec<String> {
        check(value)
            .unwrap_err()
            .to_string()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_wrong_key_type_and_range_is_named_at_once() {
        let wrong = json!({"code_analysis": {
            "workers": {"file_watcher": {"scan_intervall": 5, "enabled": "yes"}, "log_files": 0},
            "server": {"port": 70000},
            "databse": {}
        }});
        assert_eq!(
            problems(wrong),
            [
                "/code_analysis/databse: found unknown key \"databse\", expected one of database, workers, embedding, server, client, \
                 plugins; did you mean \"database\"?",
                "/code_analysis/server/port: found number 70000, expected at most 65535",
                "/code_analysis/workers/file_watcher/enabled: found string \"yes\", expected type boolean",
                "/code_analysis/workers/file_watcher/scan_intervall: found unknown key \"scan_intervall\", \
                 expected one of enabled, scan_interval, watch_dirs, log_path; did you mean \"scan_interval\"?",
                "/code_analysis/workers/log_files: found number 0, expected at least 1",
            ]
        );
    }

    #[test]
    fn fields_of_the_effective_form_are_not_keys_of_the_file() {
        let found = problems(json!({"code_analysis": {"state_dir": "/x"}}));
        assert!(
            found[0].starts_with("/code_analysis/state_dir: found unknown key"),
            "{found:?}"
        );
        assert!(
            !found[0].contains(
                "expected one of database, workers, embedding, server, client, plugins, "
            ),
            "{found:?}"
        );
    }

    #[test]
    fn the_two_places_of_the_worker_settings_must_agree() {
        let value = json!({"code_analysis": {
            "database": {"worker": {"enabled": true, "log_path": "a.log"}},
            "workers": {"database": {"enabled": false, "log_path": "a.log"}}
        }});
        assert_eq!(
            problems(value),
            [
                "/code_analysis/workers/database/enabled: found false, expected true as in \
              /code_analysis/database/worker/enabled, or only one of the two"
            ]
        );
    }

    #[test]
    fn a_whole_number_with_a_fraction_is_refused_clearly() {
        let found = problems(json!({"code_analysis": {"server": {"port": 8080.5}}}));
        assert_eq!(
            found,
            ["/code_analysis/server/port: found number 8080.5, expected type integer"]
        );
    }
}
