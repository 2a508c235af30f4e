//! Projects: lists of them, one of them, and their deletion with everything below.

use driver_api::{RowRef, ValueRef};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::CodeDatabase;
use super::dialect::lock_project;
use super::error::{CodeDbError, Doing, Result};
use super::full_text;
use super::page::{Page, PageRequest};
use super::scope::{holds_nul, placeholders};
use crate::driver::session::Session;

/// A project.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Project {
    /// Its id.
    pub id: String,
    /// Absolute path of its root.
    pub root_path: String,
    /// Its name.
    pub name: Option<String>,
    /// What somebody noted about it.
    pub comment: Option<String>,
    /// Time of the last change to it, as a Julian day.
    pub updated_at: Option<f64>,
}

/// A project in a list of them.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ListedProject {
    /// The project.
    #[serde(flatten)]
    pub project: Project,
    /// Files that are not deleted.
    pub files: u64,
}

/// What the deletion of a project takes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProjectContents {
    /// The id of the project.
    pub project_id: String,
    /// Its name.
    pub project_name: Option<String>,
    /// Absolute path of its root.
    pub root_path: String,
    /// Files, deleted ones included.
    pub files_count: u64,
    /// Chunks.
    pub chunks_count: u64,
    /// Datasets.
    pub datasets_count: u64,
}

/// Directories around a path that are looked up together.
const DIRECTORIES_AT_ONCE: usize = 100;

const COLUMNS: &str = "p.id, p.root_path, p.name, p.comment, p.updated_at";

impl CodeDatabase {
    /// The projects, by root.
    ///
    /// # Errors
    /// The driver's.
    pub fn projects(&self, page: PageRequest) -> Result<Page<Project>> {
        let list =
            format!("SELECT {COLUMNS} FROM projects p ORDER BY p.root_path LIMIT ? OFFSET ?");
        let count = "SELECT count(*) FROM projects";
        self.page(count, &list, &[], page, read_project)
            .doing("listing projects")
    }

    /// The projects with what they hold, by root; or the one of this id alone.
    ///
    /// # Errors
    /// The driver's.
    pub fn list_projects(
        &self,
        id: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<ListedProject>> {
        let condition = id.map_or("", |_| "WHERE p.id = ?");
        let count_all = format!("SELECT count(*) FROM projects p {condition}");
        let list = format!(
            "SELECT {COLUMNS}, (SELECT count(*) FROM files f WHERE f.project_id = p.id AND f.deleted IS NOT TRUE) \
             FROM projects p {condition} ORDER BY p.root_path LIMIT ? OFFSET ?"
        );
        let params: Vec<ValueRef<'_>> = id.into_iter().map(ValueRef::from).collect();
        let read = |row: RowRef<'_>| {
            Ok(ListedProject {
                project: read_project(row)?,
                files: count(row, 5)?,
            })
        };
        self.page(&count_all, &list, &params, page, read)
            .doing("listing projects")
    }

    /// The ids of all projects, in their order.
    ///
    /// # Errors
    /// The driver's.
    pub fn project_ids(&self) -> Result<Vec<String>> {
        let read = |row: RowRef<'_>| Ok(row.text(0)?.to_owned());
        self.database
            .read(|session| session.query_all("SELECT id FROM projects ORDER BY id", &[], read))
            .doing("listing projects")
    }

    /// The id of the project that a dataset belongs to, if there is such a dataset.
    ///
    /// # Errors
    /// The driver's.
    pub fn project_of_dataset(&self, dataset_id: &str) -> Result<Option<String>> {
        self.first_id("SELECT project_id FROM datasets WHERE id = ?", dataset_id)
    }

    /// The id of a project's dataset; none where there is no such project.
    ///
    /// # Errors
    /// The driver's.
    pub fn dataset_of(&self, project_id: &str) -> Result<Option<String>> {
        let sql = "SELECT d.id FROM projects p JOIN datasets d ON d.project_id = p.id AND d.root_path = p.root_path \
                   WHERE p.id = ?";
        self.first_id(sql, project_id)
    }

    fn first_id(&self, sql: &str, id: &str) -> Result<Option<String>> {
        let read = |row: RowRef<'_>| Ok(row.text(0)?.to_owned());
        self.database
            .read(|session| session.query_first(sql, &[id.into()], read))
            .doing("looking for a dataset")
    }

    /// The project of this id, if there is one.
    ///
    /// # Errors
    /// The driver's.
    pub fn project_by_id(&self, id: &str) -> Result<Option<Project>> {
        self.one_project("p.id = ?", &[id.into()])
    }

