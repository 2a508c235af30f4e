//! The watcher's life: watch, scan everything, then follow changes; scan again now and then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select};
use serde_json::json;

use super::change_batch::ChangeBatch;
use super::projects::Projects;
use super::status::{Activity, Status};
use super::watches::Watches;
use crate::code_db::database::CodeDatabase;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::control_channel::ControlChannel;
use crate::foundation::progress::Silent;
use crate::foundation::shutdown_signal::ShutdownRequest;
use crate::indexing::crash_notes::bound_memory;
use crate::indexing::error::Result;
use crate::indexing::indexer::{IndexOptions, Indexer};
use crate::indexing::project_root::ProjectRoot;
use crate::indexing::summary::IndexSummary;
use crate::workers::announce::announce;
use crate::workers::hello::WorkerHello;

/// The pause before everything is looked at again after something failed as a whole.
const RETRY: Duration = Duration::from_secs(5);

/// Runs a file watcher under the host at the other end of `control`, until it says stop.
pub fn run(control: &ControlChannel, hello: &WorkerHello, database: CodeDatabase) -> ExitCode {
    bound_memory();
    let config = &hello.config.workers.file_watcher;
    let shutdown = control.shutdown_signal();
    let cancellation = Cancellation::default();
    let options = IndexOptions {
        cancellation: cancellation.clone(),
        crash_notes: Some(hello.config.crash_notes()),
        ..IndexOptions::default()
    };
    let stop = shutdown.subscribe();
    shutdown.on_shutdown(move |_| cancellation.cancel());
    let status = Status::default();
    if !announce(
        control,
        &status,
        &json!({ "watch_dirs": config.watch_dirs }),
    ) {
        return ExitCode::FAILURE;
    }
    let mut watcher = FileWatcher {
        indexer: Indexer::new(database, options),
        watch_dirs: config.watch_dirs.clone(),
        scan_interval: Duration::from_secs(config.scan_interval),
        watches: Watches::new(),
        projects: Projects::default(),
        status,
    };
    watcher.follow(&stop);
    tracing::info!("the file watcher ends");
    ExitCode::SUCCESS
}

struct FileWatcher {
    indexer: Indexer,
    watch_dirs: Vec<PathBuf>,
    scan_interval: Duration,
    watches: Watches,
    projects: Projects,
    status: Status,
}

/// What ended a wait.
enum Heard {
    Stop,
    /// It is time to look at everything.
    Time,
    Changes(ChangeBatch),
}

impl FileWatcher {
    fn follow(&mut self, stop: &Receiver<ShutdownRequest>) {
        let mut next_scan = Instant::now();
        loop {
            if Instant::now() >= next_scan {
                let pause = if self.scan() {
                    self.scan_interval
                } else {
                    RETRY.min(self.scan_interval)
                };
                next_scan = Instant::now() + pause;
            }
            self.status.doing(Activity::Watching);
            match self.hear(stop, next_scan) {
                Heard::Stop => return,
                Heard::Time => {}
                Heard::Changes(batch) if batch.everything => next_scan = Instant::now(),
                Heard::Changes(batch) => {
                    if !self.update(batch) {
                        next_scan = next_scan.min(Instant::now() + RETRY);
                    }
                }
            }
        }
    }

    /// Waits for changes, and then for the end of their batch.
    fn hear(&self, stop: &Receiver<ShutdownRequest>, next_scan: Instant) -> Heard {
        let mut batch = ChangeBatch::default();
        let time = crossbeam_channel::at(next_scan);
        select! {
            recv(stop) -> _ => return Heard::Stop,
            recv(time) -> _ => return Heard::Time,
            // The watcher keeps its end of the channel, so that it is never closed.
            recv(self.watches.events) -> event => {
                if !event.is_ok_and(|event| batch.add(event)) {
                    return Heard::Changes(batch);
                }
            }
        }
        let began = Instant::now();
        let mut end = ChangeBatch::end(began, began);
        while let Ok(event) = self.watches.events.recv_deadline(end) {
            if batch.add(event) {
                end = ChangeBatch::end(began, Instant::now());
            }
        }
        Heard::Changes(batch)
    }

    /// Looks at everything; answers whether that went well.
    fn scan(&mut self) -> bool {
        self.status.doing(Activity::Scanning);
        // Watches come first, so that a change during the scan is heard of after it.
        for directory in self.watch_dirs.clone() {
            self.watches.add(&directory, &directory);
        }
        let (projects, problems) = Projects::discover(&self.watch_dirs);
        for problem in &problems {
            tracing::warn!(problem, "while looking for projects");
        }
        if !problems.is_empty() {
            self.status.failed(problems.join("; "));
        }
        self.projects = projects;
        self.show_watches();
        let projects: Vec<ProjectRoot> = self.projects.iter().cloned().collect();
        let mut well = true;
        for project in &projects {
            let result = self.indexer.index(project, &Silent);
            well &= self.note(project, result);
        }
        self.status.scanned();
        well
    }

    /// Stores what has changed; answers whether that went well.
    fn update(&mut self, batch: ChangeBatch) -> bool {
        if batch.is_empty() {
            return true;
        }
        self.status.doing(Activity::Updating);
        // By root, because a run takes the paths of all parts of a project together.
        let mut changes: BTreeMap<PathBuf, (ProjectRoot, Vec<PathBuf>)> = BTreeMap::new();
        for path in batch.paths {
            self.follow_directory(&path);
            if let Some(project) = self.projects.of(&path) {
                changes
                    .entry(project.root.clone())
                    .or_insert_with(|| (project.clone(), Vec::new()))
                    .1
                    .push(path);
            }
        }
        self.show_watches();
        let mut well = true;
        for (project, paths) in changes.values() {
            let result = self.indexer.index_files(project, paths, &Silent);
            well &= self.note(project, result);
        }
        well
    }

    /// A new directory is watched from now on, and a vanished one no more.
    fn follow_directory(&mut self, path: &Path) {
        let root = self.watch_dirs.iter().find(|root| path.starts_with(root));
        match (path.symlink_metadata(), root) {
            (Ok(found), Some(root)) if found.is_dir() => self.watches.add(root, path),
            (Ok(_), _) => {}
            (Err(_), _) => self.watches.forget(path),
        }
    }

    fn show_watches(&self) {
        self.status.watching(
            self.projects.roots(),
            self.watches.count(),
            self.watches.degraded(),
        );
    }

    fn note(&self, project: &ProjectRoot, result: Result<IndexSummary>) -> bool {
        let root = project.root.display();
        match result {
            Ok(summary) => {
                if summary.files_indexed + summary.files_deleted > 0 {
                    tracing::info!(%root, indexed = summary.files_indexed, deleted = summary.files_deleted,
                        problems = summary.problems.len(), seconds = summary.seconds, "the index was brought up to date");
                }
                self.status.indexed(&summary);
                true
            }
            Err(error) => {
                tracing::warn!(%root, %error, "a project could not be indexed");
                self.status.failed(format!("{root}: {error}"));
                false
            }
        }
    }
}
