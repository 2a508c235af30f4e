//! The worker's life: look at each project that is due, then at all rows, then wait.

use std::cell::Cell;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use serde_json::json;

use super::rounds::Rounds;
use super::status::Status;
use crate::code_db::database::CodeDatabase;
use crate::code_db::page::PageRequest;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::control_channel::ControlChannel;
use crate::foundation::shutdown_signal::ShutdownRequest;
use crate::indexing::crash_notes::bound_memory;
use crate::indexing::error::Result;
use crate::indexing::indexer::{IndexOptions, Indexer};
use crate::workers::announce::announce;
use crate::workers::hello::WorkerHello;

/// The lowest priority that there is. The system takes that of input and output from it.
const NICENESS: i32 = 19;

/// Projects that are listed together.
const PROJECTS_AT_ONCE: u32 = 100;

/// Runs a repair worker under the host at the other end of `control`, until it says stop.
pub fn run(control: &ControlChannel, hello: &WorkerHello, database: CodeDatabase) -> ExitCode {
    // Threads that are started from here on inherit it.
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "the worker runs at the priority of its host");
    }
    bound_memory();
    let config = hello.config.workers.repair.clone();
    let shutdown = control.shutdown_signal();
    let stop = shutdown.subscribe();
    let cancellation = Cancellation::default();
    let options = IndexOptions {
        threads: 1,
        holds_lease: true,
        crash_notes: Some(hello.config.crash_notes()),
        cancellation: cancellation.clone(),
        ..IndexOptions::default()
    };
    shutdown.on_shutdown(move |_| cancellation.cancel());
    let status = Status::default();
    if !announce(
        control,
        &status,
        &json!({ "poll_interval": config.poll_interval }),
    ) {
        return ExitCode::FAILURE;
    }
    let worker = RepairWorker {
        rounds: Rounds {
            indexer: Indexer::new(database.clone(), options),
            database,
            config,
            holder: format!("repair:{}", hello.host_id),
            status: status.clone(),
            stop,
            paused: Cell::default(),
        },
        status,
    };
    worker.work();
    tracing::info!("the repair worker ends");
    ExitCode::SUCCESS
}

struct RepairWorker {
    rounds: Rounds,
    status: Status,
}

impl RepairWorker {
    fn work(&self) {
        loop {
            if let Err(error) = self.look_at_everything() {
                tracing::warn!(%error, "the look for drift ended early");
                self.status.failed(error.to_string());
            }
            self.status.waiting();
            let pause = Duration::from_secs(self.rounds.config.poll_interval);
            if is_told_to_stop(&self.rounds.stop, pause) {
                return;
            }
        }
    }

    fn look_at_everything(&self) -> Result<()> {
        let database = &self.rounds.database;
        database.forget_drift_of_gone_projects()?;
        let mut page = PageRequest::first(PROJECTS_AT_ONCE);
        loop {
            let projects = database.projects(page)?;
            for project in &projects.items {
                // On another machine, or on a disk that is not mounted: nothing is concluded.
                if !Path::new(&project.root_path).is_dir() {
                    continue;
                }
                if let Err(error) = self.rounds.project(project) {
                    let root = &project.root_path;
                    tracing::warn!(root, %error, "a project could not be looked at");
                    self.status.failed(format!("{root}: {error}"));
                }
                if is_told_to_stop(&self.rounds.stop, Duration::ZERO) {
                    return Ok(());
                }
            }
            if !projects.has_more() {
                break;
            }
            page.offset += projects.items.len() as u64;
        }
        self.rounds.rows()
    }
}

/// Waits, and answers whether the worker has to end.
pub(super) fn is_told_to_stop(stop: &Receiver<ShutdownRequest>, pause: Duration) -> bool {
    !matches!(stop.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
}
