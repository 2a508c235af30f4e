//! Everything that is wrong with a configuration, where a start would end at the first kind of problem.

use std::path::Path;

use serde_json::{Value, json};

use super::legacy::change::Change;
use super::legacy::convert;
use super::load::{ConfigError, Loaded, parse};
use super::types::Config;
use crate::foundation::json_schema::Problem;

/// What was found.
#[derive(Clone, Debug)]
pub struct Examination {
    /// What is wrong with keys and values.
    pub problems: Vec<Problem>,
    /// What became of the keys of the older program.
    pub changes: Vec<Change>,
    /// The configuration; where something in it is wrong, only its database and plugins, if these are right.
    pub config: Option<Config>,
}

/// Looks at `file`, or at the defaults, and at the environment.
///
/// # Errors
/// What keeps the file from being read at all.
pub fn examine(file: Option<&Path>) -> Result<Examination, ConfigError> {
    match Loaded::load(file) {
        Ok(Loaded {
            config, changes, ..
        }) => Ok(Examination {
            problems: Vec::new(),
            changes,
            config: Some(config),
        }),
        Err(ConfigError::Problems { problems, .. }) => {
            let content = file.map_or_else(|| Ok(json!({})), parse)?;
            let converted = convert(content);
            let base_dir = file.and_then(Path::parent).unwrap_or(Path::new("/"));
            Ok(Examination {
                problems: problems.0,
                changes: converted.changes,
                config: Config::from_value(what_drivers_need(&converted.value), base_dir).ok(),
            })
        }
        Err(error) => Err(error),
    }
}

/// The sections that say which driver is used and where it is found.
fn what_drivers_need(file: &Value) -> Value {
    let section = |name: &str| file.pointer(&format!("/code_analysis/{name}")).cloned();
    let sections = ["database", "plugins"].into_iter();
    let found = sections.filter_map(|name| Some((name.to_owned(), section(name)?)));
    json!({ "code_analysis": Value::Object(found.collect()) })
}
