//! Reads a configuration file and the environment, and fills in defaults and absolute paths.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::{Value, json};

use crate::foundation::json_schema::{Problem, Problems};
use crate::foundation::paths::{PathError, data_dir};

use super::complete::complete;
use super::environment;
use super::legacy::change::Change;
use super::legacy::{Converted, convert};
use super::origins::{Origin, Origins};
use super::types::Config;
use super::validation;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file does not exist.
    #[error(
        "the configuration file {file} does not exist; create it, or leave out --config to use the defaults"
    )]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be read.
    #[error(
        "the configuration file {file} cannot be read: {source}; check that it is a file that you may read"
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not JSON.
    #[error("{file}:{line}:{column}: not valid JSON: {problem}; correct the file there")]
    NotJson {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        problem: String,
    },
    /// The file is JSON but not a configuration.
    #[error("the configuration {origin} has {} problem(s):\n{problems}", .problems.0.len())]
    Problems {
        /// The file, or what else the configuration came from.
        origin: String,
        /// All of them.
        problems: Problems,
    },
    /// A directory whose name cannot be written into JSON, in which configurations travel.
    #[error(
        "{path:?} is not UTF-8; configuration files and the data directory must lie below a UTF-8 path"
    )]
    NotUtf8 {
        /// The directory.
        path: PathBuf,
    },
    /// The data directory is unknown.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The current directory is unknown, so relative paths lead nowhere.
    #[error("the current directory is unknown: {0}; change to another or use absolute paths")]
    CurrentDirectory(#[source] io::Error),
}

/// A configuration that is in force, and how it came about.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What became of the keys of the older program; none in a file of this one.
    pub changes: Vec<Change>,
    /// Where each value came from.
    pub origins: Origins,
}

impl Config {
    /// The configuration of `file`, or the defaults without one, and of the environment. Nothing is created.
    ///
    /// # Errors
    /// [`ConfigError`]; all problems of a file are reported at once.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        Ok(Loaded::load(file)?.config)
    }

    /// The configuration in `value`, which has the shape of a file; relative paths start from
    /// `base_dir`. The environment is not looked at.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_value(value: Value, base_dir: &Path) -> Result<Config, ConfigError> {
        let nothing = std::iter::empty();
        let loaded = Loaded::of(value, "given by the program", nothing)?;
        complete(loaded.config, base_dir, &data_dir()?)
    }
}

impl Loaded {
    /// The configuration of `file`, or the defaults without one, and of the environment. Nothing is created.
    ///
    /// # Errors
    /// [`ConfigError`]; all problems of a file are reported at once.
    pub fn load(file: Option<&Path>) -> Result<Loaded, ConfigError> {
        let state_dir = data_dir()?;
        let Some(file) = file else {
            let mut loaded = Self::of(json!({}), "of the environment", std::env::vars_os())?;
            loaded.config = complete(loaded.config, &state_dir, &state_dir)?;
            return Ok(loaded);
        };
        let file = std::path::absolute(file).map_err(ConfigError::CurrentDirectory)?;
        let base_dir = file.parent().unwrap_or(&file).to_owned();
        let origin = file.display().to_string();
        let mut loaded = Self::of(parse(&file)?, &origin, std::env::vars_os())?;
        loaded.config = complete(loaded.config, &base_dir, &state_dir)?;
        loaded.config.file = Some(file);
        Ok(loaded)
    }

    /// The content of a file in any form and `variables`, checked; paths and defaults are still to be filled in.
    pub(super) fn of(
        file: Value,
        origin: &str,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Loaded, ConfigError> {
        let wrong = |problems| ConfigError::Problems {
            origin: origin.to_owned(),
            problems,
        };
        let Converted { mut value, changes } = convert(file);
        let mut origins = origins_of(&changes);
        origins.add_file(&value);
        let schema = validation::file_schema()
            .map_err(|error| wrong(validation::whole_file(error.to_string())))?;
        let texts = environment::apply(&mut value, schema.as_value(), variables, &mut origins)
            .map_err(wrong)?;
        let mut config =
            validation::check(value).map_err(|problems| wrong(with_origins(problems, &origins)))?;
        config.database.option_texts = texts;
        Ok(Loaded {
            config,
            changes,
            origins,
        })
    }
}

/// The origins of what stood in the file in the old form.
fn origins_of(changes: &[Change]) -> Origins {
    let mut origins = Origins::default();
    for change in changes {
        if let Some(new) = change.fate.place() {
            let from = change.old.clone();
            origins.set(new.to_owned(), Origin::Converted { from });
        }
    }
    origins
}

/// Whoever reads a problem looks for it where the value was written.
fn with_origins(problems: Problems, origins: &Origins) -> Problems {
    let told = |problem: Problem| match origins.of(&problem.pointer) {
        Origin::Default | Origin::File => problem,
        origin => Problem {
            found: format!("{} ({origin})", problem.found),
            ..problem
        },
    };
    Problems(problems.0.into_iter().map(told).collect())
}

/// What a file may be besides JSON: it may have comments, and commas behind the last of a list.
const FORM: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The content of a configuration file, in whatever form.
///
/// # Errors
/// [`ConfigError::Missing`], [`ConfigError::Unreadable`], [`ConfigError::NotJson`].
pub fn parse(file: &Path) -> Result<Value, ConfigError> {
    let text = fs::read_to_string(file).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ConfigError::Missing { file: file.into() },
        _ => ConfigError::Unreadable {
            file: file.into(),
            source,
        },
    })?;
    parse_to_serde_value(&text, &FORM).map_err(|error| ConfigError::NotJson {
        file: file.into(),
        line: error.line_display(),
        column: error.column_display(),
        problem: error.kind().to_string().to_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn a_file_is_read_and_remembered() {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("config.json");
        fs::write(&file, r#"{"code_analysis": {"server": {"port": 7}}}"#).unwrap();
        let config = Config::load(Some(&file)).unwrap();
        assert_eq!(
            (config.server.port, config.file.as_deref()),
            (7, Some(file.as_path()))
        );
        assert_eq!(config.database.base_dir, directory.path());
        assert!(
            config
                .worker_log("database")
                .path
                .starts_with(&config.state_dir)
        );
    }

    #[test]
    fn each_bad_file_is_an_error_of_its_own() {
        let directory = TempDir::new().unwrap();
        let missing = directory.path().join("none.json");
        assert!(
            matches!(Config::load(Some(&missing)), Err(ConfigError::Missing { file }) if file == missing)
        );
        assert!(matches!(
            Config::load(Some(directory.path())),
            Err(ConfigError::Unreadable { .. })
        ));
        let broken = directory.path().join("broken.json");
        fs::write(&broken, "{\n  \"code_analysis\": {,}\n}").unwrap();
        let shown = Config::load(Some(&broken)).unwrap_err().to_string();
        let expected =
            "broken.json:2:21: not valid JSON: unexpected token in object; correct the file there";
        assert!(shown.ends_with(expected), "{shown}");
        fs::write(&broken, r#"{"code_analysis": {"server": {"prot": 1}}}"#).unwrap();
        let shown = Config::load(Some(&broken)).unwrap_err().to_string();
        assert!(
            shown.contains("did you mean \"port\"?") && shown.contains("broken.json"),
            "{shown}"
        );
    }
}
