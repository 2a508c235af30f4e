//! The indexed source files that a command reads from disk, and reading them on all cores.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::context::Context;
use super::entity_choice::chosen_or_only;
use super::error::{CommandError, ErrorCode};
use super::job::Job;
use super::project_choice::ProjectChoice;
use super::read_project_file::source;
use crate::analysis::{Analyzer, Language};
use crate::code_db::projects::Project;

/// The files that a command is about.
pub(super) struct SourceFiles {
    /// Their project.
    pub(super) project: Project,
    /// By path. Those that only the older program indexed, whose language is not known, are left out.
    pub(super) files: Vec<SourceFile>,
}

/// An indexed file.
pub(super) struct SourceFile {
    /// Its id.
    pub(super) id: i64,
    /// Its path below the root of its project.
    pub(super) relative_path: String,
    /// Its absolute path.
    pub(super) path: PathBuf,
    /// The language that it was indexed as.
    pub(super) language: Language,
}

impl SourceFiles {
    /// The one file that is named, else all of the chosen project.
    pub(super) fn choose(
        context: &Context,
        choice: &ProjectChoice,
        file_path: Option<&str>,
    ) -> Result<Self, CommandError> {
        let code = context.code();
        let Some(file_path) = file_path else {
            let project = chosen_or_only(context, choice)?;
            let root = PathBuf::from(&project.root_path);
            let files = code.project_tree(&project.id)?.into_iter();
            let files = files.filter_map(|file| {
                Some(SourceFile {
                    id: file.id,
                    path: root.join(&file.relative_path),
                    language: Language::from_name(file.language.as_deref()?)?,
                    relative_path: file.relative_path,
                })
            });
            return Ok(Self {
                files: files.collect(),
                project,
            });
        };
        let chosen = choice.find(context)?;
        let file = code.file(
            chosen.as_ref().map(|project| project.id.as_str()),
            file_path,
        )?;
        let path = PathBuf::from(&file.file_path);
        let known = file.language.as_deref().and_then(Language::from_name);
        let language = known
            .or_else(|| Language::from_path(&path))
            .ok_or_else(|| {
                let message = format!("{} is in no language that is known", path.display());
                CommandError::new(ErrorCode::PathUnusable, message)
            })?;
        Ok(Self {
            project: code.project(&file.project_id)?,
            files: vec![SourceFile {
                id: file.id,
                relative_path: file.relative_path,
                path,
                language,
            }],
        })
    }

    /// What `work` makes of the text of each of these files, in their order; the error where one cannot be read.
    ///
    /// # Errors
    /// [`ErrorCode::Cancelled`] when the job is stopped.
    pub(super) fn each<T: Send>(
        &self,
        files: &[SourceFile],
        job: &Job<'_>,
        work: impl Fn(&mut Analyzer, &SourceFile, &str) -> T + Sync,
    ) -> Result<Vec<Result<T, CommandError>>, CommandError> {
        let root = Path::new(&self.project.root_path);
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(files.len()));
        let run = || {
            let mut analyzer = Analyzer::new();
            while let place = next.fetch_add(1, Ordering::Relaxed)
                && let Some(file) = files.get(place)
                && !job.cancellation.is_cancelled()
            {
                let text = source(root, &file.path);
                let made = text.map(|text| work(&mut analyzer, file, &text));
                if let Ok(mut done) = done.lock() {
                    done.push((place, made));
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            for _ in 1..threads.min(files.len()) {
                scope.spawn(run);
            }
            run();
        });
        if job.cancellation.is_cancelled() {
            let message = "it was stopped before all files were read";
            return Err(CommandError::new(ErrorCode::Cancelled, message));
        }
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_by_key(|(place, _)| *place);
        Ok(done.into_iter().map(|(_, made)| made).collect())
    }
}
