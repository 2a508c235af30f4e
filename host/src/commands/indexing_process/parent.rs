//! Starts the indexing process, follows it, and starts it again when a text ends it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::report::{Replay, Report};
use crate::commands::context::Context;
use crate::commands::error::{CommandError, ErrorCode};
use crate::commands::index_totals::IndexTotals;
use crate::commands::job::Job;
use crate::supervisor::worker_handle::WorkerHandle;

/// How often it is looked whether the command was stopped, when the process says nothing.
const LOOK: Duration = Duration::from_millis(100);

/// Indexes all projects at, above and below a directory. What a process that was ended has stored stays, and counts as
/// unchanged in the totals of the one that was started in its place.
///
/// # Errors
/// Those of the database and of indexing, and [`ErrorCode::WorkerFailed`] where the process cannot be started or goes on
/// ending.
pub(in crate::commands) fn index_all(
    context: &Context,
    root_dir: &Path,
    job: &Job<'_>,
) -> Result<IndexTotals, CommandError> {
    // The process can only use the database that this one reaches, and would not say as well why it cannot.
    let database = context.database.raw_database();
    database.read(|session| session.ping())?;
    // Several may run at a time, even for one directory.
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let mut spec = (context.indexing_process)(root_dir)?;
    spec.name = format!("{}:{}", spec.kind, NUMBER.fetch_add(1, Ordering::Relaxed));
    let name = spec.name.clone();
    let handle = context.workers.start(spec)?;
    let followed = follow(&handle, job);
    // Also where it resists: its end is nothing that the command's answer depends on.
    if let Err(error) = context.workers.retire(&name) {
        tracing::warn!(%error, "an indexing process is left behind");
    }
    match followed? {
        Some(result) => result,
        // It says what it came to before it goes, unless it is ended before it can.
        None => report_in(handle.status().heartbeat)?
            .and_then(|report| report.result)
            .unwrap_or_else(|| Ok(IndexTotals::stopped())),
    }
}

type IndexResult = Result<IndexTotals, CommandError>;

/// The result; none when the command was stopped before there was one.
fn follow(handle: &WorkerHandle, job: &Job<'_>) -> Result<Option<IndexResult>, CommandError> {
    let mut replay = Replay::to(job.progress);
    let mut seen = 0;
    loop {
        let status;
        (seen, status) = handle.wait_news(seen, LOOK);
        if let Some(report) = report_in(status.heartbeat)? {
            replay.hear(&report);
            if report.result.is_some() {
                replay.end();
                return Ok(report.result);
            }
        }
        if status.state.is_final() {
            // Its end is an error by now, whatever it was.
            handle.wait_ready(Duration::ZERO)?;
        }
        if job.cancellation.is_cancelled() {
            return Ok(None);
        }
    }
}

fn report_in(heartbeat: Option<Value>) -> Result<Option<Report>, CommandError> {
    let Some(heartbeat) = heartbeat else {
        return Ok(None);
    };
    serde_json::from_value(heartbeat).map_err(|error| {
        let text = format!(
            "an indexing process says what is not understood: {error}; was the program replaced while it runs? start it again"
        );
        CommandError::new(ErrorCode::Internal, text)
    })
}
