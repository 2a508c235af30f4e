//! From `database.type` and its options to a driver, checked options, and the way it is reached.

use driver_api::{Dialect, DriverDescriptor, OptionProblem, Options, Placement};

use serde_json::{Map, Value};

use super::discovery::Origin;
use super::option_text::option_value;
use super::registry::{Registry, RegistryError};
use crate::config::types::DatabaseConfig;
use crate::foundation::did_you_mean::nearest_name;
use crate::foundation::json_pointer::below;
use crate::foundation::plugin_image::PluginImage;
use crate::foundation::redaction::{REDACTED, looks_secret, redact_map};

/// Where options stand in a configuration file.
const SECTION: &str = "/code_analysis/database";

/// Keys of the section that are not the driver's but may have been meant.
const KEYS_OF_THE_HOST: [&str; 2] = ["type", "worker"];

/// How a database is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The driver is loaded into the process that uses it.
    Direct,
    /// A DB worker loads this library; everybody else goes through the proxy driver.
    Worker {
        /// What the worker loads.
        image: PluginImage,
        /// Whether the worker notes each call, so that its crash is told with the call: not for the drivers of
        /// the release, as long as they have not crashed.
        note_calls: bool,
    },
}

/// A database that is configured rightly.
#[derive(Clone, Debug)]
pub struct ResolvedDatabase {
    /// The driver's own name, where the config may have given an alias.
    pub driver: String,
    /// The SQL that it speaks.
    pub dialect: Dialect,
    /// The options of a connection.
    pub options: Options,
    /// How it is reached.
    pub reach: Reach,
}

/// Why a database's configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The driver is not available.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The options do not fit the driver.
    #[error(
        "the database options for the driver `{driver}` have {} problem(s):\n{}",
        .problems.len(), lines(.problems)
    )]
    Options {
        /// The driver.
        driver: String,
        /// Everything that is wrong.
        problems: Vec<OptionProblem>,
    },
    /// The config asks for what the driver's placement forbids.
    #[error(
        "the driver `{0}` must run in a DB worker: remove `worker.enabled: false` from the database section"
    )]
    WorkerNeeded(String),
}

fn lines(problems: &[OptionProblem]) -> String {
    let lines: Vec<_> = problems.iter().map(line).collect();
    lines.join("\n")
}

impl ResolveError {
    /// Each thing that is wrong, in a line of its own.
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::Options { problems, .. } => problems.iter().map(line).collect(),
            error => vec![error.to_string()],
        }
    }
}

/// A problem as those of the rest of a configuration are told: where, what, and what was expected.
fn line(problem: &OptionProblem) -> String {
    match problem {
        OptionProblem::Unknown { key, known } => {
            let meant = nearest_name(key, known.split(", ").chain(KEYS_OF_THE_HOST));
            let suggestion =
                meant.map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"));
            let place = pointer(key);
            if known.is_empty() {
                format!("{place}: unknown option, the driver has none{suggestion}")
            } else {
                format!("{place}: unknown option, expected one of {known}{suggestion}")
            }
        }
        OptionProblem::Missing { key, summary } => {
            format!("{}: found nothing, expected {summary}", pointer(key))
        }
        OptionProblem::Invalid {
            key,
            found,
            expected,
        } => {
            let found = if looks_secret(key) {
                "a value that is not shown"
            } else {
                found
            };
            format!("{}: found {found}, expected {expected}", pointer(key))
        }
        other => format!("{SECTION}: {other}"),
    }
}

fn pointer(key: &str) -> String {
    below(SECTION, key)
}

/// Looks up the driver and checks the options.
///
/// # Errors
/// See [`ResolveError`].
pub fn resolve(
    registry: &Registry,
    config: &DatabaseConfig,
) -> Result<ResolvedDatabase, ResolveError> {
    let plugin = registry.find(&config.kind)?;
    let descriptor = &plugin.descriptor;
    let options = checked_options(descriptor, config)?;
    let reach = if in_worker(descriptor, config.worker.enabled)? {
        let has_crashed = || {
            registry
                .examiner()
                .crashes()
                .of(&plugin.image.hash)
                .is_some()
        };
        Reach::Worker {
            note_calls: plugin.origin != Origin::Executable || has_crashed(),
            image: plugin.image.clone(),
        }
    } else {
        Reach::Direct
    };
    Ok(ResolvedDatabase {
        driver: descriptor.name.clone(),
        dialect: descriptor.dialect,
        options,
        reach,
    })
}

/// The options as they may be shown: defaults filled in, secrets hidden.
///
/// # Errors
/// [`ResolveError::Registry`], [`ResolveError::Options`].
pub fn shown_options(
    registry: &Registry,
    config: &DatabaseConfig,
) -> Result<Map<String, Value>, ResolveError> {
    let descriptor = registry.find(&config.kind)?.descriptor;
    let options = checked_options(&descriptor, config)?;
    Ok(without_secrets(&descriptor, options.to_json()))
}

