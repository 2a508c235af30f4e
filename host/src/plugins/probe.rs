//! Opens a file in a child process to learn what it is: a crash there is a verdict, not our end.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use signal_hook::low_level::signal_name;

use super::child_process::{self, Ended};
use super::loader::{ABORTS, LoadedPlugin, Loader, Stage};
use super::verdict::{Found, Reason, Refusal, Verdict};
use crate::foundation::plugin_image::PluginImage;

/// The hidden subcommand of this executable that plays the child.
pub const SUBCOMMAND: &str = "plugin-probe";

/// Longest time for a file to be opened and described.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// What the child may use: seconds of processor time, bytes of memory, bytes of a file that it writes.
const MOST_SECONDS: u64 = 3;
const MOST_MEMORY: u64 = 4 << 30;
const MOST_FILE: u64 = 64 << 20;

/// What the child says, one JSON object a line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// This comes next.
    Stage(Stage),
    /// What the file is.
    Verdict(Verdict),
}

/// Probes one file within `timeout`, usually [`TIMEOUT`]; `executable` is the host's own program.
pub fn probe(executable: &Path, image: &PluginImage, timeout: Duration) -> Verdict {
    let inherited = std::env::vars_os().map(|(name, _)| name);
    let mut command = child_process::command(executable, inherited);
    command.arg(SUBCOMMAND).arg(&image.file).arg(&image.hash);
    match command.spawn() {
        Ok(child) => judge(child_process::finish(child, timeout), timeout),
        Err(error) => not_probed(format!("{} does not start: {error}", executable.display())),
    }
}

/// The child's part: loads the file within limits, prints how far it came and the verdict.
///
/// # Errors
/// When the limits cannot be set, or the verdict cannot be printed.
pub fn run_child(loader: &Loader, image: &PluginImage) -> io::Result<()> {
    set_limits()?;
    let mut out = own_output()?;
    let said = out.try_clone()?;
    // A line that nobody reads any more is not missed.
    let reached = |stage| drop(say(&mut &said, &Line::Stage(stage)));
    let tried = loader.try_out(image, &reached);
    let (verdict, plugin) = match tried {
        Ok(plugin) => (Verdict::Usable(found(&plugin)), Some(plugin)),
        Err(refusal) => (Verdict::Refused(refusal), None),
    };
    say(&mut out, &Line::Verdict(verdict))?;
    say(&mut out, &Line::Stage(Stage::Ending))?;
    drop(plugin);
    Ok(())
}

fn found(plugin: &LoadedPlugin) -> Found {
    Found {
        api_version: plugin.api_version.to_owned(),
        descriptor: plugin.descriptor.clone(),
    }
}

/// The stream that the parent reads, and no longer standard output: a plugin may print.
fn own_output() -> io::Result<File> {
    let own = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok(own.into())
}

fn say(out: &mut dyn Write, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    out.write_all(&text)
}

fn set_limits() -> io::Result<()> {
    let limits = [
        (Resource::Cpu, MOST_SECONDS),
        (Resource::Data, MOST_MEMORY),
        (Resource::Fsize, MOST_FILE),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}

fn judge(ended: Ended, timeout: Duration) -> Verdict {
    let (said, end) = match ended {
        Ended::Exited { output, status } => (output, End::of(status)),
        Ended::TimedOut { output } => (output, End::TimedOut),
        Ended::Lost(error) => return not_probed(format!("its end cannot be waited for: {error}")),
    };
    let lines = said
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok());
    let (mut stage, mut verdict) = (None, None);
    for line in lines {
        match line {
            Line::Stage(next) => stage = Some(next),
            Line::Verdict(found) => verdict = Some(found),
        }
    }
    match (end, stage, verdict) {
        (End::Well, _, Some(verdict)) | (_, _, Some(verdict @ Verdict::Refused(_))) => verdict,
        (end, Some(stage), _) => Verdict::Refused(end.refusal(stage, timeout)),
        (end, None, _) => not_probed(format!("the probing process {}", end.how(timeout))),
    }
}

fn not_probed(what: String) -> Verdict {
    Verdict::Refused(Refusal::new(
        Reason::NotProbed,
        format!("it could not be probed: {what}"),
    ))
}

/// How the child ended.
enum End {
    Well,
    Exited(i32),
    Signal(i32),
    TimedOut,
}

impl End {
    fn of(status: ExitStatus) -> Self {
        match (status.signal(), status.code()) {
            (Some(signal), _) => Self::Signal(signal),
            (None, Some(0)) => Self::Well,
            (None, code) => Self::Exited(code.unwrap_or(-1)),
        }
    }

    /// The limit on processor time is kept by these: the first is sent at the soft limit, the second at the hard.
    fn is_out_of_time(&self) -> bool {
        matches!(
            self,
            Self::TimedOut
                | Self::Signal(signal_hook::consts::SIGXCPU | signal_hook::consts::SIGKILL)
        )
    }

