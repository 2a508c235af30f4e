//! What a host tells a file watcher in its first message.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::types::Config;

/// The hello of a file watcher; it travels over the control socket because options may hold secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct FileWatcherHello {
    /// The host's effective configuration.
    pub config: Config,
    /// The plugins directories that were named on the host's command line.
    pub plugin_dirs: Vec<PathBuf>,
}
