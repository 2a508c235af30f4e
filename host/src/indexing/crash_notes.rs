//! Notes of what is being analysed, so that a text that ended a process is passed over by the next one.
//!
//! A parser may fail in ways that nothing in its process can stop: some contrived texts make it allocate more memory than
//! there is in a single step. Each analysing thread has a file of its own, locked for as long as its process lives, that
//! names what it has in hand. What a process leaves there gets a strike: with one it is analysed alone, after
//! everything else, and with two, not before it changes.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::scan::FoundFile;

/// Most bytes of memory that a process whose only work is indexing may take. It takes a tenth of it for large trees.
const MOST_MEMORY: u64 = 2 * 1024 * 1024 * 1024;

/// The file of strikes beside the notes.
const STRIKES: &str = "strikes.json";

/// What the names of notes end with.
const NOTE: &str = "note";

/// How a file is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As any other.
    Innocent,
    /// Alone: one of several that were being analysed when a process ended.
    Suspect,
    /// Not at all: it was analysed alone when a process ended.
    Guilty,
}

/// A file as it was when it was analysed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    path: PathBuf,
    size: u64,
    mtime_ns: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Strike {
    note: Note,
    count: u32,
}

/// The notes and strikes of a directory; without one, nothing is noted and every file is innocent.
pub(super) struct CrashNotes {
    directory: Option<PathBuf>,
    strikes: Mutex<BTreeMap<PathBuf, Strike>>,
}

impl CrashNotes {
    /// Reads the strikes, and turns into strikes what processes that are gone left behind. Without a usable directory,
    /// indexing goes on without notes.
    pub(super) fn open(directory: Option<&Path>) -> Self {
        let mut notes = Self {
            directory: None,
            strikes: Mutex::default(),
        };
        let Some(directory) = directory else {
            return notes;
        };
        match collect(directory) {
            Ok(strikes) => {
                notes.directory = Some(directory.to_owned());
                notes.strikes = Mutex::new(strikes);
            }
            Err(error) => {
                tracing::warn!(%error, directory = %directory.display(),
                    "what is being analysed is not noted; a text that ends the process would be analysed again");
            }
        }
        notes
    }

    /// How this file is to be treated. One that has changed since is innocent.
    pub(super) fn verdict(&self, found: &FoundFile) -> Verdict {
        let strikes = self.lock();
        let same = |strike: &&Strike| strike.note == note(found);
        match strikes.get(&found.path).filter(same).map(|it| it.count) {
            None => Verdict::Innocent,
            Some(1) => Verdict::Suspect,
            Some(_) => Verdict::Guilty,
        }
    }

    /// The note of one thread.
    pub(super) fn of_thread(&self) -> ThreadNote {
        let directory = self.directory.as_deref();
        let made = directory.map(|directory| ThreadNote::create(directory).ok());
        made.flatten().unwrap_or(ThreadNote { file: None })
    }

