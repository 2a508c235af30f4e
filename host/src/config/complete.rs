//! What a configuration file leaves open: defaults that depend on the place, and absolute paths.

use std::path::{Path, PathBuf};

use super::load::ConfigError;
use super::types::{Config, DEFAULT_DATABASE_TYPE};

/// File name of the database in the state directory.
const DEFAULT_DATABASE_FILE: &str = "code_analysis.db";

/// Fills in what the file leaves open and makes paths absolute.
pub(super) fn complete(
    mut config: Config,
    base_dir: &Path,
    state_dir: &Path,
) -> Result<Config, ConfigError> {
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
        &mut config.embedding.model_dir,
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
    use serde_json::{Value, json};

    use super::*;
    use crate::config::load::Loaded;

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
                        "enabled": false, "batch_size": 10, "poll_interval": 30, "retry_attempts": 3, "retry_delay": 1,
                        "log_path": "/home/u/data/logs/vectorization.log"
                    },
                    "repair": {
                        "enabled": false, "batch_size": 10, "poll_interval": 30, "batch_pause_ms": 100,
                        "log_path": "/home/u/data/logs/repair.log"
                    },
                    "log_max_bytes": 10485760, "log_files": 5
                },
                "embedding": {
                    "provider": "static", "url": null, "model": null, "api_key_env": null,
                    "dimensions": null, "timeout_seconds": 60, "model_dir": null, "threads": 1
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
}
