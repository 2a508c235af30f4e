//! How a running server notices that its configuration changed: by SIGHUP, and by looking at its file and at those with
//! certificates and tokens.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::SIGHUP;

use crate::app::App;
use crate::cli::exit_code::Exit;
use crate::cli::failure::{CliError, Failure};
use crate::config::types::Config;
use crate::foundation::shutdown_signal::ShutdownSignal;

/// Time between two looks at the files: one system call each, whatever replaces files and however.
const LOOK: Duration = Duration::from_secs(1);

/// Device, inode, length and time of change: what differs when a file was written, replaced or given other rights. None
/// where there is no file.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// Every file that counts, and how it is. Symbolic links are followed, as those of certbot have to be.
type Stamps = BTreeMap<PathBuf, Stamp>;

/// What is looked at for changes.
pub(super) struct ConfigurationChanges {
    file: Option<PathBuf>,
    /// Raised by SIGHUP.
    asked: Arc<AtomicBool>,
}

impl ConfigurationChanges {
    /// Looks at `file`, if there is one, and at those that the configuration in force names; takes SIGHUP from now on.
    ///
    /// # Errors
    /// When the signal cannot be caught.
    pub(super) fn new(file: Option<&Path>) -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGHUP, Arc::clone(&asked)).map_err(|error| {
            Failure::new(
                Exit::Failed,
                "SYSTEM",
                format!("SIGHUP cannot be caught: {error}"),
            )
        })?;
        Ok(Self {
            file: file.map(Path::to_owned),
            asked,
        })
    }

    /// Takes over each change until the server is told to end. A configuration that is wrong changes nothing.
    pub(super) fn follow(
        &self,
        app: &App,
        shutdown: &ShutdownSignal,
        load: impl Fn() -> Result<Config, CliError>,
    ) {
        let mut taken = self.stamps(app);
        let mut seen = taken.clone();
        while shutdown.wait_timeout(LOOK).is_none() {
            let asked = self.asked.swap(false, Ordering::Relaxed);
            let now = self.stamps(app);
            // A file that still changes is written at this moment.
            let is_settled = now == seen && now != taken;
            seen.clone_from(&now);
            if asked || is_settled {
                // Files that are named from now on are looked at, and read, once more: they may change meanwhile.
                taken = now;
                take_over(app, load());
            }
        }
    }

    fn stamps(&self, app: &App) -> Stamps {
        let config = app.config();
        let server = &config.server;
        let named = [
            &self.file,
            &server.tls.cert,
            &server.tls.key,
            &server.tls.client_ca,
            &server.token_file,
        ];
        let files = named.into_iter().flatten();
        files.map(|file| (file.clone(), stamp(file))).collect()
    }
}

fn stamp(file: &Path) -> Stamp {
    let metadata = std::fs::metadata(file).ok()?;
    Some((
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ))
}

fn take_over(app: &App, loaded: Result<Config, CliError>) {
    let config = match loaded {
        Ok(config) => config,
        Err(CliError::Failed(failure)) => {
            tracing::error!(
                error = failure.message,
                "the changed configuration is not used"
            );
            app.note_configuration_problem(Some(failure.message));
            return;
        }
        Err(CliError::Output(_)) => return,
    };
    match app.reload(&config) {
        Ok(difference) => {
            app.note_configuration_problem(None);
            tracing::info!(
                taken_over = ?difference.taken,
                need_a_restart = ?difference.at_restart,
                "configuration, certificates and tokens were read again"
            );
        }
        Err(error) => {
            tracing::error!(%error, "the changed configuration is not in force everywhere");
            app.note_configuration_problem(Some(error.to_string()));
        }
    }
}
