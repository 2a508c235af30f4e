//! Runs checkers of Python that the user may have installed, and reads what they say.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::comprehensive_analysis::Note;
use super::job::Job;

/// How long a checker may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is looked whether it has ended.
const PAUSE: Duration = Duration::from_millis(50);

/// Most bytes of what it says that are read.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// A checker.
#[derive(Clone, Copy)]
pub(super) enum Checker {
    Flake8,
    Mypy,
}

impl Checker {
    /// The program.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flake8 => "flake8",
            Self::Mypy => "mypy",
        }
    }

    /// What it says of a file or directory below `root`; an error for people where it cannot be run.
    pub(super) fn run(
        self,
        root: &Path,
        target: &Path,
        config: Option<&str>,
        job: &Job<'_>,
    ) -> Result<Vec<Note>, String> {
        let mut process = Process::new(self.name());
        match self {
            Self::Flake8 => process.arg("--format=default"),
            Self::Mypy => process.args(["--no-error-summary", "--no-color-output"]),
        };
        if let Some(config) = config {
            process.arg(format!("--config-file={config}"));
        }
        // After `--` nothing is an option, whatever a file is called.
        process.arg("--").arg(target).current_dir(root);
        let output = output(process, self.name(), job)?;
        Ok(output.lines().filter_map(|line| note(line, root)).collect())
    }
}

fn output(mut process: Process, name: &str, job: &Job<'_>) -> Result<String, String> {
    process
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = process.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{name} is not installed"),
        _ => format!("{name} cannot be run: {error}"),
    })?;
    let stdout = child.stdout.take();
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stdout) = stdout {
            // What cannot be read was not said.
            let _ = stdout.take(MOST_BYTES).read_to_end(&mut bytes);
        }
        bytes
    });
    let deadline = Instant::now() + PATIENCE;
    let ended = loop {
        match child.try_wait() {
            Ok(Some(_)) => break Ok(()),
            Err(error) => break Err(format!("{name}: {error}")),
            Ok(None) if job.cancellation.is_cancelled() => {
                break Err(format!("{name} was stopped"));
            }
            Ok(None) if Instant::now() > deadline => {
                break Err(format!(
                    "{name} took longer than {} seconds",
                    PATIENCE.as_secs()
                ));
            }
            Ok(None) => thread::sleep(PAUSE),
        }
    };
    if ended.is_err() {
        // It may have ended meanwhile.
        let _ = child.kill();
        let _ = child.wait();
    }
    let bytes = reader.join().unwrap_or_default();
    ended.map(|()| String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads `path:line: text` and `path:line:column: text`.
fn note(said: &str, root: &Path) -> Option<Note> {
    let (path, rest) = said.split_once(':')?;
    let (line, rest) = rest.split_once(':')?;
    let line = line.parse().ok()?;
    let text = match rest.split_once(':') {
        Some((column, text)) if column.parse::<u32>().is_ok() => text,
        _ => rest,
    };
    let path = Path::new(path);
    let path = path.strip_prefix(root).unwrap_or(path);
    let path = path.strip_prefix(".").unwrap_or(path);
    Some(Note {
        relative_path: path.to_string_lossy().into_owned(),
        line,
        message: text.trim().to_owned(),
        details: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_checkers_say_is_read_by_line() {
        let root = Path::new("/r");
        let told =
            |said| note(said, root).map(|note| (note.relative_path, note.line, note.message));
        let expected =
            |path: &str, line, text: &str| Some((path.to_owned(), line, text.to_owned()));
        assert_eq!(
            told("./a.py:3:1: F401 'os' imported"),
            expected("a.py", 3, "F401 'os' imported")
        );
        assert_eq!(
            told("/r/b.py:7: error: bad [x]"),
            expected("b.py", 7, "error: bad [x]")
        );
        assert_eq!(told("Found 1 error"), None);
    }
}