fn checked_options(
    descriptor: &DriverDescriptor,
    config: &DatabaseConfig,
) -> Result<Options, ResolveError> {
    let mut values = config.options.clone();
    for (key, text) in &config.option_texts {
        values.insert(key.clone(), option_value(&descriptor.options, key, text));
    }
    Options::check(&descriptor.options, &values, &config.base_dir).map_err(|problems| {
        ResolveError::Options {
            driver: descriptor.name.clone(),
            problems,
        }
    })
}

/// What the driver marks as secret is hidden, and what looks so.
fn without_secrets(
    descriptor: &DriverDescriptor,
    mut options: Map<String, Value>,
) -> Map<String, Value> {
    for spec in descriptor.options.iter().filter(|spec| spec.secret) {
        if let Some(value) = options.get_mut(&spec.key) {
            *value = REDACTED.into();
        }
    }
    redact_map(&options)
}

/// The driver's placement decides; the config may put a direct driver into a worker as well.
fn in_worker(descriptor: &DriverDescriptor, asked: Option<bool>) -> Result<bool, ResolveError> {
    match (descriptor.placement, asked) {
        (Placement::Worker, Some(false)) => {
            Err(ResolveError::WorkerNeeded(descriptor.name.clone()))
        }
        (Placement::Worker, _) => Ok(true),
        (Placement::Direct, asked) => Ok(asked == Some(true)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use driver_api::OptionSpec;
    use serde_json::json;

    use super::*;

    fn descriptor() -> DriverDescriptor {
        DriverDescriptor::new("x", "1.0.0", Placement::Direct, Dialect::Generic)
            .option(OptionSpec::path("path", "the database file").required())
            .option(
                OptionSpec::choice("synchronous", &["off", "full"], "sync").default_value("full"),
            )
            .option(OptionSpec::integer(
                "password",
                0,
                9,
                "a number that looks secret",
            ))
            .option(OptionSpec::string("ticket", "a secret by the schema alone").secret())
    }

    fn config(options: Value) -> DatabaseConfig {
        DatabaseConfig {
            options: options.as_object().unwrap().clone(),
            base_dir: "/etc/app".into(),
            ..DatabaseConfig::default()
        }
    }

    #[test]
    fn every_problem_has_its_place_and_what_was_expected() {
        let wrong = config(
            json!({"pth": "x.db", "a/b": 1, "wrker": {}, "synchronous": 7, "password": 4711}),
        );
        let error = checked_options(&descriptor(), &wrong).unwrap_err();
        let known = "expected one of path, synchronous, password, ticket";
        assert_eq!(
            error.to_string().lines().collect::<Vec<_>>(),
            [
                "the database options for the driver `x` have 6 problem(s):",
                &format!(
                    "/code_analysis/database/pth: unknown option, {known}; did you mean \"path\"?"
                ),
                &format!("/code_analysis/database/a~1b: unknown option, {known}"),
                &format!(
                    "/code_analysis/database/wrker: unknown option, {known}; did you mean \"worker\"?"
                ),
                "/code_analysis/database/path: found nothing, expected the database file",
                "/code_analysis/database/synchronous: found 7, expected one of off, full",
                "/code_analysis/database/password: found a value that is not shown, expected a whole number \
                 from 0 to 9",
            ]
        );
    }

    #[test]
    fn a_text_of_the_environment_takes_the_form_of_its_option() {
        let mut config = config(json!({"path": "x.db", "password": 1}));
        config.option_texts = BTreeMap::from([
            ("password".to_owned(), "7".to_owned()),
            ("ticket".to_owned(), "0815".to_owned()),
        ]);
        let options = checked_options(&descriptor(), &config).unwrap().to_json();
        assert_eq!(
            (&options["password"], &options["ticket"]),
            (&json!(7), &json!("0815"))
        );
    }

    #[test]
    fn what_is_shown_has_defaults_and_no_secret_of_the_schema() {
        let right = config(json!({"path": "x.db", "ticket": "canary"}));
        let options = checked_options(&descriptor(), &right).unwrap().to_json();
        assert_eq!(
            Value::Object(without_secrets(&descriptor(), options)),
            json!({"path": "/etc/app/x.db", "synchronous": "full", "ticket": "***"})
        );
    }

    #[test]
    fn placement_decides_and_a_direct_driver_may_be_put_into_a_worker() {
        let placed = |placement| DriverDescriptor::new("x", "1.0.0", placement, Dialect::Generic);
        assert!(in_worker(&placed(Placement::Worker), None).unwrap());
        assert!(in_worker(&placed(Placement::Worker), Some(false)).is_err());
        assert!(!in_worker(&placed(Placement::Direct), None).unwrap());
        assert!(in_worker(&placed(Placement::Direct), Some(true)).unwrap());
    }
}
