//! The shape of the configuration under the key `code_analysis`, with every default and unit.
//!
//! The same types are the file's form and the effective form that workers receive. What is marked [`LIVE`] changes
//! while a server runs, everything else at its restart.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::embedding::EmbeddingConfig;
use crate::foundation::log_file::LogFileSettings;
use crate::foundation::paths::log_dir;
use crate::foundation::redaction::redact_map;

/// The driver that is used when none is named.
pub const DEFAULT_DATABASE_TYPE: &str = "sqlite";

/// The keyword of the schema that marks what changes while a server runs.
pub const LIVE: &str = "x-while-running";

/// The effective configuration: every path absolute (but for options of the driver), every default
/// filled in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The database and its driver.
    pub database: DatabaseConfig,
    /// The supervised worker processes.
    pub workers: WorkersConfig,
    /// Which model makes texts into vectors.
    pub embedding: EmbeddingConfig,
    /// Where the server listens.
    pub server: ServerConfig,
    /// Where plugins are looked for.
    pub plugins: PluginsConfig,
    /// The file that this came from; none when everything is default.
    #[schemars(skip)]
    pub file: Option<PathBuf>,
    /// The directory of state that the file does not place elsewhere: the user's data directory.
    #[schemars(skip)]
    pub state_dir: PathBuf,
}

/// `database`: which driver, and what it needs.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DatabaseConfig {
    /// `type`: name or alias of the driver; default `sqlite`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1))]
    pub kind: String,
    /// The DB worker of this database.
    pub worker: DatabaseWorkerConfig,
    /// The directory that relative paths among the options start from. Not a key of the file; the
    /// name that it has on its way to workers cannot be mistaken for an option.
    #[serde(rename = "$base_dir")]
    #[schemars(skip)]
    pub base_dir: PathBuf,
    /// Options of the driver that came from the environment: texts, which take their form from the driver's
    /// schema. Not a key of the file.
    #[serde(rename = "$option_texts")]
    #[schemars(skip)]
    pub option_texts: BTreeMap<String, String>,
    /// Every other key: options of the driver, checked against the driver's own schema when it is
    /// loaded. For `sqlite`, `path` defaults to `<state_dir>/code_analysis.db`.
    #[serde(flatten)]
    pub options: Map<String, Value>,
}

/// `database.worker`: the process that owns the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseWorkerConfig {
    /// Whether the driver runs in a worker; default: as the driver's descriptor says.
    pub enabled: Option<bool>,
    /// The worker's log file; default `<state_dir>/logs/database.log`.
    pub log_path: Option<PathBuf>,
    /// The `code-analysis-host` executable to start, for programs that embed the host; default:
    /// found beside the running program.
    pub executable: Option<PathBuf>,
    /// Seconds after which an interactive transaction without a statement is rolled back; default
    /// 60.
    #[schemars(range(min = 1, max = 86_400))]
    pub idle_transaction_seconds: u64,
    /// Number of connections that only read; default 4.
    #[schemars(range(min = 1, max = 64))]
    pub readers: usize,
    /// Most clients connected at once; further ones are refused. Default 1100.
    #[schemars(range(min = 1, max = 100_000))]
    pub clients: usize,
    /// Restarts within a minute after which a worker that ends once more is given up; default 10.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_restarts: usize,
    /// Longest pause before a restart, in milliseconds; default 30000.
    #[schemars(range(min = 0, max = 3_600_000))]
    pub longest_restart_pause_ms: u64,
}

/// `workers`: every supervised process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkersConfig {
    /// The DB worker; the same settings may stand under `database.worker`.
    pub database: DatabaseProcessConfig,
    /// The worker that keeps the index in step with the files.
    pub file_watcher: FileWatcherConfig,
    /// The worker that computes vectors.
    pub vectorization: VectorizationConfig,
    /// Size in bytes at which a worker's log file is rotated; default 10 MiB.
    #[schemars(range(min = 1024, max = 1_099_511_627_776_u64))]
    pub log_max_bytes: u64,
    /// Number of log files kept for each worker, the current one included; default 5.
    #[schemars(range(min = 1, max = 1000))]
    pub log_files: usize,
}

/// `workers.database`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseProcessConfig {
    /// As `database.worker.enabled`.
    pub enabled: Option<bool>,
    /// As `database.worker.log_path`.
    pub log_path: Option<PathBuf>,
}

/// `workers.file_watcher`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileWatcherConfig {
    /// Whether `serve` watches at all; default true.
    #[schemars(extend("x-while-running" = true))]
    pub enabled: bool,
    /// Seconds between complete scans, which find what notifications missed; default 60.
    #[schemars(range(min = 1, max = 31_536_000), extend("x-while-running" = true))]
    pub scan_interval: u64,
    /// Directories to watch; default none.
    #[schemars(extend("x-while-running" = true))]
    pub watch_dirs: Vec<PathBuf>,
    /// The worker's log file; default `<state_dir>/logs/file_watcher.log`.
    #[schemars(extend("x-while-running" = true))]
    pub log_path: Option<PathBuf>,
}

