//! Opens a file in a child process to learn what it is: a crash there is a verdict, not our end.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::loader::Loader;
use super::verdict::Verdict;

/// The hidden subcommand of this executable that plays the child.
pub const SUBCOMMAND: &str = "plugin-probe";

/// Longest time for a file to be opened and described.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most that a child may print.
const MAX_OUTPUT: u64 = 1024 * 1024;

/// Probes one file; `executable` is the host's own program.
pub fn probe(executable: &Path, library: &Path) -> Verdict {
    let child = Command::new(executable)
        .arg(SUBCOMMAND)
        .arg(library)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    match child {
        Ok(child) => wait_for(child),
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

fn wait_for(mut child: Child) -> Verdict {
    let (said, hears) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let read = stdout.take(MAX_OUTPUT).read_to_end(&mut text);
            // Nobody listens any more when the child took too long.
            let _ = said.send(read.map(|_| text));
        });
    }
    let Ok(Ok(text)) = hears.recv_timeout(TIMEOUT) else {
        // The verdict is the same whether or not the child could be ended and reaped.
        let _ = child.kill();
        let _ = child.wait();
        return Verdict::Refused(format!(
            "opening it took longer than {} s; its constructor or its driver hangs",
            TIMEOUT.as_secs()
        ));
    };
    match child.wait() {
        Ok(status) if status.success() => read_verdict(&text),
        Ok(status) => Verdict::Refused(format!(
            "opening it ended the probing process {}",
            how(status)
        )),
        Err(error) => Verdict::Refused(format!("its probe could not be waited for: {error}")),
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
