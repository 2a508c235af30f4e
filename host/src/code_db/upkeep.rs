//! What keeps a database tidy: files that were deleted are erased, versions of one file become one, a project gets
//! another id.

use driver_api::{RowBlock, RowRef, ValueRef};

use super::chunks::near::copies;
use super::database::CodeDatabase;
use super::dialect::lock_project;
use super::error::{CodeDbError, Doing, Result};
use super::full_text;
use super::registration::{hand_over, julian_now};
use crate::driver::session::Session;

/// A file that is marked deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct DeletedFile {
    /// Its id.
    pub id: i64,
    /// Its absolute path.
    pub path: String,
    /// Where it was before it was moved away, as the older program did.
    pub original_path: Option<String>,
    /// Where it was moved to.
    pub version_dir: Option<String>,
    /// Its size when it was indexed.
    pub size: Option<u64>,
}

/// A path that several rows stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The path.
    pub path: String,
    /// The ids of its rows, the latest first.
    pub ids: Vec<i64>,
}

const DELETED: &str = "SELECT f.id, f.path, f.original_path, f.version_dir, s.size FROM files f \
     LEFT JOIN file_states s ON s.file_id = f.id WHERE f.deleted IS TRUE";

impl CodeDatabase {
    /// The files of a project, or of all, that are marked deleted, for at least so many days.
    ///
    /// # Errors
    /// The driver's.
    pub fn deleted_files(&self, project_id: Option<&str>, days: u32) -> Result<Vec<DeletedFile>> {
        let before = julian_now() - f64::from(days);
        let (sql, params) = match project_id {
            None => (
                format!("{DELETED} AND COALESCE(f.updated_at, 0) <= ? ORDER BY f.path"),
                vec![ValueRef::F64(before)],
            ),
            Some(id) => (
                format!(
                    "{DELETED} AND COALESCE(f.updated_at, 0) <= ? AND f.project_id = ? ORDER BY f.path"
                ),
                vec![ValueRef::F64(before), id.into()],
            ),
        };
        self.database
            .read(|session| session.query_all(&sql, &params, read_deleted))
            .doing("listing deleted files")
    }

    /// The file of a project with this path, now or before it was moved away, where it is marked deleted.
    ///
    /// # Errors
    /// The driver's.
    pub fn deleted_file(&self, project_id: &str, path: &str) -> Result<Option<DeletedFile>> {
        let sql = format!(
            "{DELETED} AND f.project_id = ? AND (f.path = ? OR f.original_path = ?) ORDER BY f.id DESC"
        );
        let params = [project_id.into(), path.into(), path.into()];
        self.database
            .read(|session| session.query_first(&sql, &params, read_deleted))
            .doing("looking for a deleted file")
    }

    /// Takes the mark from a file; it has its original path again, if it was moved away.
    ///
    /// # Errors
    /// The driver's.
    pub fn unmark_deleted(&self, id: i64) -> Result<()> {
        let sql = "UPDATE files SET deleted = ?, path = COALESCE(original_path, path), original_path = NULL, \
                   version_dir = NULL, updated_at = ? WHERE id = ?";
        let params = [false.into(), julian_now().into(), id.into()];
        self.database
            .transaction(|session| session.execute(sql, &params).map(drop))
            .doing("taking the mark from a file")
    }

    /// Erases files with everything that they hold, in one transaction. Nothing on disk is touched.
    ///
    /// # Errors
    /// The driver's; nothing is erased then.
    pub fn erase_files(&self, ids: &[i64]) -> Result<u64> {
        if ids.is_empty() {
            return Ok(0);
        }
        let dialect = self.database.dialect();
        let mut rows = RowBlock::new(1);
        for id in ids {
            rows.push_row([(*id).into()]);
        }
        let erased = self.database.transaction(|session| {
            full_text::remove_files(session, dialect, &mut rows)?;
            let erased = session.execute_many("DELETE FROM files WHERE id = ?", &mut rows)?;
            Ok(erased.rows_affected)
        });
        erased.doing("erasing files")
    }

