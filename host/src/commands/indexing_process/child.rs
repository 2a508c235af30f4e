//! The indexing process itself: indexes all projects at, above and below a directory, tells the result, and waits to be let go.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::report::Reporter;
use crate::code_db::database::CodeDatabase;
use crate::commands::error::CommandError;
use crate::commands::index_totals::IndexTotals;
use crate::config::types::Config;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::control::ControlError;
use crate::foundation::control_channel::ControlChannel;
use crate::indexing::crash_notes::bound_memory;
use crate::indexing::indexer::{IndexOptions, Indexer};
use crate::indexing::project_root::discover_projects;

/// How often the parent hears how far it is: often enough for a bar that moves.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// Is the process that indexes `root_dir`, under the host at the other end of `control`.
pub fn run(
    control: &ControlChannel,
    config: &Config,
    root_dir: &Path,
    database: CodeDatabase,
) -> ExitCode {
    bound_memory();
    match follow(control, config, root_dir, database) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the host did not hear what came of indexing");
            ExitCode::FAILURE
        }
    }
}

fn follow(
    control: &ControlChannel,
    config: &Config,
    root_dir: &Path,
    database: CodeDatabase,
) -> Result<(), ControlError> {
    let reporter = Reporter::default();
    let cancellation = Cancellation::default();
    let shutdown = control.shutdown_signal();
    let asked = cancellation.clone();
    shutdown.on_shutdown(move |_| asked.cancel());
    control.ready(&json!({ "root_dir": root_dir }))?;
    let shown = reporter.clone();
    control.spawn_heartbeats(HEARTBEAT, move || shown.to_json())?;
    let options = IndexOptions {
        crash_notes: Some(config.crash_notes()),
        cancellation: cancellation.clone(),
        ..IndexOptions::default()
    };
    let indexer = Indexer::new(database, options);
    reporter.finish(index(&indexer, &cancellation, root_dir, &reporter));
    control.heartbeat(reporter.to_json())?;
    shutdown.wait();
    Ok(())
}

fn index(
    indexer: &Indexer,
    cancellation: &Cancellation,
    root_dir: &Path,
    reporter: &Reporter,
) -> Result<IndexTotals, CommandError> {
    let discovery = discover_projects(root_dir)?;
    let mut totals = IndexTotals::new(discovery.problems);
    for project in &discovery.projects {
        if cancellation.is_cancelled() {
            totals.cancelled = true;
            break;
        }
        totals.add(indexer.index(project, reporter)?);
    }
    Ok(totals)
}
