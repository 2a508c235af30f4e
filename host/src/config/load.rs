//! Reads a configuration file and the environment, and fills in defaults and absolute paths.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::{Value, json};

use crate::foundation::json_schema::{Problem, Problems};
use crate::foundation::paths::{PathError, data_dir};

use super::environment;
use super::legacy::change::Change;
use super::legacy::{Converted, convert};
use super::origins::{Origin, Origins};
use super::types::{Config, DEFAULT_DATABASE_TYPE};
use super::validation;

/// File name of the database in the state directory.
const DEFAULT_DATABASE_FILE: &str = "code_analysis.db";

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
    fn of(
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

/// Fills in what the file leaves open and makes paths absolute.
fn complete(mut config: Config, base_dir: &Path, state_dir: &Path) -> Result<Config, ConfigError> {
    config.state_dir = utf8_directory(state_dir)?;
    config.database.base_dir = utf8_directory(base_dir)?;
    let base_dir = config.database.base_dir.clone();

    let worker = &mut config.database.worker;
    let process = &mut config.workers.database;
    worker.enabled = worker.enabled.or(process.enabled);
    worker.log_path = worker.log_path.take().or_else(|| process.log_path.take());
    let single_paths = [
        &mut worker.log_path,
        &mut worker.executable,
        &mut config.database.backup.directory,
        &mut config.workers.file_watcher.log_path,
        &mut config.workers.vectorization.log_path,
        &mut config.workers.repair.log_path,
        &mut config.plugins.lock_file,
        &mut config.server.token_file,
        &mut config.server.tls.cert,
        &mut config.server.tls.key,
        &mut config.server.tls.client_ca,
        &mut config.client.ca,
        &mut config.client.cert,
        &mut config.client.key,
    ];
    let path_lists = [
        &mut config.workers.file_watcher.watch_dirs,
        &mut config.plugins.directories,
    ];
    for path in single_paths
        .into_iter()
        .flatten()
        .chain(path_lists.into_iter().flatten())
    {
        *path = below(&base_dir, path);
    }

    for kind in ["database", "file_watcher", "vectorization", "repair"] {
        let path = Some(config.worker_log(kind).path);
        match kind {
            "database" => config.database.worker.log_path = path,
            "file_watcher" => config.workers.file_watcher.log_path = path,
            "vectorization" => config.workers.vectorization.log_path = path,
            _ => config.workers.repair.log_path = path,
        }
    }
    let lock_file = || config.state_dir.join("plugins.lock");
    let lock_file = config.plugins.lock_file.take().unwrap_or_else(lock_file);
    config.plugins.lock_file = Some(lock_file);
    config.workers.database.enabled = config.database.worker.enabled;
    config.workers.database.log_path = config.database.worker.log_path.clone();
    place_database(&mut config);
    Ok(config)
}

/// SQLite without a path lives in the state directory; other drivers have no path that could be
/// defaulted.
fn place_database(config: &mut Config) {
    let database = &config.database;
    let is_placed =
        database.options.contains_key("path") || database.option_texts.contains_key("path");
    if database.kind == DEFAULT_DATABASE_TYPE && !is_placed {
        let path = config.state_dir.join(DEFAULT_DATABASE_FILE);
        config
            .database
            .options
            .insert("path".to_owned(), path.to_string_lossy().into());
    }
}

fn utf8_directory(path: &Path) -> Result<PathBuf, ConfigError> {
    let path = std::path::absolute(path).map_err(ConfigError::CurrentDirectory)?;
    if path.to_str().is_none() {
        return Err(ConfigError::NotUtf8 { path });
    }
    Ok(path)
}

/// Joins and drops `.` components; `..` stays, because dropping it would be wrong behind a symbolic
/// link.
fn below(base_dir: &Path, path: &Path) -> PathBuf {
    base_dir.join(path).components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tempfile::TempDir;

    fn completed(value: Value) -> Config {
        let loaded = Loaded::of(value, "test", std::iter::empty()).unwrap();
        complete(
            loaded.config,
            Path::new("/etc/cah"),
            Path::new("/home/u/data"),
        )
        .unwrap()
    }

    #[test]
    fn an_empty_file_means_all_defaults_below_the_data_directory() {
        let config = completed(json!({}));
        assert_eq!(
            config.effective(),
            json!({"code_analysis": {
                "database": {
                    "type": "sqlite",
                    "worker": {
                        "enabled": null, "log_path": "/home/u/data/logs/database.log", "executable": null,
                        "idle_transaction_seconds": 60, "readers": 4,
                        "clients": 1100, "largest_log_mib": 1024, "max_restarts": 10, "longest_restart_pause_ms": 30000
                    },
                    "backup": {"directory": null, "keep": 10, "keep_days": 90},
                    "path": "/home/u/data/code_analysis.db"
                },
                "workers": {
                    "database": {"enabled": null, "log_path": "/home/u/data/logs/database.log"},
                    "file_watcher": {
                        "enabled": true, "scan_interval": 60, "watch_dirs": [],
                        "log_path": "/home/u/data/logs/file_watcher.log"
                    },
                    "vectorization": {
                        "enabled": false, "batch_size": 10, "poll_interval": 30,
                        "log_path": "/home/u/data/logs/vectorization.log"
                    },
                    "repair": {
                        "enabled": false, "batch_size": 10, "poll_interval": 30, "batch_pause_ms": 100,
                        "log_path": "/home/u/data/logs/repair.log"
                    },
                    "log_max_bytes": 10485760, "log_files": 5
                },
                "server": {
                    "host": "127.0.0.1", "port": 15000, "names": [],
                    "tls": {"cert": null, "key": null, "client_ca": null},
                    "token_file": null, "token_env": null, "connections": 1000,
                    "jobs": {"running": 2, "kept_seconds": 3600}
                },
                "client": {"ca": null, "cert": null, "key": null},
                "plugins": {
                    "directories": [], "lock_file": "/home/u/data/plugins.lock", "unlocked": "allow",
                    "trusted_keys": [], "crash_limit": 5
                }
            }})
        );
    }

    #[test]
    fn relative_paths_start_from_the_file_and_driver_options_stay_as_they_are() {
        let config = completed(json!({"code_analysis": {
            "database": {"path": "data/x.db", "worker": {"executable": "bin/host"}},
            "workers": {
                "database": {"enabled": true, "log_path": "./logs/db.log"},
                "file_watcher": {"watch_dirs": ["src", "/abs"]}
            },
            "plugins": {"directories": ["plugins"]}
        }}));
        assert_eq!(config.database.options["path"], "data/x.db");
        assert_eq!(config.database.base_dir, Path::new("/etc/cah"));
        assert_eq!(config.database.worker.enabled, Some(true));
        assert_eq!(
            config.database.worker.executable.as_deref(),
            Some(Path::new("/etc/cah/bin/host"))
        );
        assert_eq!(
            config.worker_log("database").path,
            Path::new("/etc/cah/logs/db.log")
        );
        assert_eq!(
            config.workers.file_watcher.watch_dirs,
            [Path::new("/etc/cah/src"), Path::new("/abs")]
        );
        assert_eq!(config.plugins.directories, [Path::new("/etc/cah/plugins")]);
    }

    #[test]
    fn another_driver_gets_its_options_and_no_path() {
        let config = completed(
            json!({"code_analysis": {"database": {"type": "mysql", "host": "db1", "port": 3306}}}),
        );
        assert_eq!(
            Value::Object(config.database.options),
            json!({"host": "db1", "port": 3306})
        );
    }

    #[test]
    fn secrets_are_neither_shown_nor_lost() {
        let config = completed(
            json!({"code_analysis": {"database": {"type": "mysql", "password": "canary"}}}),
        );
        assert!(!format!("{config:?}").contains("canary"));
        assert_eq!(
            config.effective()["code_analysis"]["database"]["password"],
            "***"
        );
        let travelled: Config =
            serde_json::from_value(serde_json::to_value(&config).unwrap()).unwrap();
        assert_eq!(travelled, config);
        assert_eq!(travelled.database.options["password"], "canary");
    }

    #[test]
    fn the_effective_form_is_a_valid_file() {
        let config = completed(json!({"code_analysis": {"database": {"path": "/x.db"}}}));
        assert_eq!(completed(config.effective()), config);
    }

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