    /// Paths of a project that several rows stand for: in several datasets, or because one was moved away.
    ///
    /// # Errors
    /// The driver's.
    pub fn versions(&self, project_id: &str) -> Result<Vec<Versions>> {
        let sql = "SELECT f.path, f.id FROM files f JOIN (SELECT path FROM files WHERE project_id = ? \
                   GROUP BY path HAVING count(*) > 1) v ON v.path = f.path WHERE f.project_id = ? \
                   ORDER BY f.path, COALESCE(f.last_modified, 0) DESC, f.id DESC";
        let params = [project_id.into(), project_id.into()];
        let rows = self.database.read(|session| {
            session.query_all(sql, &params, |row| {
                Ok((row.text(0)?.to_owned(), row.i64(1)?))
            })
        });
        let mut versions: Vec<Versions> = Vec::new();
        for (path, id) in rows.doing("looking for versions of files")? {
            match versions.last_mut().filter(|last| last.path == path) {
                Some(last) => last.ids.push(id),
                None => versions.push(Versions {
                    path,
                    ids: vec![id],
                }),
            }
        }
        Ok(versions)
    }

    /// Absolute paths of live files of a project that are without a row of their own text, or that of something that
    /// they define; at most so many.
    ///
    /// Files that only the older program indexed are left out: they are indexed anew as soon as they are looked at.
    ///
    /// # Errors
    /// The driver's.
    pub fn files_without_text(&self, project_id: &str, most: u32) -> Result<Vec<String>> {
        let lacks = |kind: &str, id: &str| {
            format!(
                "NOT EXISTS (SELECT 1 FROM code_content t WHERE t.entity_type = '{kind}' AND t.entity_id = {id})"
            )
        };
        let sql = format!(
            "SELECT f.path FROM files f JOIN file_states s ON s.file_id = f.id \
             WHERE f.project_id = ? AND f.deleted IS NOT TRUE AND ({} \
             OR EXISTS (SELECT 1 FROM classes c WHERE c.file_id = f.id AND {}) \
             OR EXISTS (SELECT 1 FROM functions g WHERE g.file_id = f.id AND {}) \
             OR EXISTS (SELECT 1 FROM methods m JOIN classes c ON c.id = m.class_id \
             WHERE c.file_id = f.id AND {})) ORDER BY f.id LIMIT ?",
            lacks("file", "f.id"),
            lacks("class", "c.id"),
            lacks("function", "g.id"),
            lacks("method", "m.id"),
        );
        let params = [project_id.into(), most.into()];
        self.database
            .read(|session| session.query_all(&sql, &params, |row| Ok(row.text(0)?.to_owned())))
            .doing("looking for files without text")
    }

    /// Gives a project another id; everything below goes with it.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`], [`CodeDbError::Invalid`] when another project has that id, and the driver's; nothing
    /// is changed then.
    pub fn change_project_id(&self, old: &str, new: &str) -> Result<()> {
        let project = self.project(old)?;
        if self.project_by_id(new)?.is_some() {
            return Err(CodeDbError::Invalid {
                what: "project id",
                value: new.to_owned(),
                reason: "another project has it".to_owned(),
            });
        }
        let dialect = self.database.dialect();
        self.database
            .transaction(|session| {
                lock_project(session, dialect, old)?;
                copies::forget(session, dialect, old)?;
                rename(session, old, new, &project.root_path)
            })
            .doing("changing the id of a project")
    }
}

/// Roots are unique, so that the old row gives its own up first, for what no absolute path is.
fn rename(session: &mut Session, old: &str, new: &str, root: &str) -> driver_api::Result<()> {
    let parked = format!("{old}:{root}");
    session.execute(
        "UPDATE projects SET root_path = ? WHERE id = ?",
        &[(&parked).into(), old.into()],
    )?;
    session.execute(
        "INSERT INTO projects(id, root_path, name, comment, created_at, updated_at) \
         SELECT ?, ?, name, comment, created_at, ? FROM projects WHERE id = ?",
        &[new.into(), root.into(), julian_now().into(), old.into()],
    )?;
    hand_over(session, old, new)
}

fn read_deleted(row: RowRef<'_>) -> driver_api::Result<DeletedFile> {
    let text = |at| Ok::<_, driver_api::DriverError>(row.opt(at, RowRef::text)?.map(str::to_owned));
    Ok(DeletedFile {
        id: row.i64(0)?,
        path: row.text(1)?.to_owned(),
        original_path: text(2)?,
        version_dir: text(3)?,
        size: row
            .opt(4, RowRef::i64)?
            .and_then(|size| u64::try_from(size).ok()),
    })
}
