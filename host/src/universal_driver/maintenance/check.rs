//! Checks a database as a whole: what its engine says, whether its rows contradict each other, and whether its files
//! are on the disk.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::error::{MaintenanceError, Result};
use super::safe_mode::SafeMode;
use crate::code_db::backup::save::Watch;
use crate::code_db::check::{Finding, StoredFile};
use crate::code_db::database::CodeDatabase;
use crate::universal_driver::driver::UniversalDriver;

/// Files that are compared with the disk together.
const FILES_AT_ONCE: u32 = 5_000;

/// Paths that a finding names.
const EXAMPLES: usize = 3;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Checked {
    /// Whether everything is as it should be.
    pub ok: bool,
    /// Whether the engine finds its own files sound.
    pub integrity_ok: bool,
    /// What it said; `ok` when that was nothing.
    pub integrity_message: String,
    /// What else is not as it should be.
    pub findings: Vec<Finding>,
    /// Why the database is in safe mode; then nothing but that is known.
    pub safe_mode: Option<SafeMode>,
}

/// How the files of a database and the disk differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Files that are not on the disk, and are not marked deleted.
    pub gone: Vec<StoredFile>,
    /// Files that are marked deleted, and are on the disk.
    pub back: Vec<StoredFile>,
    /// Roots of projects that are not there, perhaps because they are on a disk that is not mounted: of their files
    /// nothing is concluded.
    pub missing_roots: Vec<String>,
}

impl UniversalDriver {
    /// Checks everything; nothing is changed.
    ///
    /// # Errors
    /// [`MaintenanceError`], when the database cannot be asked, or the check was stopped.
    pub fn check(&self, watch: &Watch<'_>) -> Result<Checked> {
        if let Some(safe_mode) = self.safe_mode() {
            return Ok(Checked {
                ok: false,
                integrity_ok: false,
                integrity_message: safe_mode.reason.clone(),
                findings: Vec::new(),
                safe_mode: Some(safe_mode),
            });
        }
        let code = self.database().cancelled_by(watch.cancellation.clone());
        let rows = Rows::of(&code);
        // Pages and rows of each table, and then files beside the disk.
        watch
            .progress
            .begin(2 * rows.total() + rows.of_table("files"));
        let damage =
            code.engine_check(&mut |table| rows.tell(watch, "checking the pages of", table))?;
        let mut findings = Vec::new();
        if damage.is_none() {
            findings.extend(schema_finding(&code)?);
            // Rows are looked at in the declared columns.
            if findings.is_empty() {
                findings.extend(code.check_rows(&mut |table| rows.tell(watch, "checking", table))?);
                findings.extend(compare_with_disk(&code, None, watch)?.findings());
            }
        }
        watch.progress.done();
        Ok(Checked {
            ok: damage.is_none() && findings.is_empty(),
            integrity_ok: damage.is_none(),
            integrity_message: damage.unwrap_or_else(|| "ok".to_owned()),
            findings,
            safe_mode: self.safe_mode(),
        })
    }
}

fn schema_finding(code: &CodeDatabase) -> Result<Option<Finding>> {
    let plan = code.plan_schema()?;
    Ok((!plan.is_empty()).then(|| Finding {
        check: "schema".to_owned(),
        table: None,
        count: plan.steps.len() as u64,
        problem: "the schema is not as declared; see `db migrate --dry-run`".to_owned(),
        repair: Some("bring the schema up to date".to_owned()),
    }))
}

/// How many rows each table has, for those who want to know how far a check is.
pub(super) struct Rows(BTreeMap<&'static str, u64>);

impl Rows {
    /// Of a database that cannot be read nothing is counted; the check says why.
    pub(super) fn of(code: &CodeDatabase) -> Self {
        Self(code.count_rows().unwrap_or_default().into_iter().collect())
    }

    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(super) fn of_table(&self, table: &str) -> u64 {
        self.0.get(table).copied().unwrap_or_default()
    }

    /// All rows of `table` are done.
    pub(super) fn tell(&self, watch: &Watch<'_>, doing: &str, table: &str) {
        watch.progress.rows(doing, table, self.of_table(table));
    }
}

/// Compares the files of the project with this root, or of all, with the disk.
///
/// # Errors
/// [`MaintenanceError`], when the database cannot be asked, or the comparison was stopped.
pub fn compare_with_disk(
    code: &CodeDatabase,
    root: Option<&str>,
    watch: &Watch<'_>,
) -> Result<Compared> {
    let mut roots: BTreeMap<String, bool> = BTreeMap::new();
    let mut compared = Compared::default();
    let mut after = 0;
    loop {
        let files = code.stored_files(after, FILES_AT_ONCE)?;
        let Some(last) = files.last() else { break };
        after = last.id;
        if watch.cancellation.is_cancelled() {
            return Err(MaintenanceError::Cancelled);
        }
        watch
            .progress
            .rows("comparing with the disk:", "files", files.len() as u64);
        let of_project = |file: &StoredFile| root.is_none_or(|root| file.root == root);
        for file in files.into_iter().filter(of_project) {
            let is_there = *roots
                .entry(file.root.clone())
                .or_insert_with(|| Path::new(&file.root).is_dir());
            match (is_there, file.deleted, Path::new(&file.path).exists()) {
                (true, false, false) => compared.gone.push(file),
                (true, true, true) => compared.back.push(file),
                _ => {}
            }
        }
    }
    let missing = roots.into_iter().filter(|(_, is_there)| !is_there);
    compared.missing_roots = missing.map(|(root, _)| root).collect();
    Ok(compared)
}

impl Compared {
    fn findings(&self) -> Vec<Finding> {
        let paths = |files: &[StoredFile]| -> Vec<String> {
            files.iter().map(|file| file.path.clone()).collect()
        };
        let all = [
            finding(
                "missing_files",
                &paths(&self.gone),
                "files are not on the disk any more",
                Some("mark them deleted"),
            ),
            finding(
                "files_back",
                &paths(&self.back),
                "files that are marked deleted are on the disk; index their project",
                None,
            ),
            finding(
                "roots",
                &self.missing_roots,
                "roots of projects are not on the disk",
                None,
            ),
        ];
        all.into_iter().flatten().collect()
    }
}

fn finding(check: &str, paths: &[String], problem: &str, repair: Option<&str>) -> Option<Finding> {
    let examples: Vec<&str> = paths.iter().take(EXAMPLES).map(String::as_str).collect();
    (!paths.is_empty()).then(|| Finding {
        check: check.to_owned(),
        table: None,
        count: paths.len() as u64,
        problem: format!("{problem}, such as {}", examples.join(", ")),
        repair: repair.map(str::to_owned),
    })
}
