//! Why a worker process is no longer there, in words that lead to the cause.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// How a worker ended, with the last that it had to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExitReason {
    /// What the host did or saw, when that explains the end: a missed heartbeat, a program that
    /// cannot be started.
    pub cause: Option<String>,
    /// Exit status, when it exited.
    pub code: Option<i32>,
    /// Signal number, when a signal ended it.
    pub signal: Option<i32>,
    /// The last lines of its standard error, oldest first.
    pub stderr: Vec<String>,
    /// What it was doing, where that was noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doing: Option<String>,
}

impl ExitReason {
    /// A worker that could not be started.
    pub fn not_started(cause: String) -> ExitReason {
        ExitReason {
            cause: Some(cause),
            ..ExitReason::default()
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match (self.code, self.signal) {
            (_, Some(signal)) => Some(format!("ended by signal {}", signal_name(signal))),
            (Some(code), None) => Some(format!("exited with status {code}")),
            (None, None) => None,
        };
        let parts: Vec<&str> = [self.cause.as_deref(), end.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        f.write_str(&parts.join("; "))?;
        if let Some(doing) = &self.doing {
            write!(f, " in {doing}")?;
        }
        if !self.stderr.is_empty() {
            write!(f, "; it last said: {}", self.stderr.join(" | "))?;
        }
        Ok(())
    }
}

/// `SIGKILL (9)`, or the bare number of a signal without a name.
fn signal_name(signal: i32) -> String {
    match signal_hook::low_level::signal_name(signal) {
        Some(name) => format!("{name} ({signal})"),
        None => signal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_one_line() {
        let hung = ExitReason {
            cause: Some("no heartbeat for 15 s".into()),
            signal: Some(9),
            stderr: vec!["one".into(), "two".into()],
            doing: Some("the driver x".into()),
            ..ExitReason::default()
        };
        assert_eq!(
            hung.to_string(),
            "no heartbeat for 15 s; ended by signal SIGKILL (9) in the driver x; it last said: one | two"
        );
        let plain = ExitReason {
            code: Some(3),
            ..ExitReason::default()
        };
        assert_eq!(plain.to_string(), "exited with status 3");
    }
}
