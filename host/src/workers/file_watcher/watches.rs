//! The inotify watches: one for each directory that indexing would enter, kept in step with the tree.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender, unbounded};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use crate::indexing::directories::entered_directories;

/// The watches, and where their events arrive.
pub(super) struct Watches {
    /// None where the system offers no watching at all.
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<PathBuf>,
    /// Why some directory is not watched; then the periodic scan finds its changes.
    degraded: Option<String>,
    pub(super) events: Receiver<notify::Result<Event>>,
    /// Keeps `events` open where there is no watcher.
    _said: Sender<notify::Result<Event>>,
}

impl Watches {
    /// No watches yet.
    pub(super) fn new() -> Self {
        let (said, events) = unbounded();
        let kept = said.clone();
        let watcher = notify::recommended_watcher(move |event| {
            // Nobody listens any more only while the worker ends.
            let _ = said.send(event);
        });
        let degraded = watcher.as_ref().err().map(ToString::to_string);
        Self {
            watcher: watcher.ok(),
            watched: HashSet::new(),
            degraded,
            events,
            _said: kept,
        }
    }

    /// Watches `top` and what is below it, as far as indexing the tree `root` enters it. What is watched
    /// already costs nothing.
    pub(super) fn add(&mut self, root: &Path, top: &Path) {
        for directory in entered_directories(root, top) {
            self.add_one(directory);
        }
    }

    /// Forgets `path` and what was below it: the system has dropped these watches with the directories.
    pub(super) fn forget(&mut self, path: &Path) {
        self.watched
            .retain(|directory| !directory.starts_with(path));
    }

    pub(super) fn count(&self) -> usize {
        self.watched.len()
    }

    pub(super) fn degraded(&self) -> Option<String> {
        self.degraded.clone()
    }

    fn add_one(&mut self, directory: PathBuf) {
        let Some(watcher) = self.watcher.as_mut() else {
            return;
        };
        if self.watched.contains(&directory) {
            return;
        }
        match watcher.watch(&directory, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(directory);
            }
            // A directory that went away meanwhile is no loss.
            Err(_) if !directory.exists() => {}
            Err(error) => {
                if self.degraded.is_none() {
                    tracing::warn!(%error, directory = %directory.display(),
                        "not every directory can be watched; the periodic scan finds changes there \
                         (the limit is fs.inotify.max_user_watches)");
                }
                self.degraded = Some(error.to_string());
            }
        }
    }
}
