//! What looks for drift found: rows that contradict each other, or the disk. The last look at each project is kept.

use driver_api::{ErrorClass, RowRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::database::CodeDatabase;
use super::error::{Doing, Result};
use super::page::{Page, PageRequest};
use super::schema::DRIFT_REPORTS;

/// The id of the report on rows of all projects.
pub const ALL_ROWS: &str = "rows";

/// Most paths or tables that a finding names.
pub const EXAMPLES: usize = 5;

/// What one look found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DriftReport {
    /// What was not as it should be; nothing where everything was.
    pub findings: Vec<DriftFinding>,
    /// Files of the project, on disk or in the database, that were compared.
    pub files_checked: u64,
    /// Files among them whose bytes were read and compared; the next look goes on with the next ones.
    pub files_read: u64,
    /// How long the look took, in seconds, without the pauses that it made for others.
    pub seconds: f64,
    /// Who looked.
    pub checked_by: String,
    /// The id of the last file whose bytes were compared.
    pub read_up_to: i64,
}

/// Something that was not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DriftFinding {
    /// What it is.
    pub kind: DriftKind,
    /// How many files or rows.
    pub count: u64,
    /// How many of them were repaired since.
    pub repaired: u64,
    /// Some of them: paths, or tables.
    pub examples: Vec<String>,
    /// The same in a sentence, with what to do about those that were not repaired.
    pub problem: String,
}

/// Kinds of drift.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Files on disk without a row, in directories that are indexed.
    NewFiles,
    /// Files on disk without a row, in directories of which nothing is indexed.
    NotIndexed,
    /// Files whose bytes are not those that were indexed.
    ChangedFiles,
    /// The same, although size and time are as they were.
    SilentlyChangedFiles,
    /// Files that are not on disk, or left out by now, and are not marked deleted.
    MissingFiles,
    /// Files that are marked deleted, and are on disk.
    FilesBack,
    /// Files, or definitions in them, without their text.
    MissingText,
    /// Paths that several rows stand for.
    Versions,
    /// Files and directories that cannot be looked at.
    Unreadable,
    /// Roots that have another project id by now.
    OtherId,
    /// Rows whose owner does not exist.
    Orphans,
    /// Rows of another project than their file.
    WrongProject,
    /// Text that full-text search does not find, or finds although it is gone.
    FullText,
    /// Vectors of another size, model or project than their chunks say, and chunks that say they have a vector and have
    /// none. Chunks that merely wait for a vector are work to be done, and none.
    Vectors,
}

impl DriftKind {
    /// Whether it is mended by looking at the files again.
    pub fn is_mended_by_indexing(self) -> bool {
        matches!(
            self,
            Self::NewFiles
                | Self::ChangedFiles
                | Self::SilentlyChangedFiles
                | Self::MissingFiles
                | Self::FilesBack
                | Self::MissingText
        )
    }

    /// A sentence for people.
    fn problem(self) -> &'static str {
        match self {
            Self::NewFiles => "files on disk are not indexed",
            Self::NotIndexed => {
                "files lie in directories of which nothing is indexed; index them with `update_indexes`, or leave them out \
                 with .gitignore"
            }
            Self::ChangedFiles => "files have changed since they were indexed",
            Self::SilentlyChangedFiles => {
                "files hold other bytes than were indexed, although size and time are as they were"
            }
            Self::MissingFiles => "files are not on disk any more, and are not marked deleted",
            Self::FilesBack => "files that are marked deleted are on disk",
            Self::MissingText => "files are without the text of what they define",
            Self::Versions => {
                "paths have several rows; `collapse_versions` keeps the latest of each"
            }
            Self::Unreadable => {
                "files or directories cannot be read; what is stored of them stays as it is"
            }
            Self::OtherId => {
                "the root has another project id by now, and the project is left alone; index it with `update_indexes`"
            }
            Self::Orphans => "rows refer to owners that do not exist",
            Self::WrongProject => "rows belong to another project than their file",
            Self::FullText => "the full-text index does not fit the text",
            Self::Vectors => {
                "vectors do not fit their chunks; those that are taken away are made anew"
            }
        }
    }
}

impl DriftFinding {
    /// So many files or rows, of which `examples` are some.
    pub fn new(kind: DriftKind, count: u64, examples: &[String]) -> Self {
        Self {
            kind,
            count,
            repaired: 0,
            examples: examples.iter().take(EXAMPLES).cloned().collect(),
            problem: kind.problem().to_owned(),
        }
    }
}

