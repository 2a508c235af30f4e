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

use super::server_types::{ClientConfig, ServerConfig};

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
    /// How a running server is reached.
    pub client: ClientConfig,
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
    /// Copies of the database.
    pub backup: BackupConfig,
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
    /// Size of the write-ahead log, in MiB, from which on reads that keep it from being cut back are ended; default
    /// 1024.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub largest_log_mib: u64,
    /// Restarts within a minute after which a worker that ends once more is given up; default 10.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_restarts: usize,
    /// Longest pause before a restart, in milliseconds; default 30000.
    #[schemars(range(min = 0, max = 3_600_000))]
    pub longest_restart_pause_ms: u64,
}

/// `database.backup`: copies of the database, made on request and before it is changed as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BackupConfig {
    /// Where they are kept; default `backups` beside the database file, for servers `<state_dir>/backups`.
    #[schemars(extend("x-while-running" = true))]
    pub directory: Option<PathBuf>,
    /// Number of automatic backups that are kept; the oldest go first. Those that were asked for stay. Default 10.
    #[schemars(range(min = 1, max = 10_000), extend("x-while-running" = true))]
    pub keep: usize,
    /// Days for which automatic backups are kept, the newest longer. Default 90.
    #[schemars(range(min = 1, max = 36_500), extend("x-while-running" = true))]
    pub keep_days: u64,
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
    /// The worker that looks for drift between files, rows and full text, and repairs it.
    pub repair: RepairConfig,
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
    /// Whether `serve` computes vectors; default false.
    pub enabled: bool,
    /// Number of chunks in one question to the model; default 10.
    #[schemars(range(min = 1, max = 100_000))]
    pub batch_size: usize,
    /// Seconds between looks for chunks without a vector; default 30.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub poll_interval: u64,
    /// Failures in a row after which the model is left alone for half a minute, then for twice as long each time, ten
    /// minutes at most; default 3.
    #[schemars(range(min = 1, max = 1000))]
    pub retry_attempts: u32,
    /// Seconds before the first of these repetitions; each further pause is twice as long. Default 1.
    #[schemars(range(min = 1, max = 3600))]
    pub retry_delay: u64,
    /// The worker's log file; default `<state_dir>/logs/vectorization.log`.
    pub log_path: Option<PathBuf>,
}

/// `workers.repair`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RepairConfig {
    /// Whether `serve` looks for drift and repairs it; default false.
    #[schemars(extend("x-while-running" = true))]
    pub enabled: bool,
    /// Number of files that are repaired at once, and twentieth part of those whose bytes one look compares; default
    /// 10.
    #[schemars(range(min = 1, max = 100_000), extend("x-while-running" = true))]
    pub batch_size: usize,
    /// Seconds between looks at a project, or twenty times as long as the last look took, if that is more and nothing
    /// was repaired; default 30.
    #[schemars(range(min = 1, max = 31_536_000), extend("x-while-running" = true))]
    pub poll_interval: u64,
    /// Milliseconds between two batches, in which others have the database; default 100.
    #[schemars(range(min = 0, max = 3_600_000), extend("x-while-running" = true))]
    pub batch_pause_ms: u64,
    /// The worker's log file; default `<state_dir>/logs/repair.log`.
    #[schemars(extend("x-while-running" = true))]
    pub log_path: Option<PathBuf>,
}

/// `plugins`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Directories with drivers, besides those beside the executable; default none.
    pub directories: Vec<PathBuf>,
    /// The lock file, which holds the SHA-256 of plugins; default `<state_dir>/plugins.lock`.
    pub lock_file: Option<PathBuf>,
    /// Whether plugins that are not in the lock file are used; those that are in it must have its bytes in either
    /// case. Default `allow`.
    pub unlocked: UnlockedPlugins,
    /// Public keys of minisign. When there is one, every plugin needs a signature of one of them, in a file beside
    /// it, `libx.so.minisig`; default none.
    #[schemars(inner(length(min = 56, max = 56)))]
    pub trusted_keys: Vec<String>,
    /// Crashes of a driver in its worker within an hour after which it is not used any more; default 5.
    #[schemars(range(min = 1, max = 1000))]
    pub crash_limit: usize,
}

/// `plugins.unlocked`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnlockedPlugins {
    /// They are used.
    #[default]
    Allow,
    /// They are refused; those of the release, beside the executable, are not.
    Refuse,
}

impl Config {
    /// The log of the worker of this kind (`database`, `file_watcher`, ...) and how it rotates.
    pub fn worker_log(&self, kind: &str) -> LogFileSettings {
        let named = match kind {
            "database" => &self.database.worker.log_path,
            "file_watcher" => &self.workers.file_watcher.log_path,
            "vectorization" => &self.workers.vectorization.log_path,
            "repair" => &self.workers.repair.log_path,
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

    /// Where indexing notes what it has in hand, so that a text that ends a process is passed over by the next one.
    pub fn crash_notes(&self) -> PathBuf {
        self.state_dir.join("analysing")
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
            backup: BackupConfig::default(),
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
            largest_log_mib: 1_024,
            max_restarts: 10,
            longest_restart_pause_ms: 30_000,
        }
    }
}

impl Default for BackupConfig {
    fn default() -> Self {
        BackupConfig {
            directory: None,
            keep: 10,
            keep_days: 90,
        }
    }
}

impl Default for WorkersConfig {
    fn default() -> Self {
        WorkersConfig {
            database: DatabaseProcessConfig::default(),
            file_watcher: FileWatcherConfig::default(),
            vectorization: VectorizationConfig::default(),
            repair: RepairConfig::default(),
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
            retry_attempts: 3,
            retry_delay: 1,
            log_path: None,
        }
    }
}

impl Default for RepairConfig {
    fn default() -> Self {
        RepairConfig {
            enabled: false,
            batch_size: 10,
            poll_interval: 30,
            batch_pause_ms: 100,
            log_path: None,
        }
    }
}

impl Default for PluginsConfig {
    fn default() -> Self {
        PluginsConfig {
            directories: Vec::new(),
            lock_file: None,
            unlocked: UnlockedPlugins::Allow,
            trusted_keys: Vec::new(),
            crash_limit: 5,
        }
    }
}
