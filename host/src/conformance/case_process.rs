//! One case in a child process: a crash, an endless loop or an exit there is a failed case, with its reason.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ChildStderr, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use driver_api::testkit::{Failure, Outcome};

use super::run_case::{CaseRequest, SUBCOMMAND};
use crate::plugins::child_process::{self, DB_WORKER_VARIABLE, Ended};
use crate::supervisor::exit_reason::ExitReason;

/// Lines of the child's standard error that are told of one that crashed.
const LAST_LINES: usize = 3;

/// Most that is read of a child's standard error.
const MAX_STDERR: u64 = 1024 * 1024;

/// How a child is started.
pub(super) struct CaseProcess<'a> {
    pub(super) executable: &'a Path,
    /// Whether the child opens the database as a DB worker does.
    pub(super) as_worker: bool,
    pub(super) timeout: Duration,
}

impl CaseProcess<'_> {
    /// Runs a case.
    pub(super) fn run(&self, request: &CaseRequest) -> Outcome {
        match self.start(request) {
            Ok((ended, stderr)) => self.judge(ended, &stderr),
            Err(error) => failed(
                "success",
                format!("{} does not start: {error}", self.executable.display()),
            ),
        }
    }

    fn start(&self, request: &CaseRequest) -> io::Result<(Ended, Vec<String>)> {
        let inherited = std::env::vars_os().map(|(name, _)| name);
        let mut command = child_process::command(self.executable, inherited);
        command
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped());
        if self.as_worker {
            command.env(DB_WORKER_VARIABLE, "1");
        }
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let stderr = child.stderr.take().map(read_in_thread);
        if let Some(mut stdin) = stdin.as_ref() {
            // A child that does not read has ended, and how it did is told.
            let _ = stdin.write_all(&line);
        }
        let ended = child_process::finish(child, self.timeout);
        // Open until now: its end of file tells the child that this process is gone.
        drop(stdin);
        let stderr = stderr.and_then(|thread| thread.join().ok());
        Ok((ended, stderr.unwrap_or_default()))
    }

    fn judge(&self, ended: Ended, stderr: &[String]) -> Outcome {
        match ended {
            Ended::Exited { output, status } if status.success() => read_outcome(&output),
            Ended::Exited { status, .. } => failed(
                "that the process goes on",
                format!("it {}", exit_reason(status, stderr)),
            ),
            Ended::Lost(error) => failed("success", format!("it cannot be waited for: {error}")),
            Ended::TimedOut { .. } => failed(
                &format!("an end within {} s", self.timeout.as_secs_f32()),
                "it was still running, and was killed".into(),
            ),
        }
    }
}

fn failed(expected: &str, found: String) -> Outcome {
    Outcome::Failed(Failure::new("the process of the case", expected, found))
}

fn exit_reason(status: ExitStatus, stderr: &[String]) -> String {
    let last = stderr.len().saturating_sub(LAST_LINES);
    let reason = ExitReason {
        code: status.code(),
        signal: status.signal(),
        stderr: stderr[last..].to_vec(),
        ..ExitReason::default()
    };
    match status.signal() {
        Some(_) => format!("was {reason}"),
        None => reason.to_string(),
    }
}

/// The last line; a driver may have printed others.
fn read_outcome(output: &[u8]) -> Outcome {
    let last = output
        .rsplit(|byte| *byte == b'\n')
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    serde_json::from_slice(last).unwrap_or_else(|error| {
        failed(
            "an answer",
            format!("it ended in good order, but with an answer that cannot be read: {error}"),
        )
    })
}

fn read_in_thread(stderr: ChildStderr) -> JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let mut text = Vec::new();
        // What was read until an error is all that can be told.
        let _ = stderr.take(MAX_STDERR).read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        text.lines().map(str::to_owned).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::foundation::plugin_image::PluginImage;

    /// The outcome that a shell script in the place of the host brings about.
    fn outcome_of(script: &str, timeout: Duration) -> Outcome {
        let place = tempfile::tempdir().unwrap();
        let executable = place.path().join("host");
        std::fs::write(&executable, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&executable, PermissionsExt::from_mode(0o700)).unwrap();
        let process = CaseProcess {
            executable: &executable,
            as_worker: true,
            timeout,
        };
        let request = CaseRequest {
            plugin: PluginImage {
                file: "/p/x.so".into(),
                hash: "aa".into(),
            },
            case: "types.i64.min".into(),
            options: serde_json::Map::new(),
        };
        loop {
            let outcome = process.run(&request);
            // Another test's child may hold the script open for writing until it becomes its own program.
            match &outcome {
                Outcome::Failed(failure) if failure.found.contains("Text file busy") => {}
                _ => return outcome,
            }
        }
    }

    fn found(outcome: Outcome) -> String {
        match outcome {
            Outcome::Failed(failure) => failure.found,
            other => panic!("{other:?}"),
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_answer_is_the_last_line_whatever_the_driver_prints() {
        let script = r#"read -r line; echo "noise"; echo "$CODE_ANALYSIS_DB_WORKER $line" >&2
            printf '\n{"outcome":"passed"}\n'"#;
        assert_eq!(outcome_of(script, LONG), Outcome::Passed);
        let mute = found(outcome_of("read -r line", LONG));
        assert!(mute.contains("an answer that cannot be read"), "{mute}");
    }

    #[test]
    fn a_crash_an_exit_and_a_hang_are_failures_with_their_reasons() {
        let crash = "read -r line; echo 'double free' >&2; kill -SEGV $$";
        assert_eq!(
            found(outcome_of(crash, LONG)),
            "it was ended by signal SIGSEGV (11); it last said: double free"
        );
        let exit = r#"read -r line; echo '{"outcome":"passed"}'; exit 3"#;
        assert_eq!(found(outcome_of(exit, LONG)), "it exited with status 3");
        let hang = "read -r line; exec sleep 60";
        assert_eq!(
            outcome_of(hang, Duration::from_millis(500)),
            Outcome::Failed(Failure::new(
                "the process of the case",
                "an end within 0.5 s",
                "it was still running, and was killed"
            ))
        );
    }
}
