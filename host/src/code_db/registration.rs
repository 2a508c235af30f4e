//! Makes the rows of a project and its dataset what the tree on disk says, whatever they were before.

use std::time::{SystemTime, UNIX_EPOCH};

use driver_api::{Dialect, RowRef, ValueRef};

use super::chunks::near::copies;
use super::database::CodeDatabase;
use super::dialect::again_when_beaten;
use super::error::{Doing, Result};
use super::records::Destination;
use super::schema;
use crate::driver::session::Session;
use crate::foundation::ids::dataset_id;

/// A project as the tree on disk has it.
#[derive(Clone, Copy, Debug)]
pub struct ProjectIdentity<'a> {
    /// Its id.
    pub id: &'a str,
    /// Absolute path of its root.
    pub root_path: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl CodeDatabase {
    /// Makes sure that the project is known with this id at this root, and says where its files are stored.
    /// Nothing is written when that is so already.
    ///
    /// A project of this id at another root has moved: its files keep their ids under the new root. A project
    /// of another id at this root has got a new id: everything below goes with it.
    ///
    /// # Errors
    /// The driver's; nothing is changed then.
    pub fn register_project(&self, project: ProjectIdentity<'_>) -> Result<Destination> {
        let dialect = self.database.dialect();
        again_when_beaten(dialect, || {
            let known = self.database.read(|session| destination(session, project));
            if let Some(known) = known.doing("looking for a project")? {
                return Ok(known);
            }
            self.database
                .transaction(|session| register(session, dialect, project))
                .doing("registering a project")
        })
    }
}

/// Where the files of a project are stored, if it is known just so.
fn destination(
    session: &mut Session,
    project: ProjectIdentity<'_>,
) -> driver_api::Result<Option<Destination>> {
    let sql = "SELECT d.id FROM projects p JOIN datasets d ON d.project_id = p.id AND d.root_path = p.root_path \
               WHERE p.id = ? AND p.root_path = ?";
    let dataset =
        session.query_first(sql, &[project.id.into(), project.root_path.into()], |row| {
            Ok(row.text(0)?.to_owned())
        })?;
    Ok(dataset.map(|dataset_id| Destination {
        project_id: project.id.to_owned(),
        dataset_id,
    }))
}

fn register(
    session: &mut Session,
    dialect: Dialect,
    project: ProjectIdentity<'_>,
) -> driver_api::Result<Destination> {
    let other = other_project_at(session, project)?;
    if let Some(other) = &other {
        // Roots are unique, so that of the other project gives way first, to what no absolute path is.
        let parked = format!("{other}:{}", project.root_path);
        session.execute(
            "UPDATE projects SET root_path = ? WHERE id = ?",
            &[(&parked).into(), other.into()],
        )?;
    }
    match root_of(session, project.id)? {
        None => insert_project(session, project)?,
        Some(root) if root != project.root_path => move_project(session, project, &root)?,
        Some(_) => {}
    }
    if let Some(other) = &other {
        copies::forget(session, dialect, other)?;
        copies::forget(session, dialect, project.id)?;
        hand_over(session, other, project.id)?;
    }
    ensure_dataset(session, project)
}

fn other_project_at(
    session: &mut Session,
    project: ProjectIdentity<'_>,
) -> driver_api::Result<Option<String>> {
    let sql = "SELECT id FROM projects WHERE root_path = ? AND id <> ?";
    session.query_first(sql, &[project.root_path.into(), project.id.into()], |row| {
        Ok(row.text(0)?.to_owned())
    })
}

fn root_of(session: &mut Session, id: &str) -> driver_api::Result<Option<String>> {
    let sql = "SELECT root_path FROM projects WHERE id = ?";
    session.query_first(sql, &[id.into()], |row| Ok(row.text(0)?.to_owned()))
}

fn insert_project(session: &mut Session, project: ProjectIdentity<'_>) -> driver_api::Result<()> {
    session.execute(
        "INSERT INTO projects(id, root_path, name) VALUES (?, ?, ?)",
        &[
            project.id.into(),
            project.root_path.into(),
            project.name.into(),
        ],
    )?;
    Ok(())
}

/// The project was moved on disk from `old_root`: its paths follow, its ids stay.
fn move_project(
    session: &mut Session,
    project: ProjectIdentity<'_>,
    old_root: &str,
) -> driver_api::Result<()> {
    let id = ValueRef::from(project.id);
    session.execute(
        "UPDATE projects SET root_path = ?, updated_at = ? WHERE id = ?",
        &[project.root_path.into(), julian_now().into(), id],
    )?;
    session.execute(
        "UPDATE datasets SET root_path = ? WHERE project_id = ? AND root_path = ?",
        &[project.root_path.into(), id, old_root.into()],
    )?;
    let paths = session.query_all(
        "SELECT id, path FROM files WHERE project_id = ?",
        &[id],
        |row: RowRef<'_>| Ok((row.i64(0)?, row.text(1)?.to_owned())),
    )?;
    let mut moved = driver_api::RowBlock::new(2);
    for (file_id, path) in &paths {
        if let Some(rest) = path
            .strip_prefix(old_root)
            .filter(|rest| rest.starts_with('/'))
        {
            let path = format!("{}{rest}", project.root_path);
            moved.push_row([(&path).into(), (*file_id).into()]);
        }
    }
    session.execute_many("UPDATE files SET path = ? WHERE id = ?", &mut moved)?;
    Ok(())
}

/// Gives everything below project `from` to project `to`, and deletes `from`.
pub(super) fn hand_over(session: &mut Session, from: &str, to: &str) -> driver_api::Result<()> {
    for table in schema::tables() {
        for owner in table
            .owners
            .iter()
            .filter(|owner| owner.table == "projects")
        {
            let sql = format!(
                "UPDATE {} SET {} = ? WHERE {} = ?",
                table.name, owner.column, owner.column
            );
            session.execute(&sql, &[to.into(), from.into()])?;
        }
    }
    session.execute("DELETE FROM projects WHERE id = ?", &[from.into()])?;
    Ok(())
}

fn ensure_dataset(
    session: &mut Session,
    project: ProjectIdentity<'_>,
) -> driver_api::Result<Destination> {
    if let Some(known) = destination(session, project)? {
        return Ok(known);
    }
    let dataset_id = dataset_id(project.id, std::path::Path::new(project.root_path));
    session.execute(
        "INSERT INTO datasets(id, project_id, root_path, name) VALUES (?, ?, ?, ?)",
        &[
            (&dataset_id).into(),
            project.id.into(),
            project.root_path.into(),
            project.name.into(),
        ],
    )?;
    Ok(Destination {
        project_id: project.id.to_owned(),
        dataset_id,
    })
}

/// The present as a Julian day, as the tables keep time. 2440587.5 is that of 1970-01-01 00:00 UTC.
pub(super) fn julian_now() -> f64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since_epoch.as_secs_f64() / 86_400.0 + 2_440_587.5
}
