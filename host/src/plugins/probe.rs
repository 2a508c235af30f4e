//! Opens a file in a child process to learn what it is: a crash there is a verdict, not our end.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use super::child_process::{self, Ended};
use super::loader::Loader;
use super::verdict::Verdict;

/// The hidden subcommand of this executable that plays the child.
pub const SUBCOMMAND: &str = "plugin-probe";

/// Longest time for a file to be opened and described.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Probes one file within `timeout`, usually [`TIMEOUT`]; `executable` is the host's own program.
pub fn probe(executable: &Path, library: &Path, timeout: Duration) -> Verdict {
    let inherited = std::env::vars_os().map(|(name, _)| name);
    let mut command = child_process::command(executable, inherited);
    match command.arg(SUBCOMMAND).arg(library).spawn() {
        Ok(child) => judge(child_process::finish(child, timeout), timeout),
        Err(error) => Verdict::Refused(format!(
            "it could not be probed: {} does not start: {error}",
            executable.display()
        )),
    }
}

/// The child's part: loads the file, prints the verdict as JSON.
///
/// # Errors
/// When the verdict cannot be printed.
pub fn run_child(
    loader: &Loader,
    library: &Path,
    out: &mut dyn std::io::Write,
) -> std::io::Result<()> {
    let verdict = match loader.load(library) {
        Ok(plugin) => Verdict::Usable(plugin.descriptor),
        Err(error) => Verdict::Refused(error.to_string()),
    };
    serde_json::to_writer(&mut *out, &verdict)?;
    out.flush()
}

fn judge(ended: Ended, timeout: Duration) -> Verdict {
    match ended {
        Ended::Exited { output, status } if status.success() => read_verdict(&output),
        Ended::Exited { status, .. } => Verdict::Refused(format!(
            "opening it ended the probing process {}",
            how(status)
        )),
        Ended::Lost(error) => {
            Verdict::Refused(format!("its probe could not be waited for: {error}"))
        }
        Ended::TimedOut => Verdict::Refused(format!(
            "opening it took longer than {} s; its constructor or its driver hangs",
            timeout.as_secs_f32()
        )),
    }
}

fn read_verdict(text: &[u8]) -> Verdict {
    serde_json::from_slice(text).unwrap_or_else(|error| {
        Verdict::Refused(format!("its probe answered something unreadable: {error}"))
    })
}

fn how(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("by signal {signal}"),
        (None, Some(code)) => format!("with exit code {code}"),
        (None, None) => "in an unknown way".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use super::*;

    /// The verdict that a shell script in the place of the host brings about.
    fn verdict_of(script: &str, timeout: Duration) -> Verdict {
        let place = tempfile::tempdir().unwrap();
        let executable = place.path().join("host");
        std::fs::write(&executable, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&executable, PermissionsExt::from_mode(0o700)).unwrap();
        loop {
            let verdict = probe(&executable, Path::new("/p/x.so"), timeout);
            // Another test's child may hold the script open for writing until it becomes its own program.
            match &verdict {
                Verdict::Refused(reason) if reason.contains("Text file busy") => {}
                _ => return verdict,
            }
        }
    }

    #[test]
    fn a_child_that_hangs_before_or_after_the_end_of_its_output_is_a_verdict_in_time() {
        for script in ["exec sleep 30", "exec >&-; exec sleep 30"] {
            let begin = Instant::now();
            let verdict = verdict_of(script, Duration::from_millis(500));
            assert!(begin.elapsed() < Duration::from_secs(10), "{script}");
            let expected = "opening it took longer than 0.5 s; its constructor or its driver hangs";
            assert_eq!(verdict, Verdict::Refused(expected.into()), "{script}");
        }
    }

    #[test]
    fn an_answer_and_an_end_count_also_when_the_end_comes_later() {
        let answer = r#"echo '{"refused":"it is text"}'; exec >&-; sleep 0.05"#;
        let verdict = verdict_of(answer, TIMEOUT);
        assert_eq!(verdict, Verdict::Refused("it is text".into()));
        let verdict = verdict_of("exit 7", TIMEOUT);
        let expected = "opening it ended the probing process with exit code 7";
        assert_eq!(verdict, Verdict::Refused(expected.into()));
    }
}
