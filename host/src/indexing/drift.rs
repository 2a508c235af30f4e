//! Compares a project's whole tree with its rows, and mends differences by indexing the files again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::changes::{is_same, may_exist};
use super::error::Result;
use super::indexer::{Indexer, readable_root};
use super::project_root::ProjectRoot;
use super::scan::{FoundFile, Scan};
use super::source_file::{self, NotRead};
use super::tree_walk::Parts;
use crate::code_db::drift_reports::{DriftFinding, DriftKind, EXAMPLES};
use crate::code_db::files::{KnownFile, KnownState};
use crate::foundation::progress::Silent;

/// Files that changed within so many seconds are left to whoever watches them.
const SETTLING_SECONDS: i64 = 3;

/// Most files without text that one look finds.
const MOST_WITHOUT_TEXT: u32 = 1_000;

/// How often files that change while they are mended are mended again.
const ATTEMPTS: usize = 3;

/// Which files' bytes a look compares: size and time may be as they were although the bytes are not.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Those with greater ids than this.
    pub after: i64,
    /// So many at most.
    pub most: usize,
}

/// How a project's tree and its rows differ.
#[derive(Debug, Default)]
pub struct DiskDrift {
    /// Absolute paths by what is the matter with them.
    pub paths: BTreeMap<DriftKind, Vec<PathBuf>>,
    /// Files that were compared.
    pub files_checked: u64,
    /// Files whose bytes were.
    pub files_read: u64,
    /// The id of the last of these; 0 where no further one follows, so that the next look begins anew.
    pub read_up_to: i64,
}

impl DiskDrift {
    /// What was found, by kind.
    pub fn findings(&self) -> Vec<DriftFinding> {
        let finding = |(kind, paths): (&DriftKind, &Vec<PathBuf>)| {
            let examples: Vec<String> = paths
                .iter()
                .take(EXAMPLES)
                .map(|path| path.display().to_string())
                .collect();
            DriftFinding::new(*kind, paths.len() as u64, &examples)
        };
        self.paths.iter().map(finding).collect()
    }

    fn add(&mut self, kind: DriftKind, path: impl Into<PathBuf>) {
        self.paths.entry(kind).or_default().push(path.into());
    }
}

impl Indexer {
    /// Compares the tree of a project with its rows; nothing is changed.
    ///
    /// # Errors
    /// [`IndexError`](super::error::IndexError), when the root cannot be read or the database be asked.
    pub fn drift(&self, project: &ProjectRoot, reading: Reading) -> Result<DiskDrift> {
        readable_root(project)?;
        let mut scan = Scan::of(&project.root, &Parts::all(), self.options.largest_file);
        let known = self.database.known_files(&project.id)?;
        let mut look = Look {
            drift: DiskDrift::default(),
            indexed: directories(&known),
            largest_file: self.options.largest_file,
            same: Vec::new(),
            now: seconds_now(),
        };
        let mut by_path: HashMap<String, KnownFile> = known
            .into_iter()
            .map(|file| (file.path.clone(), file))
            .collect();
        for found in std::mem::take(&mut scan.files) {
            let known = found.path.to_str().and_then(|path| by_path.remove(path));
            look.compare(found, known);
            if self.options.cancellation.is_cancelled() {
                return Ok(look.drift);
            }
        }
        for file in by_path.into_values() {
            look.drift.files_checked += 1;
            if !file.deleted && !may_exist(&file.path, &scan) {
                look.drift.add(DriftKind::MissingFiles, file.path);
            }
        }
        for path in scan.unknown {
            look.drift.add(DriftKind::Unreadable, path);
        }
        look.read(reading);
        let mut drift = look.drift;
        for path in self
            .database
            .files_without_text(&project.id, MOST_WITHOUT_TEXT)?
        {
            drift.add(DriftKind::MissingText, path);
        }
        for versions in self.database.versions(&project.id)? {
            drift.add(DriftKind::Versions, versions.path);
        }
        Ok(drift)
    }

