//! What is known of a job at one moment.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::commands::error::{CommandError, ErrorCode};

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It waits for its turn.
    Pending,
    /// It runs.
    Running,
    /// Its command ran to its end, successfully or not.
    Completed,
    /// Its command could not run: wrong parameters, a fault of the program, or a restart of the server.
    Failed,
    /// Somebody stopped it before its end.
    Stopped,
}

impl JobStatus {
    /// Whether it stays so.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }

    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// Why a job was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Somebody asked.
    Cancelled,
    /// Its caller did not want to wait any longer.
    WaitTimeout,
    /// Its caller hung up, and nobody else knew of it.
    CallerLost,
    /// The server ends.
    Shutdown,
}

/// How far a job is, in the steps that its command counts, such as files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobProgress {
    /// Steps that are finished; never fewer than before.
    pub done: u64,
    /// Steps that are known so far; it grows where a command finds more to do.
    pub total: u64,
    /// What the last step was about.
    pub at: String,
}

impl JobProgress {
    /// Whole percent.
    fn percent(&self) -> u64 {
        match self.total {
            0 => 0,
            total => (self.done.saturating_mul(100) / total).min(100),
        }
    }

    fn description(&self) -> String {
        match self.total {
            0 => String::new(),
            total if self.at.is_empty() => format!("{} of {total}", self.done),
            total => format!("{} of {total}: {}", self.done, self.at),
        }
    }
}

/// What the command of a job answered.
pub type Outcome = Result<Value, CommandError>;

/// What is known of a job at one moment. Clones are cheap: long parts are shared.
#[derive(Clone, Debug)]
pub struct JobState {
    /// Random; unique among all jobs of all servers.
    pub id: Arc<str>,
    /// The command that it runs.
    pub command: Arc<str>,
    /// The name that its caller gave to the request.
    pub request_id: Option<Arc<str>>,
    /// Where it is.
    pub status: JobStatus,
    /// How far it is.
    pub progress: JobProgress,
    /// Set when somebody asked to stop it, which a running command does when it comes to it.
    pub stop: Option<StopReason>,
    /// When it was asked for.
    pub created: SystemTime,
    /// When it began to run.
    pub started: Option<SystemTime>,
    /// When it ended.
    pub ended: Option<SystemTime>,
    /// What its command answered; none before its end, and for a job that never ran.
    pub outcome: Option<Arc<Outcome>>,
}

impl JobState {
    /// A job that was just asked for.
    pub(in crate::commands) fn new(
        id: Arc<str>,
        command: Arc<str>,
        request_id: Option<Arc<str>>,
    ) -> Self {
        Self {
            id,
            command,
            request_id,
            status: JobStatus::Pending,
            progress: JobProgress::default(),
            stop: None,
            created: SystemTime::now(),
            started: None,
            ended: None,
            outcome: None,
        }
    }

    /// The end that fits what the command answered.
    pub(in crate::commands) fn end(&mut self, outcome: Option<Outcome>) {
        self.status = match (&self.stop, &outcome) {
            (Some(_), _) => JobStatus::Stopped,
            (None, Some(Err(error))) if is_refusal(error) => JobStatus::Failed,
            (None, Some(_)) => JobStatus::Completed,
            (None, None) => JobStatus::Failed,
        };
        self.ended = Some(SystemTime::now());
        self.outcome = outcome.map(Arc::new);
    }

    /// Whole percent; 100 only for a job that is completed.
    pub fn percent(&self) -> u64 {
        match self.status {
            JobStatus::Completed => 100,
            _ => self.progress.percent().min(99),
        }
    }

    /// How far it is, for people; empty where nothing is counted.
    pub fn description(&self) -> String {
        match (self.status, self.stop) {
            (JobStatus::Running, Some(_)) if self.progress.total == 0 => "stopping".to_owned(),
            (JobStatus::Running, Some(_)) => format!("stopping; {}", self.progress.description()),
            _ => self.progress.description(),
        }
    }

    /// Why its command could not run; none for all others, even where the command failed.
    pub fn error(&self) -> Option<&CommandError> {
        match (self.status, self.outcome.as_deref()) {
            (JobStatus::Failed, Some(Err(error))) => Some(error),
            _ => None,
        }
    }

    /// Whether its command succeeded; none before its end.
    pub fn succeeded(&self) -> Option<bool> {
        let is_completed = self.status == JobStatus::Completed;
        let outcome = || self.outcome.as_deref().is_some_and(Result::is_ok);
        self.status.is_final().then(|| is_completed && outcome())
    }
}

/// Whether the command never did what it is for.
fn is_refusal(error: &CommandError) -> bool {
    matches!(
        error.code(),
        ErrorCode::InvalidParameters
            | ErrorCode::UnknownCommand
            | ErrorCode::Internal
            | ErrorCode::JobLost
    )
}

/// What a command answered, in the form of every door that does not tell failures in a way of its own.
pub fn envelope(outcome: &Outcome) -> Value {
    match outcome {
        Ok(data) => json!({"success": true, "data": data}),
        Err(error) => json!({"success": false, "error": error.to_json()}),
    }
}

/// Whole seconds since 1970.
pub fn unix_seconds(time: SystemTime) -> u64 {
    // A clock before 1970 is not worth an error.
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(stop: Option<StopReason>, outcome: Option<Outcome>) -> JobState {
        let mut state = JobState::new("a".into(), "x".into(), None);
        state.stop = stop;
        state.end(outcome);
        state
    }

    #[test]
    fn the_end_says_whether_the_command_ran() {
        let failed = |code| Some(Err(CommandError::new(code, "no")));
        for (stop, outcome, status, succeeded) in [
            (None, Some(Ok(json!(1))), JobStatus::Completed, true),
            (
                None,
                failed(ErrorCode::ProjectNotFound),
                JobStatus::Completed,
                false,
            ),
            (
                None,
                failed(ErrorCode::InvalidParameters),
                JobStatus::Failed,
                false,
            ),
            (None, failed(ErrorCode::JobLost), JobStatus::Failed, false),
            (
                Some(StopReason::Cancelled),
                Some(Ok(json!(1))),
                JobStatus::Stopped,
                false,
            ),
            (Some(StopReason::Cancelled), None, JobStatus::Stopped, false),
        ] {
            let state = ended(stop, outcome);
            assert_eq!((state.status, state.succeeded()), (status, Some(succeeded)));
            assert_eq!(state.error().is_some(), status == JobStatus::Failed);
        }
    }

    #[test]
    fn progress_is_told_in_percent_and_words() {
        let mut state = JobState::new("a".into(), "x".into(), None);
        assert_eq!((state.percent(), state.description()), (0, String::new()));
        state.status = JobStatus::Running;
        state.progress = JobProgress {
            done: 3,
            total: 3,
            at: "/srv/a.py".to_owned(),
        };
        assert_eq!(state.percent(), 99, "the command has not answered yet");
        assert_eq!(state.description(), "3 of 3: /srv/a.py");
        state.stop = Some(StopReason::Cancelled);
        assert_eq!(state.description(), "stopping; 3 of 3: /srv/a.py");
        state.stop = None;
        state.end(Some(Ok(Value::Null)));
        assert_eq!(state.percent(), 100);
    }
}
