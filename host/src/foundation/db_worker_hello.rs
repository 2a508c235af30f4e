//! What a host tells a DB worker in its first message: the driver to load, the database, and where to listen.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::plugin_image::PluginImage;
use super::redaction::redact_map;

/// Code of the refusal with which a DB worker says that another process already owns the database.
pub const REFUSED_OWNED: &str = "owned";

/// The hello of a DB worker; it travels over the control socket because options may hold secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct DbWorkerHello {
    /// Name of the driver to use, such as `sqlite`.
    pub driver: String,
    /// The plugin to load.
    pub plugin: PluginImage,
    /// Where the worker notes the calls of its driver, so that a crash is told with the last of them; none where
    /// they are not noted.
    #[serde(default)]
    pub call_note: Option<PathBuf>,
    /// Options of the driver, as its option schema wants them.
    pub options: Map<String, Value>,
    /// The canonical database file; an identity for databases that are not files.
    pub database: PathBuf,
    /// Whether it is known to be damaged: whoever meets the damage is told, and nobody looks for more of it.
    #[serde(default)]
    pub is_damaged: bool,
    /// The file to lock for as long as the worker owns the database, and to write [`DbWorkerOwner`]
    /// into.
    pub owner_file: PathBuf,
    /// The Unix socket to listen on; a stale one is removed once the lock is held.
    pub socket: PathBuf,
    /// Number of reading connections.
    pub readers: usize,
    /// Most clients connected at once.
    pub clients: usize,
    /// Size of the write-ahead log in MiB from which on the longest read is ended.
    pub largest_log_mib: u64,
    /// Seconds after which an interactive transaction without a statement is rolled back.
    pub idle_transaction_seconds: u64,
    /// The worker's log file.
    pub log_path: PathBuf,
    /// Size in bytes at which the log file is rotated.
    pub log_max_bytes: u64,
    /// Number of log files kept, the current one included.
    pub log_files: usize,
}

impl fmt::Debug for DbWorkerHello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DbWorkerHello")
            .field("driver", &self.driver)
            .field("plugin", &self.plugin)
            .field("options", &redact_map(&self.options))
            .field("database", &self.database)
            .field("owner_file", &self.owner_file)
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

/// What the owner writes into the owner file as one JSON object, once it holds the lock and
/// listens.
///
/// It only says where to knock: the lock, never this text, decides who owns the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DbWorkerOwner {
    /// The socket that the owner listens on.
    pub socket: PathBuf,
    /// The owner's process id, for people and messages.
    pub pid: u32,
    /// The version of the host that the owner belongs to.
    pub host_version: String,
    /// The write-ahead log beside the database, which only a good end removes; `None` for databases
    /// without one.
    #[serde(default)]
    pub log: Option<PathBuf>,
    /// Which run of the system it is, as `/proc/sys/kernel/random/boot_id` says; empty where it is not told.
    #[serde(default)]
    pub boot: String,
}

/// The payload with which a DB worker says that it is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DbWorkerReady {
    /// The socket that the worker listens on.
    pub socket: PathBuf,
    /// The worker's process id.
    pub pid: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn debug_does_not_show_secrets() {
        let hello: DbWorkerHello = serde_json::from_value(json!({
            "driver": "sqlite", "plugin": {"file": "/p/libsqlite.so", "hash": "aa"}, "options": {"password": "canary", "path": "/d/x.db"},
            "database": "/d/x.db", "owner_file": "/d/x.db.worker", "socket": "/run/x.sock", "readers": 4, "clients": 10, "largest_log_mib": 1024,
            "idle_transaction_seconds": 60, "log_path": "/d/x.log", "log_max_bytes": 10, "log_files": 5
        }))
        .unwrap();
        let shown = format!("{hello:?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("/d/x.db.worker"), "{shown}");
    }
}