    /// Mends drift of this kind by indexing these files again, and answers how many of them are as they should be now.
    ///
    /// Somebody else may index one of them at the same time, and what is stored here be older: so each is looked at
    /// once more afterwards, until nothing was stored.
    ///
    /// # Errors
    /// As [`index`](Self::index).
    pub fn mend(&self, project: &ProjectRoot, kind: DriftKind, paths: &[PathBuf]) -> Result<u64> {
        let mut forcing = self.clone();
        forcing.options.force = matches!(
            kind,
            DriftKind::SilentlyChangedFiles | DriftKind::MissingText
        );
        let first = forcing.index_files(project, paths, &Silent)?;
        for _ in 1..ATTEMPTS {
            let again = self.index_files(project, paths, &Silent)?;
            if again.files_indexed + again.files_deleted == 0 {
                break;
            }
        }
        let skipped = match kind {
            // Their rows are marked, whatever is in their place.
            DriftKind::MissingFiles => 0,
            _ => first.files_skipped,
        };
        Ok((paths.len() as u64).saturating_sub(skipped))
    }
}

/// One look at a project.
struct Look {
    drift: DiskDrift,
    /// Directories that hold files that are indexed.
    indexed: HashSet<PathBuf>,
    largest_file: u64,
    /// Ids and states of files whose size and time are as they were.
    same: Vec<(i64, FoundFile, KnownState)>,
    /// In seconds since 1970.
    now: i64,
}

impl Look {
    fn compare(&mut self, found: FoundFile, known: Option<KnownFile>) {
        self.drift.files_checked += 1;
        let Some(known) = known else {
            let kind = match self.is_indexed_around(&found.path) {
                true => DriftKind::NewFiles,
                false => DriftKind::NotIndexed,
            };
            return self.add_settled(kind, &found.path);
        };
        if known.deleted {
            self.add_settled(DriftKind::FilesBack, &found.path);
        } else if is_same(&found, &known) {
            self.same
                .extend(known.state.map(|state| (known.id, found, state)));
        } else if self.has_other_bytes(&found.path, known.state.as_ref()) {
            self.add_settled(DriftKind::ChangedFiles, &found.path);
        }
    }

    /// Compares bytes, in the order of ids.
    fn read(&mut self, reading: Reading) {
        let mut same = std::mem::take(&mut self.same);
        same.sort_unstable_by_key(|(id, _, _)| *id);
        let mut rest = same
            .into_iter()
            .filter(|(id, _, _)| *id > reading.after)
            .peekable();
        for (id, found, state) in rest.by_ref().take(reading.most) {
            self.drift.files_read += 1;
            self.drift.read_up_to = id;
            match source_file::read(&found.path, self.largest_file) {
                Ok(read)
                    if read.content_hash != state.content_hash
                        && read.mtime_ns == state.mtime_ns =>
                {
                    self.drift.add(DriftKind::SilentlyChangedFiles, found.path);
                }
                Err(NotRead::Failed(_)) => self.drift.add(DriftKind::Unreadable, found.path),
                _ => {}
            }
        }
        if rest.peek().is_none() {
            self.drift.read_up_to = 0;
        }
    }

    /// What cannot be read is not known to differ.
    fn has_other_bytes(&self, path: &Path, state: Option<&KnownState>) -> bool {
        let Some(state) = state else { return true };
        match source_file::read(path, self.largest_file) {
            Ok(read) => read.content_hash != state.content_hash,
            Err(NotRead::Failed(_)) => false,
            Err(_) => true,
        }
    }

    fn is_indexed_around(&self, path: &Path) -> bool {
        path.ancestors()
            .skip(1)
            .any(|directory| self.indexed.contains(directory))
    }

    fn add_settled(&mut self, kind: DriftKind, path: &Path) {
        let changed = path.symlink_metadata().map(|metadata| metadata.ctime());
        if changed.is_ok_and(|changed| changed + SETTLING_SECONDS <= self.now) {
            self.drift.add(kind, path);
        }
    }
}

/// The directories of files that are not deleted.
fn directories(known: &[KnownFile]) -> HashSet<PathBuf> {
    let live = known.iter().filter(|file| !file.deleted);
    live.filter_map(|file| Some(Path::new(&file.path).parent()?.to_owned()))
        .collect()
}

fn seconds_now() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
