//! The hidden subcommands that make this executable a worker or the probe of a plugin.

use std::path::Path;
use std::process::ExitCode;

use super::exit_code::Exit;
use super::output::tell_error;
use crate::app;
use crate::app::worker_processes::run_worker;

/// Is a worker of this kind until its host is gone.
pub(super) fn worker(kind: &str) -> ExitCode {
    run_worker(kind).unwrap_or_else(|error| {
        tell_error(&error.to_string());
        Exit::Usage.into()
    })
}

/// Prints what a plugin file is, for the host that started this process.
pub(super) fn plugin_probe(file: &Path) -> ExitCode {
    match app::probe_plugin(file) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            tell_error(&format!("{}: {error}", file.display()));
            Exit::Failed.into()
        }
    }
}
