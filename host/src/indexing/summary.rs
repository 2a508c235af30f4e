//! What one run of indexing did.

use std::path::PathBuf;

use serde::Serialize;

use super::problem::Problem;

/// What one run of indexing did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IndexSummary {
    /// The id of the project.
    pub project_id: String,
    /// The root of the project.
    pub root: PathBuf,
    /// Source files that are there.
    pub files_found: u64,
    /// Files that were new or changed, and are stored.
    pub files_indexed: u64,
    /// Files that are as they were.
    pub files_unchanged: u64,
    /// Files that are gone, or no longer fit to be indexed, and are marked so.
    pub files_deleted: u64,
    /// Source files that were passed over, each with a problem.
    pub files_skipped: u64,
    /// Classes in the files that were indexed; so the other numbers.
    pub classes: u64,
    /// Functions outside classes.
    pub functions: u64,
    /// Methods.
    pub methods: u64,
    /// Imported names.
    pub imports: u64,
    /// Places where something is used.
    pub usages: u64,
    /// What went wrong with single files and directories.
    pub problems: Vec<Problem>,
    /// Whether the run was asked to stop before its end.
    pub cancelled: bool,
    /// How long it took.
    pub seconds: f64,
}