/// `workers.vectorization`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VectorizationConfig {
    /// Whether vectors are computed; default false.
    pub enabled: bool,
    /// Number of chunks sent to the embedding service at once; default 10.
    #[schemars(range(min = 1, max = 100_000))]
    pub batch_size: usize,
    /// Seconds between looks for chunks without a vector; default 30.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub poll_interval: u64,
    /// The worker's log file; default `<state_dir>/logs/vectorization.log`.
    pub log_path: Option<PathBuf>,
}

/// `server`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address to listen on; default `127.0.0.1`.
    #[schemars(length(min = 1))]
    pub host: String,
    /// TCP port to listen on; default 15000, and 0 lets the system choose a free one.
    pub port: u16,
    /// The background jobs of the server.
    pub jobs: JobsConfig,
}

/// `server.jobs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Long commands that run at once; further ones wait. Default 2.
    #[schemars(range(min = 1, max = 64))]
    pub running: usize,
    /// Seconds that a job and its result are remembered after its end; default 3600. Of more than 1000 jobs, or
    /// 64 MiB of results, the oldest are forgotten earlier.
    #[schemars(range(min = 0, max = 604_800))]
    pub kept_seconds: u64,
}

/// `plugins`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Directories with drivers, besides those beside the executable; default none.
    pub directories: Vec<PathBuf>,
}

impl Config {
    /// The log of the worker of this kind (`database`, `file_watcher`, ...) and how it rotates.
    pub fn worker_log(&self, kind: &str) -> LogFileSettings {
        let named = match kind {
            "database" => &self.database.worker.log_path,
            "file_watcher" => &self.workers.file_watcher.log_path,
            "vectorization" => &self.workers.vectorization.log_path,
            _ => &None,
        };
        LogFileSettings {
            path: named
                .clone()
                .unwrap_or_else(|| log_dir(&self.state_dir).join(format!("{kind}.log"))),
            max_bytes: self.workers.log_max_bytes,
            files: self.workers.log_files,
        }
    }

    /// What is in force, in the file's own shape, with secrets replaced by `***`: safe to show.
    pub fn effective(&self) -> Value {
        let Ok(Value::Object(mut shown)) = serde_json::to_value(self) else {
            return Value::Null;
        };
        shown.shift_remove("file");
        shown.shift_remove("state_dir");
        if let Some(Value::Object(database)) = shown.get_mut("database") {
            database.shift_remove("$base_dir");
            database.shift_remove("$option_texts");
            *database = redact_map(database);
        }
        serde_json::json!({ "code_analysis": shown })
    }
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("kind", &self.kind)
            .field("worker", &self.worker)
            .field("base_dir", &self.base_dir)
            .field("option_texts", &self.option_texts.keys())
            .field("options", &redact_map(&self.options))
            .finish()
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        DatabaseConfig {
            kind: DEFAULT_DATABASE_TYPE.to_owned(),
            worker: DatabaseWorkerConfig::default(),
            base_dir: PathBuf::new(),
            option_texts: BTreeMap::new(),
            options: Map::new(),
        }
    }
}

impl Default for DatabaseWorkerConfig {
    fn default() -> Self {
        DatabaseWorkerConfig {
            enabled: None,
            log_path: None,
            executable: None,
            idle_transaction_seconds: 60,
            readers: 4,
            clients: 1_100,
            max_restarts: 10,
            longest_restart_pause_ms: 30_000,
        }
    }
}

impl Default for WorkersConfig {
    fn default() -> Self {
        WorkersConfig {
            database: DatabaseProcessConfig::default(),
            file_watcher: FileWatcherConfig::default(),
            vectorization: VectorizationConfig::default(),
            log_max_bytes: 10 * 1024 * 1024,
            log_files: 5,
        }
    }
}

impl Default for FileWatcherConfig {
    fn default() -> Self {
        FileWatcherConfig {
            enabled: true,
            scan_interval: 60,
            watch_dirs: Vec::new(),
            log_path: None,
        }
    }
}

impl Default for VectorizationConfig {
    fn default() -> Self {
        VectorizationConfig {
            enabled: false,
            batch_size: 10,
            poll_interval: 30,
            log_path: None,
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            host: "127.0.0.1".to_owned(),
            port: 15000,
            jobs: JobsConfig::default(),
        }
    }
}

impl Default for JobsConfig {
    fn default() -> Self {
        JobsConfig {
            running: 2,
            kept_seconds: 3600,
        }
    }
}