/// A project, and what the last look at it found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ProjectDrift {
    /// The id of the project.
    pub project_id: String,
    /// Absolute path of its root.
    pub root_path: String,
    /// Its name.
    pub name: Option<String>,
    /// What the last look found; none where nobody has looked yet.
    #[serde(flatten)]
    pub last: Option<StoredReport>,
}

/// A look, and when it was.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StoredReport {
    /// When it ended, in seconds since 1970, by the database's clock.
    pub checked_at: f64,
    /// Seconds since then.
    pub age_seconds: f64,
    /// What it found.
    #[serde(flatten)]
    pub report: DriftReport,
}

impl CodeDatabase {
    /// The projects by root, each with its last look.
    ///
    /// # Errors
    /// The driver's.
    pub fn project_drift(
        &self,
        project_id: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<ProjectDrift>> {
        let (condition, params) = match project_id {
            Some(id) => ("WHERE p.id = ?", vec![id.into()]),
            None => ("", Vec::new()),
        };
        let count = format!("SELECT count(*) FROM projects p {condition}");
        let list = format!(
            "SELECT p.id, p.root_path, p.name, {} FROM projects p LEFT JOIN {} r ON r.id = p.id {condition} \
             ORDER BY p.root_path LIMIT ? OFFSET ?",
            self.report_columns(),
            DRIFT_REPORTS.name
        );
        let read = |row: RowRef<'_>| {
            Ok(ProjectDrift {
                project_id: row.text(0)?.to_owned(),
                root_path: row.text(1)?.to_owned(),
                name: row.opt(2, RowRef::text)?.map(str::to_owned),
                last: read_report(row, 3)?,
            })
        };
        self.page(&count, &list, &params, page, read)
            .doing("listing drift reports")
    }

    /// The report of this id: that of a project, or [`ALL_ROWS`].
    ///
    /// # Errors
    /// The driver's.
    pub fn drift_report(&self, id: &str) -> Result<Option<StoredReport>> {
        let sql = format!(
            "SELECT {} FROM {} r WHERE r.id = ?",
            self.report_columns(),
            DRIFT_REPORTS.name
        );
        let report = self
            .database
            .read(|session| session.query_first(&sql, &[id.into()], |row| read_report(row, 0)));
        Ok(report.doing("reading a drift report")?.flatten())
    }

    /// Keeps a report in place of the one before; whoever does so holds the lease of what was looked at.
    ///
    /// # Errors
    /// The driver's.
    pub fn store_drift_report(&self, id: &str, report: &DriftReport) -> Result<()> {
        let (table, now) = (DRIFT_REPORTS.name, self.now());
        let text = serde_json::to_string(report).unwrap_or_default();
        let update = format!("UPDATE {table} SET checked_at = {now}, report = ? WHERE id = ?");
        let insert = format!("INSERT INTO {table}(checked_at, report, id) VALUES ({now}, ?, ?)");
        let params = [text.as_str().into(), id.into()];
        let stored = self.database.transaction(|session| {
            if session.execute(&update, &params)?.rows_affected == 0 {
                session.execute(&insert, &params)?;
            }
            Ok(())
        });
        match stored {
            // Another host's is as good.
            Err(error) if error.class() == ErrorClass::Constraint => Ok(()),
            other => other.doing("keeping a drift report"),
        }
    }

    /// Forgets reports on projects that are gone.
    ///
    /// # Errors
    /// The driver's.
    pub fn forget_drift_of_gone_projects(&self) -> Result<()> {
        let sql = format!(
            "DELETE FROM {} WHERE id <> ? AND id NOT IN (SELECT id FROM projects)",
            DRIFT_REPORTS.name
        );
        let forgotten = self
            .database
            .transaction(|session| session.execute(&sql, &[ALL_ROWS.into()]).map(drop));
        forgotten.doing("forgetting drift reports")
    }

    fn report_columns(&self) -> String {
        format!(
            "(r.checked_at - 2440587.5) * 86400.0, ({} - r.checked_at) * 86400.0, r.report",
            self.now()
        )
    }
}

/// The report in the columns from `first` on; none where there is none, or another release's.
fn read_report(row: RowRef<'_>, first: usize) -> driver_api::Result<Option<StoredReport>> {
    let Some(text) = row.opt(first + 2, RowRef::text)? else {
        return Ok(None);
    };
    let Ok(report) = serde_json::from_str(text) else {
        return Ok(None);
    };
    Ok(Some(StoredReport {
        checked_at: row.f64(first)?,
        age_seconds: row.f64(first + 1)?.max(0.0),
        report,
    }))
}
