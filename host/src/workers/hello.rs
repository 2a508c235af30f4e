//! What a host tells its workers besides the DB worker in its first message.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::types::Config;

/// The hello of a worker; it travels over the control socket because options may hold secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct WorkerHello {
    /// The host's effective configuration, with the settings of this start.
    pub config: Config,
    /// The plugins directories that were named on the host's command line.
    pub plugin_dirs: Vec<PathBuf>,
    /// Who the host is: the same for each process that it starts in a worker's place, another for every other host.
    pub host_id: String,
    /// The directory that an indexing worker is to index; none for the others.
    #[serde(default)]
    pub root_dir: Option<PathBuf>,
}
