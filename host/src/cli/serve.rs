//! `serve`: a server for programs of this machine, until it is told to end.

mod changes;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::arguments::GlobalArguments;
use super::exit_code::Exit;
use super::failure::{CliError, Failure};
use super::host;
use super::output::Output;
use crate::config::types::Config;
use crate::foundation::endpoint_file::Endpoint;
use crate::foundation::shutdown_signal::{ShutdownReason, ShutdownRequest, ShutdownSignal};
use changes::ConfigurationChanges;

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Directory to keep indexed, besides those of the configuration; may be repeated
    #[arg(long = "watch", value_name = "DIR")]
    watch: Vec<PathBuf>,
    /// TCP port on this machine, instead of the configured one; 0 lets the system choose
    #[arg(long, value_name = "N")]
    port: Option<u16>,
}

/// Serves until SIGTERM or SIGINT, then ends in good order.
pub(super) fn run(
    global: &GlobalArguments,
    arguments: ServeArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let loaded = host::loaded(global)?;
    for change in &loaded.changes {
        tracing::warn!("{change}");
    }
    let config = effective(loaded.config, &arguments)?;
    let shutdown = ShutdownSignal::new();
    // Before anything is started, so that nothing is left behind whenever a signal comes.
    shutdown.trigger_on(&[SIGINT, SIGTERM]).map_err(|error| {
        Failure::new(
            Exit::Failed,
            "SYSTEM",
            format!("signals cannot be caught: {error}"),
        )
    })?;
    let app = host::build(global, config)?;
    let listening = app.listen()?;
    let mut told = Ok(());
    let changes = ConfigurationChanges::new(app.config().file.as_deref())?;
    let served = thread::scope(|scope| {
        scope.spawn(|| {
            let load =
                || effective(host::loaded(global)?.config, &arguments).map_err(CliError::from);
            changes.follow(&app, &shutdown, load);
        });
        let served = app.serve(listening, &shutdown, |endpoint| {
            told = tell_ready(endpoint, output);
        });
        // A server that ended by itself leaves nobody behind who follows its configuration.
        shutdown.trigger(ShutdownRequest::within(
            ShutdownReason::Requested,
            Duration::ZERO,
        ));
        served
    });
    served?;
    told.map(|()| Exit::Ok)
}

/// The one line that says where requests are taken.
fn tell_ready(endpoint: &Endpoint, output: &mut Output<'_>) -> Result<(), CliError> {
    tracing::info!(url = endpoint.url, "serving");
    if output.is_json() {
        let Endpoint {
            url,
            pid,
            version,
            instance_id,
        } = endpoint;
        let ready = json!({"url": url, "pid": pid, "version": version, "instance_id": instance_id});
        output.line(&ready.to_string())?;
    } else {
        output.line(&format!("serving at {}", endpoint.url))?;
    }
    output.finish()
}

/// The key of the configured directories.
const WATCH_DIRS: &str = "workers.file_watcher.watch_dirs";

/// The configuration with what the command line adds, its watched directories free of links.
fn effective(mut config: Config, arguments: &ServeArguments) -> Result<Config, Failure> {
    let watcher = &mut config.workers.file_watcher;
    let mut added = Vec::new();
    for directory in &arguments.watch {
        added.push(watched(directory)?);
        // Whoever names a directory wants it watched.
        watcher.enabled = true;
    }
    if watcher.enabled {
        for directory in &mut watcher.watch_dirs {
            *directory = watched(directory).map_err(|failure| Failure {
                message: format!("{WATCH_DIRS}: {}", failure.message),
                ..failure
            })?;
        }
    }
    watcher.watch_dirs.extend(added);
    if let Some(port) = arguments.port {
        config.server.port = port;
    }
    Ok(config)
}

fn watched(directory: &Path) -> Result<PathBuf, Failure> {
    let absolute = directory
        .canonicalize()
        .map_err(|error| Failure::path(directory, &error))?;
    if absolute.is_dir() {
        return Ok(absolute);
    }
    let message = format!(
        "{} is not a directory; only directories are watched",
        directory.display()
    );
    Err(Failure::coded("NOT_A_DIRECTORY", message, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watching(directory: &Path) -> Config {
        let mut config = Config::default();
        config.workers.file_watcher.watch_dirs = vec![directory.to_owned()];
        config
    }

    #[test]
    fn a_configured_directory_that_is_missing_is_named_with_its_key() {
        let nothing = || ServeArguments {
            watch: Vec::new(),
            port: None,
        };
        let missing = Path::new("/no/such/directory");
        let failure = effective(watching(missing), &nothing()).unwrap_err();
        assert_eq!(failure.exit, Exit::NotFound);
        assert_eq!(
            failure.message,
            "workers.file_watcher.watch_dirs: /no/such/directory does not exist; check how it is spelled"
        );
        // Nobody looks at it then.
        let mut unwatched = watching(missing);
        unwatched.workers.file_watcher.enabled = false;
        assert!(effective(unwatched, &nothing()).is_ok());
    }

    #[test]
    fn the_command_line_adds_to_the_configuration() {
        let (configured, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut config = watching(configured.path());
        config.workers.file_watcher.enabled = false;
        let arguments = ServeArguments {
            watch: vec![place.path().to_owned()],
            port: Some(7),
        };
        let config = effective(config, &arguments).unwrap();
        assert_eq!(config.server.port, 7);
        assert!(config.workers.file_watcher.enabled);
        let expected = [configured, place].map(|place| place.path().canonicalize().unwrap());
        assert_eq!(config.workers.file_watcher.watch_dirs, expected);
    }

    #[test]
    fn only_a_directory_that_is_there_is_watched() {
        let missing = watched(Path::new("/no/such/directory")).unwrap_err();
        assert_eq!(missing.exit, Exit::NotFound);
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(watched(file.path()).unwrap_err().code, "NOT_A_DIRECTORY");
    }
}