    /// Takes the strikes from a file that was analysed.
    pub(super) fn acquit(&self, found: &FoundFile) {
        let Some(directory) = &self.directory else {
            return;
        };
        let mut strikes = self.lock();
        if strikes.remove(&found.path).is_some()
            && let Err(error) = save(directory, &strikes)
        {
            tracing::debug!(%error, "a strike stays");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Strike>> {
        self.strikes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one thread has in hand. The file goes with the thread, and stays when the process ends in the middle of it.
pub(super) struct ThreadNote {
    file: Option<(File, PathBuf)>,
}

impl ThreadNote {
    fn create(directory: &Path) -> io::Result<Self> {
        let path = directory.join(format!("{}.{NOTE}", Uuid::new_v4().simple()));
        let file = File::create_new(&path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self {
            file: Some((file, path)),
        })
    }

    /// Says what comes next. The system keeps it although it is not on the disk.
    pub(super) fn write(&self, found: &FoundFile) {
        if let Some((file, _)) = &self.file
            && let Ok(text) = serde_json::to_vec(&note(found))
        {
            let written = file
                .write_all_at(&text, 0)
                .and_then(|()| file.set_len(text.len() as u64));
            if let Err(error) = written {
                tracing::debug!(%error, "what is being analysed is not noted");
            }
        }
    }
}

impl Drop for ThreadNote {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.file {
            // Another process may have found it without its lock, between the two.
            let _ = fs::remove_file(path);
        }
    }
}

/// Lets this process, whose only work is indexing, end before it takes the memory of the whole machine.
pub fn bound_memory() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Data);
    let bound = Rlimit {
        current: Some(maximum.map_or(MOST_MEMORY, |most| most.min(MOST_MEMORY))),
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Data, bound) {
        tracing::warn!(%error, "the memory of this process is not bounded");
    }
}

fn note(found: &FoundFile) -> Note {
    Note {
        path: found.path.clone(),
        size: found.size,
        mtime_ns: found.mtime_ns,
    }
}

/// The strikes, with those for notes that no living process holds.
fn collect(directory: &Path) -> io::Result<BTreeMap<PathBuf, Strike>> {
    fs::create_dir_all(directory)?;
    // What cannot be read was half written, or another release's.
    let text = fs::read(directory.join(STRIKES)).unwrap_or_default();
    let mut strikes: BTreeMap<PathBuf, Strike> = serde_json::from_slice(&text).unwrap_or_default();
    let mut changed = false;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == NOTE)
            && let Some(note) = left_behind(&path)
        {
            tracing::warn!(path = %note.path.display(), "a process ended while it analysed this file");
            let strike = strikes.entry(note.path.clone()).or_insert_with(|| Strike {
                note: note.clone(),
                count: 0,
            });
            if strike.note != note {
                *strike = Strike { note, count: 0 };
            }
            strike.count += 1;
            changed = true;
        }
    }
    if changed {
        save(directory, &strikes)?;
    }
    Ok(strikes)
}

/// What the note at `path` says, if nobody holds it any more; it is taken away.
fn left_behind(path: &Path) -> Option<Note> {
    let file = OpenOptions::new().read(true).open(path).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    let text = fs::read(path).ok()?;
    fs::remove_file(path).ok()?;
    serde_json::from_slice(&text).ok()
}

fn save(directory: &Path, strikes: &BTreeMap<PathBuf, Strike>) -> io::Result<()> {
    let draft = directory.join(format!("{STRIKES}.{}", std::process::id()));
    fs::write(&draft, serde_json::to_vec(strikes)?)?;
    fs::rename(&draft, directory.join(STRIKES))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::analysis::Language;

    fn found(path: &str, size: u64) -> FoundFile {
        FoundFile {
            path: path.into(),
            language: Language::C,
            size,
            mtime_ns: 5,
        }
    }

    /// As a process that ends leaves it: its locks go, its files stay.
    fn leave_behind(notes: &CrashNotes, found: &FoundFile) {
        let mut note = notes.of_thread();
        note.write(found);
        note.file = note.file.take().map(|(file, _)| (file, "/none".into()));
    }

    #[test]
    fn a_file_that_ended_a_process_twice_is_passed_over_until_it_changes() {
        let place = TempDir::new().unwrap();
        let directory = place.path().join("notes");
        let open = || CrashNotes::open(Some(&directory));
        let bomb = found("/bomb.c", 10);
        assert_eq!(open().verdict(&bomb), Verdict::Innocent);
        leave_behind(&open(), &bomb);
        assert_eq!(open().verdict(&bomb), Verdict::Suspect);
        assert_eq!(open().verdict(&bomb), Verdict::Suspect, "counted once");
        leave_behind(&open(), &bomb);
        assert_eq!(open().verdict(&bomb), Verdict::Guilty);
        assert_eq!(open().verdict(&found("/bomb.c", 11)), Verdict::Innocent);
    }

    #[test]
    fn who_was_only_near_is_acquitted_and_what_is_in_hand_is_no_strike() {
        let place = TempDir::new().unwrap();
        let notes = CrashNotes::open(Some(place.path()));
        let file = found("/near.c", 10);
        leave_behind(&notes, &file);
        let notes = CrashNotes::open(Some(place.path()));
        let in_hand = notes.of_thread();
        in_hand.write(&file);
        notes.acquit(&file);
        assert_eq!(
            CrashNotes::open(Some(place.path())).verdict(&file),
            Verdict::Innocent
        );
        drop(in_hand);
        assert_eq!(
            fs::read_dir(place.path()).unwrap().count(),
            1,
            "the strikes alone"
        );
    }
}
