//! Finds the program that workers are started from: this very host, also when another program embeds it.

use std::path::{Path, PathBuf};

use crate::foundation::paths::APPLICATION;

use super::error::WorkerError;

/// The configured executable, else the running one if it is the host, else one beside it or in the
/// directory above.
///
/// # Errors
/// [`WorkerError::NoExecutable`] with every path that was tried.
pub fn find_executable(configured: Option<&Path>) -> Result<PathBuf, WorkerError> {
    first_file(candidates(
        configured,
        std::env::current_exe().ok().as_deref(),
    ))
}

fn candidates(configured: Option<&Path>, running: Option<&Path>) -> Vec<PathBuf> {
    if let Some(configured) = configured {
        return vec![configured.to_owned()];
    }
    let Some(running) = running else {
        return Vec::new();
    };
    if running.file_name().is_some_and(|name| name == APPLICATION) {
        return vec![running.to_owned()];
    }
    // Cargo puts examples and test programs one directory below the binaries.
    running
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(APPLICATION))
        .collect()
}

fn first_file(candidates: Vec<PathBuf>) -> Result<PathBuf, WorkerError> {
    match candidates.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(WorkerError::NoExecutable { tried: candidates }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configured_one_is_the_only_candidate() {
        let tried = candidates(
            Some(Path::new("/opt/host")),
            Some(Path::new("/bin/code-analysis-host")),
        );
        assert_eq!(tried, [Path::new("/opt/host")]);
    }

    #[test]
    fn the_running_host_is_its_own_worker() {
        let running = Path::new("/bin/code-analysis-host");
        assert_eq!(candidates(None, Some(running)), [running]);
    }

    #[test]
    fn an_embedding_program_finds_it_beside_or_above() {
        let tried = candidates(None, Some(Path::new("/t/debug/examples/embed")));
        assert_eq!(
            tried,
            [
                "/t/debug/examples/code-analysis-host",
                "/t/debug/code-analysis-host"
            ]
            .map(Path::new)
        );
    }

    #[test]
    fn nothing_found_names_everything_that_was_tried() {
        let error = first_file(vec!["/nowhere/a".into(), "/nowhere/b".into()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the executable code-analysis-host is not found; tried /nowhere/a, /nowhere/b; \
             name it in database.worker.executable"
        );
    }
}
