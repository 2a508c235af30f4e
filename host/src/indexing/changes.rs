//! Compares what is on disk with what is known: which files to read, which came back, which are gone.

use std::collections::HashMap;
use std::path::Path;

use super::scan::{FoundFile, Scan};
use crate::analysis;
use crate::code_db::files::KnownFile;
use crate::code_db::records::UNTRUSTED_MTIME;

/// A file to be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) found: FoundFile,
    /// What is known of it; its size or time differ.
    pub(super) known: Option<KnownFile>,
}

impl Job {
    /// What is known of the file, and the hash of what it held.
    pub(super) fn known_state(&self) -> Option<(&KnownFile, &str)> {
        let known = self.known.as_ref()?;
        Some((known, known.state.as_ref()?.content_hash.as_str()))
    }
}

/// What there is to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// New files, and those whose size or time differ.
    pub(super) jobs: Vec<Job>,
    /// Files that are as they were.
    pub(super) unchanged: u64,
    /// Ids of files that were marked deleted, and are there as they were.
    pub(super) revived: Vec<i64>,
    /// Ids of files that are gone.
    pub(super) gone: Vec<i64>,
}

impl Changes {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.revived.is_empty() && self.gone.is_empty()
    }

    /// Compares; with `force` every file counts as changed.
    pub(super) fn between(scan: &mut Scan, known: Vec<KnownFile>, force: bool) -> Self {
        let mut changes = Self::default();
        let mut by_path: HashMap<String, KnownFile> = known
            .into_iter()
            .map(|file| (file.path.clone(), file))
            .collect();
        for found in std::mem::take(&mut scan.files) {
            let known = found.path.to_str().and_then(|path| by_path.remove(path));
            match known {
                Some(known) if !force && is_same(&found, &known) => {
                    changes.unchanged += 1;
                    if known.deleted {
                        changes.revived.push(known.id);
                    }
                }
                known => changes.jobs.push(Job { found, known }),
            }
        }
        let gone = by_path
            .into_values()
            .filter(|file| !file.deleted && !may_exist(&file.path, scan));
        changes.gone = gone.map(|file| file.id).collect();
        changes.gone.sort_unstable();
        changes
    }
}

/// Whether size and time are those that were indexed.
pub(super) fn is_same(found: &FoundFile, known: &KnownFile) -> bool {
    known.state.as_ref().is_some_and(|state| {
        state.mtime_ns != UNTRUSTED_MTIME
            && state.mtime_ns == found.mtime_ns
            && state.size == found.size
    }) && is_current(known)
}

/// Whether the rows of a file were made by the analysis as it is now.
pub(super) fn is_current(known: &KnownFile) -> bool {
    let state = known.state.as_ref();
    state.is_some_and(|state| state.analysis == Some(analysis::VERSION))
}

/// Whether the path, or a directory above it, could not be looked at.
pub(super) fn may_exist(path: &str, scan: &Scan) -> bool {
    scan.unknown
        .iter()
        .any(|unknown| Path::new(path).starts_with(unknown))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::analysis::Language;
    use crate::code_db::files::KnownState;

    fn found(path: &str, size: u64, mtime_ns: i64) -> FoundFile {
        FoundFile {
            path: path.into(),
            language: Language::Python,
            size,
            mtime_ns,
        }
    }

    fn known(id: i64, path: &str, size: u64, mtime_ns: i64) -> KnownFile {
        let state = KnownState {
            size,
            mtime_ns,
            content_hash: "h".into(),
            analysis: Some(analysis::VERSION),
        };
        KnownFile {
            id,
            path: path.into(),
            deleted: false,
            state: Some(state),
        }
    }

    fn paths(changes: &Changes) -> Vec<&str> {
        changes
            .jobs
            .iter()
            .map(|job| job.found.path.to_str().unwrap())
            .collect()
    }

    #[test]
    fn size_and_time_decide() {
        let files = vec![
            found("/a", 1, 5),
            found("/b", 1, 6),
            found("/c", 2, 5),
            found("/new", 1, 5),
        ];
        let mut scan = Scan {
            files,
            ..Scan::default()
        };
        let known = vec![
            known(1, "/a", 1, 5),
            known(2, "/b", 1, 5),
            known(3, "/c", 1, 5),
            known(4, "/gone", 1, 5),
        ];
        let changes = Changes::between(&mut scan, known, false);
        assert_eq!(paths(&changes), ["/b", "/c", "/new"]);
        assert_eq!(
            (changes.unchanged, changes.gone.as_slice()),
            (1, [4].as_slice())
        );
    }

    #[test]
    fn a_time_that_is_not_trusted_means_reading_again() {
        let mut scan = Scan {
            files: vec![found("/a", 1, UNTRUSTED_MTIME)],
            ..Scan::default()
        };
        let changes = Changes::between(&mut scan, vec![known(1, "/a", 1, UNTRUSTED_MTIME)], false);
        assert_eq!(paths(&changes), ["/a"]);
    }

    #[test]
    fn a_deleted_file_comes_back_and_is_not_deleted_twice() {
        let mut scan = Scan {
            files: vec![found("/a", 1, 5)],
            ..Scan::default()
        };
        let deleted = |id, path| KnownFile {
            deleted: true,
            ..known(id, path, 1, 5)
        };
        let changes = Changes::between(&mut scan, vec![deleted(1, "/a"), deleted(2, "/b")], false);
        assert_eq!(
            (changes.revived.as_slice(), changes.gone.as_slice()),
            ([1].as_slice(), [].as_slice())
        );
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_gone() {
        let mut scan = Scan {
            unknown: vec![PathBuf::from("/closed")],
            ..Scan::default()
        };
        let known = vec![
            known(1, "/closed/deep/a", 1, 5),
            known(2, "/closed2/a", 1, 5),
        ];
        assert_eq!(Changes::between(&mut scan, known, false).gone, [2]);
    }

    #[test]
    fn files_of_the_older_program_and_forced_ones_are_read() {
        let mut scan = Scan {
            files: vec![found("/a", 1, 5)],
            ..Scan::default()
        };
        let legacy = KnownFile {
            state: None,
            ..known(1, "/a", 1, 5)
        };
        assert_eq!(
            paths(&Changes::between(&mut scan, vec![legacy], false)),
            ["/a"]
        );
        let mut scan = Scan {
            files: vec![found("/a", 1, 5)],
            ..Scan::default()
        };
        assert_eq!(
            paths(&Changes::between(
                &mut scan,
                vec![known(1, "/a", 1, 5)],
                true
            )),
            ["/a"]
        );
    }
}