    fn how(&self, timeout: Duration) -> String {
        match self {
            Self::Well => "ended without an answer".into(),
            Self::Exited(code) => format!("ended with exit code {code}"),
            Self::Signal(signal) => format!("was ended by {}", shown(*signal)),
            Self::TimedOut => format!("did not end within {} s", timeout.as_secs_f32()),
        }
    }

    fn refusal(&self, stage: Stage, timeout: Duration) -> Refusal {
        let what = match stage {
            Stage::Opening => "one of its constructors, which run when it is opened,",
            Stage::Checking => "its root module",
            Stage::Starting => "its driver, when it was made and described,",
            Stage::Panicking => "a panic in it",
            Stage::Ending => "one of its destructors, which run when the process ends,",
        };
        match self {
            _ if self.is_out_of_time() => Refusal::new(
                Reason::Hung,
                format!(
                    "{what} did not come to an end within {} s, or {MOST_SECONDS} s of processor time; {AGAIN}",
                    timeout.as_secs_f32()
                ),
            ),
            Self::Signal(signal_hook::consts::SIGABRT) if stage == Stage::Panicking => {
                Refusal::new(Reason::AbortsOnPanic, ABORTS)
            }
            Self::Signal(signal) => Refusal::new(
                Reason::Crashed,
                format!("{what} ended the process by {}; {AGAIN}", shown(*signal)),
            ),
            Self::Well => Refusal::new(
                Reason::Exited,
                format!("{what} ended the process by `exit(0)`; {AGAIN}"),
            ),
            Self::Exited(code) => Refusal::new(
                Reason::Exited,
                format!("{what} ended the process by `exit({code})`; {AGAIN}"),
            ),
            // Out of time, as above.
            Self::TimedOut => Refusal::new(Reason::Hung, what),
        }
    }
}

/// Such a verdict is kept, and may have come of the machine's load.
const AGAIN: &str = "`drivers verify` looks at it again";

fn shown(signal: i32) -> String {
    match signal_name(signal) {
        Some(name) => format!("signal {name} ({signal})"),
        None => format!("signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use super::*;

    /// The refusal that a shell script in the place of the host brings about.
    fn refusal_of(script: &str, timeout: Duration) -> Refusal {
        let place = tempfile::tempdir().unwrap();
        let executable = place.path().join("host");
        std::fs::write(&executable, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&executable, PermissionsExt::from_mode(0o700)).unwrap();
        let image = PluginImage {
            file: "/p/x.so".into(),
            hash: String::new(),
        };
        loop {
            let verdict = probe(&executable, &image, timeout);
            let refusal = verdict.refusal().unwrap().clone();
            // Another test's child may hold the script open for writing until it becomes its own program.
            if !refusal.text.contains("Text file busy") {
                return refusal;
            }
        }
    }

    const OPENING: &str = r#"echo '{"stage":"opening"}'"#;

    #[test]
    fn a_child_that_hangs_before_or_after_the_end_of_its_output_is_a_verdict_in_time() {
        for script in ["exec sleep 30", "exec >&-; exec sleep 30"] {
            let begin = Instant::now();
            let refusal = refusal_of(&format!("{OPENING}; {script}"), Duration::from_millis(500));
            assert!(begin.elapsed() < Duration::from_secs(10), "{script}");
            assert_eq!(refusal.reason, Reason::Hung, "{script}: {refusal}");
            assert!(
                refusal.text.starts_with("one of its constructors, "),
                "{refusal}"
            );
        }
        let refusal = refusal_of("exec sleep 30", Duration::from_millis(500));
        assert_eq!(refusal.reason, Reason::NotProbed, "{refusal}");
    }

    #[test]
    fn an_answer_and_an_end_count_also_when_the_end_comes_later() {
        let answer = r#"echo '{"verdict":{"refused":{"reason":"no_layout","text":"none"}}}'; exec >&-; sleep 0.05"#;
        assert_eq!(
            refusal_of(answer, TIMEOUT),
            Refusal::new(Reason::NoLayout, "none")
        );
    }

    #[test]
    fn an_end_without_an_answer_is_told_with_what_ran() {
        let exit = refusal_of(&format!("{OPENING}; exit 7"), TIMEOUT);
        assert_eq!(exit.reason, Reason::Exited);
        assert!(
            exit.text.contains("ended the process by `exit(7)`"),
            "{exit}"
        );
        let silent = refusal_of(&format!("{OPENING}; exit 0"), TIMEOUT);
        assert_eq!(silent.reason, Reason::Exited);
        let crash = refusal_of(r#"echo '{"stage":"starting"}'; kill -SEGV $$"#, TIMEOUT);
        assert_eq!(crash.reason, Reason::Crashed);
        assert!(
            crash.text.starts_with("its driver, ") && crash.text.contains("SIGSEGV (11)"),
            "{crash}"
        );
        let abort = refusal_of(r#"echo '{"stage":"panicking"}'; kill -ABRT $$"#, TIMEOUT);
        assert_eq!(abort, Refusal::new(Reason::AbortsOnPanic, ABORTS));
    }
}
