//! Opens a file in a child process to learn what it is: a crash there is a verdict, not our end.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::loader::Loader;
use super::verdict::Verdict;

/// The hidden subcommand of this executable that plays the child.
pub const SUBCOMMAND: &str = "plugin-probe";

/// Longest time for a file to be opened and described.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// How often is looked whether the child has ended: there is no wait with a limit.
const PAUSE: Duration = Duration::from_millis(2);

/// What makes a process a DB worker. A host may run below one; its probes are none.
const DB_WORKER_VARIABLE: &str = "CODE_ANALYSIS_DB_WORKER";

/// Variables with this prefix tell the dynamic linker to load other code than the file that is asked
/// about.
const LINKER_PREFIX: &[u8] = b"LD_";

/// Most that a child may print.
const MAX_OUTPUT: u64 = 1024 * 1024;

/// Probes one file within `timeout`, usually [`TIMEOUT`]; `executable` is the host's own program.
pub fn probe(executable: &Path, library: &Path, timeout: Duration) -> Verdict {
    let inherited = std::env::vars_os().map(|(name, _)| name);
    match command(executable, library, inherited).spawn() {
        Ok(child) => wait_for(child, timeout),
        Err(error) => Verdict::Refused(format!(
            "it could not be probed: {} does not start: {error}",
            executable.display()
        )),
    }
}

/// The child, whose environment has of the `inherited` variables only those that do not change what it
/// finds.
fn command(
    executable: &Path,
    library: &Path,
    inherited: impl Iterator<Item = OsString>,
) -> Command {
    let mut command = Command::new(executable);
    command
        .arg(SUBCOMMAND)
        .arg(library)
        .env_remove(DB_WORKER_VARIABLE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    for name in inherited.filter(|name| name.as_bytes().starts_with(LINKER_PREFIX)) {
        command.env_remove(name);
    }
    command
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

fn wait_for(mut child: Child, timeout: Duration) -> Verdict {
    let deadline = Instant::now() + timeout;
    let text = child
        .stdout
        .take()
        .and_then(|stdout| output_until(stdout, deadline));
    // A child that has closed its output has not ended yet, and need not.
    let ended = text.and_then(|text| Some((text, end_until(&mut child, deadline)?)));
    match ended {
        Some((text, Ok(status))) if status.success() => read_verdict(&text),
        Some((_, Ok(status))) => Verdict::Refused(format!(
            "opening it ended the probing process {}",
            how(status)
        )),
        Some((_, Err(error))) => {
            Verdict::Refused(format!("its probe could not be waited for: {error}"))
        }
        None => {
            // The verdict is the same whether or not the child could be ended and reaped.
            let _ = child.kill();
            let _ = child.wait();
            Verdict::Refused(format!(
                "opening it took longer than {} s; its constructor or its driver hangs",
                timeout.as_secs_f32()
            ))
        }
    }
}

/// All that is written until its end; none when that does not come in time.
fn output_until(stdout: ChildStdout, deadline: Instant) -> Option<Vec<u8>> {
    let (said, hears) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.take(MAX_OUTPUT).read_to_end(&mut text);
        // Nobody listens any more when the child took too long.
        let _ = said.send(read.map(|_| text));
    });
    let left = deadline.saturating_duration_since(Instant::now());
    hears.recv_timeout(left).ok()?.ok()
}

/// How the child ended; none when it does not in time.
fn end_until(child: &mut Child, deadline: Instant) -> Option<std::io::Result<ExitStatus>> {
    loop {
        if let Some(ended) = child.try_wait().transpose() {
            return Some(ended);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(PAUSE);
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

    #[test]
    fn a_child_is_no_db_worker_and_loads_nothing_else() {
        let inherited = ["LD_PRELOAD", "LD_AUDIT", "HOME", "OLD_X"].map(OsString::from);
        let command = command(Path::new("/h"), Path::new("/x.so"), inherited.into_iter());
        let changed: Vec<_> = command.get_envs().collect();
        assert_eq!(
            changed,
            ["CODE_ANALYSIS_DB_WORKER", "LD_AUDIT", "LD_PRELOAD"].map(|name| (name.as_ref(), None))
        );
    }
}
