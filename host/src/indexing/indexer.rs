//! The entry point: brings the rows of a project up to date with its tree, or with some changed paths.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::changes::Changes;
use super::error::{IndexError, Result};
use super::pipeline;
use super::precedence::Precedence;
use super::project_root::{ProjectRoot, read_id};
use super::scan::Scan;
use super::summary::IndexSummary;
use super::tree_walk::Parts;
use super::writer::Writer;
use crate::code_db::database::CodeDatabase;
use crate::code_db::files::KnownFile;
use crate::code_db::records::Destination;
use crate::code_db::registration::ProjectIdentity;
use crate::code_graph::dependencies;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::progress::Progress;

/// More changed paths than this are looked up all at once.
const MOST_SINGLE_PATHS: usize = 100;

/// How indexing is done.
#[derive(Clone, Debug)]
pub struct IndexOptions {
    /// The greatest file that is read, in bytes. Default 2 MiB.
    pub largest_file: u64,
    /// Threads that read and analyse. Default: one for each processor.
    pub threads: usize,
    /// Bytes that files may take between being read and being stored, as estimated. Default 96 MiB.
    pub memory_bytes: usize,
    /// Bytes of files, as estimated in the same way, that are stored in one transaction. Default 24 MiB.
    pub group_bytes: usize,
    /// Reads and stores files that have not changed, too. Default false.
    pub force: bool,
    /// Whether the caller holds the lease of the project. Otherwise a run that stores something takes it from whoever
    /// has it: indexing goes before repairing. Default false.
    pub holds_lease: bool,
    /// Directory of notes on what is being analysed, by which a text that ends the process is passed over by the next
    /// one. Default none: nothing is noted.
    pub crash_notes: Option<PathBuf>,
    /// Stops the run when somebody asks.
    pub cancellation: Cancellation,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            largest_file: 2 * 1024 * 1024,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: 96 * 1024 * 1024,
            group_bytes: 24 * 1024 * 1024,
            force: false,
            holds_lease: false,
            crash_notes: None,
            cancellation: Cancellation::default(),
        }
    }
}

/// Brings the rows of projects up to date with their trees.
#[derive(Clone)]
pub struct Indexer {
    pub(super) database: CodeDatabase,
    pub(super) options: IndexOptions,
}

impl Indexer {
    /// An indexer into this database, which has its schema.
    pub fn new(database: CodeDatabase, options: IndexOptions) -> Self {
        Self { database, options }
    }

    /// Brings the rows of a project, or of its [`scope`](ProjectRoot::scope), up to date with its tree.
    ///
    /// What is stored when the run ends early stays, and the next run goes on from there.
    ///
    /// # Errors
    /// [`IndexError`]; a problem with single files is not one, but listed in the summary.
    pub fn index(&self, project: &ProjectRoot, progress: &dyn Progress) -> Result<IndexSummary> {
        let parts = match &project.scope {
            Some(scope) => Parts::some(&project.root, [scope]),
            None => Parts::all(),
        };
        self.run(project, &parts, progress)
    }

    /// Brings the rows of these absolute paths up to date: files, or directories with all below, that were
    /// written, came or went. Paths outside of the project and excluded ones are passed over.
    ///
    /// # Errors
    /// As [`index`](Self::index).
    pub fn index_files(
        &self,
        project: &ProjectRoot,
        paths: &[PathBuf],
        progress: &dyn Progress,
    ) -> Result<IndexSummary> {
        self.run(project, &Parts::some(&project.root, paths), progress)
    }

    fn run(
        &self,
        project: &ProjectRoot,
        parts: &Parts,
        progress: &dyn Progress,
    ) -> Result<IndexSummary> {
        let started = Instant::now();
        let root = readable_root(project)?;
        let destination = self.register(project, root)?;
        let mut scan = Scan::of(&project.root, parts, self.options.largest_file);
        let mut summary = IndexSummary {
            project_id: project.id.clone(),
            root: project.root.clone(),
            files_found: scan.files.len() as u64 + scan.passed_over,
            files_skipped: scan.passed_over,
            problems: std::mem::take(&mut scan.problems),
            ..IndexSummary::default()
        };
        let known = self.known(&destination, parts)?;
        let changes = Changes::between(&mut scan, known, self.options.force);
        let precedence = Precedence::over(&self.database, &destination.project_id);
        if !self.options.holds_lease && !changes.is_empty() {
            precedence.claim()?;
        }
        summary.files_unchanged = changes.unchanged;
        summary.files_deleted = self.database.mark_deleted(&changes.gone)?;
        self.database.revive_files(&changes.revived)?;

        progress.total(changes.jobs.len() as u64);
        let mut writer = Writer::new(
            &self.database,
            &self.options,
            &destination,
            &precedence,
            progress,
            summary,
        );
        pipeline::run(&project.root, &changes.jobs, &self.options, |deliveries| {
            writer.write_all(deliveries)
        })?;
        progress.done();
        let mut summary = writer.summary;
        dependencies::update(&self.database, &destination.project_id)?;
        summary.cancelled = self.options.cancellation.is_cancelled();
        summary.problems.sort_by(|a, b| a.path.cmp(&b.path));
        summary.seconds = started.elapsed().as_secs_f64();
        Ok(summary)
    }

    fn register(&self, project: &ProjectRoot, root: &str) -> Result<Destination> {
        if let Some(known) = self.database.project_by_id(&project.id)? {
            let other = PathBuf::from(&known.root_path);
            let still_there = other != project.root
                && read_id(&other).is_ok_and(|id| id.as_deref() == Some(project.id.as_str()));
            if still_there {
                let (id, root) = (project.id.clone(), project.root.clone());
                return Err(IndexError::ProjectIdTaken { id, root, other });
            }
        }
        let identity = ProjectIdentity {
            id: &project.id,
            root_path: root,
            name: &project.name,
        };
        Ok(self.database.register_project(identity)?)
    }

    fn known(&self, destination: &Destination, parts: &Parts) -> Result<Vec<KnownFile>> {
        let id = &destination.project_id;
        let known = match parts.paths() {
            None => self.database.known_files(id)?,
            Some(paths) if paths.len() <= MOST_SINGLE_PATHS => {
                let paths: Vec<&str> = paths.iter().filter_map(|path| path.to_str()).collect();
                self.database.known_files_below(id, &paths)?
            }
            Some(paths) => {
                let mut known = self.database.known_files(id)?;
                known.retain(|file| {
                    Path::new(&file.path)
                        .ancestors()
                        .any(|above| paths.contains(above))
                });
                known
            }
        };
        Ok(known)
    }
}

/// The project's root as text; an error when it cannot be listed, since then everything would seem to be gone.
pub(super) fn readable_root(project: &ProjectRoot) -> Result<&str> {
    let root = &project.root;
    std::fs::read_dir(root).map_err(|source| IndexError::Root {
        path: root.clone(),
        source,
    })?;
    root.to_str()
        .ok_or_else(|| IndexError::PathNotUtf8(root.clone()))
}
