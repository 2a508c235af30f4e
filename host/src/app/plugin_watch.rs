//! Looks at the plugins directories again when something in them changes: so drivers come, change and go without a restart.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::plugins::discovery::Origin;
use crate::plugins::record::PluginRecord;
use crate::plugins::registry::Registry;
use crate::universal_driver::driver::UniversalDriver;

/// A file that is being written is looked at once nothing has changed for so long.
const QUIET: Duration = Duration::from_millis(300);

/// Watches until it is dropped.
pub(super) struct PluginWatch {
    /// Its end closes the channel, and so ends the thread.
    _watcher: RecommendedWatcher,
}

impl PluginWatch {
    /// Watches the directories of `plugins`; `database` goes over to new versions of its driver.
    ///
    /// # Errors
    /// When the system lets nothing be watched.
    pub(super) fn start(
        plugins: Arc<Registry>,
        database: Arc<UniversalDriver>,
    ) -> notify::Result<Self> {
        let (said, heard) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if concerns_plugins(&event) {
                // Nobody listens any more when the host ends.
                let _ = said.send(());
            }
        })?;
        for directory in watched(&plugins) {
            if let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive) {
                tracing::warn!(directory = %directory.display(), %error, "changes of plugins are not noticed there");
            }
        }
        let follow = move || follow(&heard, &plugins, &database);
        let spawned = thread::Builder::new().name("plugins".into()).spawn(follow);
        spawned.map_err(notify::Error::io)?;
        Ok(Self { _watcher: watcher })
    }
}

/// The directories of plugins, and that of the lock file. The user's own is made, so that it can be watched.
fn watched(plugins: &Registry) -> BTreeSet<std::path::PathBuf> {
    let mut watched = BTreeSet::new();
    for directory in plugins.directories() {
        if directory.origin == Origin::User
            && let Err(error) = fs::create_dir_all(&directory.path)
        {
            tracing::warn!(directory = %directory.path.display(), %error, "the directory cannot be made");
        }
        if directory.path.is_dir() {
            watched.insert(directory.path.clone());
        }
    }
    let lock = plugins.examiner().lock_file().parent();
    watched.extend(
        lock.filter(|directory| directory.is_dir())
            .map(Path::to_owned),
    );
    watched
}

/// Not what is only read, nor other files: an executable's directory may hold anything.
fn concerns_plugins(event: &notify::Result<Event>) -> bool {
    let Ok(event) = event else {
        // Something was missed.
        return true;
    };
    let ends = |path: &std::path::PathBuf| {
        let ending = path.extension().unwrap_or_default();
        ["so", "toml", "lock", "minisig"]
            .iter()
            .any(|wanted| ending == *wanted)
    };
    !matches!(
        event.kind,
        EventKind::Access(notify::event::AccessKind::Open(_) | notify::event::AccessKind::Read)
    ) && event.paths.iter().any(ends)
}

fn follow(heard: &Receiver<()>, plugins: &Registry, database: &UniversalDriver) {
    while heard.recv().is_ok() {
        // What is written in parts is one change.
        loop {
            match heard.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        look_again(plugins, database);
    }
}

fn look_again(plugins: &Registry, database: &UniversalDriver) {
    let before = plugins.records();
    if let Err(error) = plugins.refresh() {
        tracing::warn!(%error, "the plugins directories cannot be looked at again; everything stays as it was");
        return;
    }
    let after = plugins.records();
    for line in changes(&before, &after) {
        tracing::info!("{line}");
    }
    if before != after
        && let Err(error) = database.follow_plugins()
    {
        tracing::warn!(%error, "the database does not go over to the driver that is in place now");
    }
}

/// What is different, as lines of the log.
fn changes(before: &[Arc<PluginRecord>], after: &[Arc<PluginRecord>]) -> Vec<String> {
    let of = |records: &[Arc<PluginRecord>], path: &Path| {
        records.iter().find(|record| record.path == path).cloned()
    };
    let mut lines = Vec::new();
    for record in after {
        let earlier = of(before, &record.path);
        if earlier.as_ref() == Some(record) {
            continue;
        }
        let file = record.path.display();
        lines.push(match (record.usable(), &record.rejected, record.verdict.refusal()) {
            (_, Some(rejected), _) => {
                format!("plugin {file}: its new content is not used, and the version of before stays: {rejected}")
            }
            (Some(plugin), None, _) => {
                let descriptor = plugin.descriptor;
                format!("plugin {file}: the driver {} {} is in place", descriptor.name, descriptor.version)
            }
            (None, None, Some(refusal)) => format!("plugin {file} is not used: {refusal}"),
            (None, None, None) => format!("plugin {file} cannot be read any more"),
        });
    }
    let gone = before
        .iter()
        .filter(|record| of(after, &record.path).is_none());
    lines.extend(gone.map(|record| {
        format!(
            "plugin {} is gone; connections that are open stay, and no new one is made",
            record.path.display()
        )
    }));
    lines
}