    /// The project whose root is this absolute path, or the nearest directory around it; none where there is no such.
    ///
    /// # Errors
    /// The driver's.
    pub fn project_around(&self, path: &str) -> Result<Option<Project>> {
        let directories: Vec<ValueRef<'_>> = enclosing(path).map(ValueRef::from).collect();
        // Nearest first; a path has no more, but whoever asks may send what is none.
        for some in directories.chunks(DIRECTORIES_AT_ONCE) {
            let places = placeholders(some.len());
            let condition =
                format!("p.root_path IN ({places}) ORDER BY length(p.root_path) DESC LIMIT 1");
            if let Some(found) = self.one_project(&condition, some)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The project that `id_or_path` names: by its id, its root, or a path below its root (the innermost).
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`] with the nearest ids, names and roots, and the driver's.
    pub fn project(&self, id_or_path: &str) -> Result<Project> {
        // Most are told by a path, and no id is one.
        let found = match self.project_around(id_or_path)? {
            None => self.project_by_id(id_or_path)?,
            found => found,
        };
        self.or_nearest_project(found, id_or_path)
    }

    /// What the deletion of a project would take with it.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`], and the driver's.
    pub fn project_contents(&self, id: &str) -> Result<ProjectContents> {
        let found = self
            .database
            .read(|session| contents(session, id))
            .doing("counting a project's files")?;
        self.or_nearest_project(found, id)
    }

    /// Deletes a project with everything below it, in one transaction. Nothing on disk is touched.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`], and the driver's; nothing is deleted then.
    pub fn delete_project(&self, id: &str) -> Result<ProjectContents> {
        let dialect = self.database.dialect();
        let deleted = self
            .database
            .transaction(|session| {
                lock_project(session, dialect, id)?;
                let found = contents(session, id)?;
                if found.is_some() {
                    full_text::remove_project(session, dialect, id)?;
                    session.execute("DELETE FROM projects WHERE id = ?", &[id.into()])?;
                }
                Ok(found)
            })
            .doing("deleting a project")?;
        self.or_nearest_project(deleted, id)
    }

    fn one_project(&self, condition: &str, values: &[ValueRef<'_>]) -> Result<Option<Project>> {
        if values.iter().any(holds_nul) {
            // No stored text does, and PostgreSQL takes none that does.
            return Ok(None);
        }
        let sql = format!("SELECT {COLUMNS} FROM projects p WHERE {condition}");
        self.database
            .read(|session| session.query_first(&sql, values, read_project))
            .doing("looking for a project")
    }

    fn or_nearest_project<T>(&self, found: Option<T>, id: &str) -> Result<T> {
        match found {
            Some(found) => Ok(found),
            None => {
                let nearest = self.nearest_project_names(id)?;
                Err(CodeDbError::NotFound {
                    what: "project",
                    name: id.to_owned(),
                    nearest,
                })
            }
        }
    }
}

/// Whether the condition, whose values these are, holds for some project `p`, or for the one of this id.
pub(super) fn any_project<'v>(
    session: &mut Session,
    id: Option<&'v str>,
    condition: &str,
    values: impl IntoIterator<Item = ValueRef<'v>>,
) -> driver_api::Result<bool> {
    let of_id = id.map_or("", |_| " AND p.id = ?");
    let sql = format!("SELECT p.id FROM projects p WHERE {condition}{of_id} LIMIT 1");
    let values: Vec<ValueRef<'_>> = values.into_iter().chain(id.map(ValueRef::from)).collect();
    Ok(session.query_first(&sql, &values, |_| Ok(()))?.is_some())
}

/// The path and the directories around it, innermost first; nothing for what is no absolute path.
fn enclosing(path: &str) -> impl Iterator<Item = &str> {
    let start = path.starts_with('/').then(|| std::path::Path::new(path));
    start
        .into_iter()
        .flat_map(std::path::Path::ancestors)
        .filter_map(std::path::Path::to_str)
}

fn contents(session: &mut Session, id: &str) -> driver_api::Result<Option<ProjectContents>> {
    let sql = "SELECT p.name, p.root_path, (SELECT count(*) FROM files f WHERE f.project_id = p.id), \
               (SELECT count(*) FROM code_chunks c WHERE c.project_id = p.id), \
               (SELECT count(*) FROM datasets d WHERE d.project_id = p.id) FROM projects p WHERE p.id = ?";
    session.query_first(sql, &[ValueRef::from(id)], |row| {
        Ok(ProjectContents {
            project_id: id.to_owned(),
            project_name: row.opt(0, RowRef::text)?.map(str::to_owned),
            root_path: row.text(1)?.to_owned(),
            files_count: count(row, 2)?,
            chunks_count: count(row, 3)?,
            datasets_count: count(row, 4)?,
        })
    })
}

fn read_project(row: RowRef<'_>) -> driver_api::Result<Project> {
    Ok(Project {
        id: row.text(0)?.to_owned(),
        root_path: row.text(1)?.to_owned(),
        name: row.opt(2, RowRef::text)?.map(str::to_owned),
        comment: row.opt(3, RowRef::text)?.map(str::to_owned),
        updated_at: row.opt(4, RowRef::f64)?,
    })
}

/// A number of rows.
pub(super) fn count(row: RowRef<'_>, column: usize) -> driver_api::Result<u64> {
    Ok(u64::try_from(row.i64(column)?).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_looked_for_from_the_inside_out() {
        assert_eq!(
            enclosing("/srv/a/b").collect::<Vec<_>>(),
            ["/srv/a/b", "/srv/a", "/srv", "/"]
        );
        assert_eq!(enclosing("shop").count(), 0);
    }
}
