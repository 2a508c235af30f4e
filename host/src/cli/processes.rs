//! The hidden subcommands that make this executable a worker, the probe of a plugin, or the process of a case.

use std::path::PathBuf;
use std::process::ExitCode;

use super::exit_code::Exit;
use super::output::tell_error;
use crate::app;
use crate::app::driver_tests::run_driver_case;
use crate::app::worker_processes::run_worker;

/// Is a worker of this kind until its host is gone.
pub(super) fn worker(kind: &str) -> ExitCode {
    run_worker(kind).unwrap_or_else(|error| {
        tell_error(&error.to_string());
        Exit::Usage.into()
    })
}

/// Prints what a plugin file is, for the host that started this process.
pub(super) fn plugin_probe(file: PathBuf, hash: String) -> ExitCode {
    let shown = file.display().to_string();
    match app::probe_plugin(file, hash) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            tell_error(&format!("{shown}: {error}"));
            Exit::Failed.into()
        }
    }
}

/// Runs the conformance case that standard input names, for the host that started this process.
pub(super) fn driver_case() -> ExitCode {
    match run_driver_case() {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            tell_error(&format!(
                "cases are run by `drivers test`, not by hand ({error})"
            ));
            Exit::Usage.into()
        }
    }
}
