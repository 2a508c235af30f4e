//! Changes that come together are handled together: a short silence ends a batch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, MetadataKind, ModifyKind};
use notify::{Event, EventKind};

/// A batch ends when nothing was heard for so long.
const SILENCE: Duration = Duration::from_millis(20);

/// A batch ends after so long although changes go on.
const LONGEST: Duration = Duration::from_millis(250);

/// What a batch says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ChangeBatch {
    /// Files and directories that were written, came or went.
    pub(super) paths: BTreeSet<PathBuf>,
    /// Events were lost, or files that decide what is looked at at all have changed: look at everything.
    pub(super) everything: bool,
}

impl ChangeBatch {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.everything
    }

    /// Takes an event in; answers whether it belongs to the batch. Who only reads a file must not make it longer.
    pub(super) fn add(&mut self, event: notify::Result<Event>) -> bool {
        match event {
            Ok(event) if event.need_rescan() => self.everything = true,
            Ok(event) if changes_something(event.kind) => {
                self.everything |= event
                    .paths
                    .iter()
                    .any(|path| decides_what_is_looked_at(path));
                self.paths.extend(event.paths);
            }
            Ok(_) => return false,
            Err(error) => {
                tracing::warn!(%error, "the watching of files failed; everything is looked at again");
                self.everything = true;
            }
        }
        true
    }

    /// When the batch is over that began at `began` and last heard of a change at `heard`.
    pub(super) fn end(began: Instant, heard: Instant) -> Instant {
        (heard + SILENCE).min(began + LONGEST)
    }
}

/// Reading a file makes events too, our own reading included.
fn changes_something(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_)
        | EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime)) => false,
        _ => true,
    }
}

fn decides_what_is_looked_at(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name == "projectid" || name == ".gitignore" || name == ".ignore")
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, Flag};

    use super::*;

    fn event(kind: EventKind, path: &str) -> notify::Result<Event> {
        Ok(Event::new(kind).add_path(path.into()))
    }

    #[test]
    fn reading_is_no_change_and_writing_is() {
        let mut batch = ChangeBatch::default();
        for reading in [
            AccessKind::Open(AccessMode::Any),
            AccessKind::Close(AccessMode::Read),
        ] {
            assert!(!batch.add(event(EventKind::Access(reading), "/a")));
        }
        assert!(batch.is_empty());
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(batch.add(event(written, "/b")));
        assert!(batch.add(event(EventKind::Create(CreateKind::File), "/c")));
        assert_eq!(batch.paths, BTreeSet::from(["/b".into(), "/c".into()]));
        assert!(!batch.everything);
    }

    #[test]
    fn lost_events_and_ignore_files_mean_everything() {
        let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        for event in [
            Ok(lost),
            event(EventKind::Create(CreateKind::File), "/p/.gitignore"),
        ] {
            let mut batch = ChangeBatch::default();
            batch.add(event);
            assert!(batch.everything);
        }
    }

    #[test]
    fn a_batch_ends_after_silence_or_its_longest_time() {
        let began = Instant::now();
        assert_eq!(ChangeBatch::end(began, began), began + SILENCE);
        let late = began + LONGEST - Duration::from_millis(5);
        assert_eq!(ChangeBatch::end(began, late), began + LONGEST);
    }
}
