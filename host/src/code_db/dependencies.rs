//! Which files depend on which, as it is stored, and what of it has to be made anew.

use std::collections::{BTreeSet, HashMap, HashSet};

use driver_api::{RowBlock, RowRef, ValueRef};

use super::database::CodeDatabase;
use super::dialect::{again_when_beaten, lock_project};
use super::error::{Doing, Result};
use super::graph::{MOST_VALUES, ProjectFile};
use super::scope::{Conditions, placeholders, relative_to};
use crate::driver::session::Session;

/// Its imports differ from those that its dependencies were made of.
pub(super) const IMPORTS_CHANGED: i64 = 1;

/// It was not there, or it was, when dependencies were made: imports of any file may mean something else now.
pub(super) const CAME_OR_WENT: i64 = 2;

/// A file because of which dependencies have to be made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnlinkedFile {
    /// Its id.
    pub id: i64,
    /// Its path below the root of its project.
    pub relative_path: String,
    /// Whether it is marked deleted.
    pub deleted: bool,
    /// Whether it came or went, so that imports of other files may mean something else; its own imports changed
    /// otherwise.
    pub moved: bool,
    /// The hash of what it held.
    pub content_hash: String,
}

impl CodeDatabase {
    /// The files of a project because of which dependencies have to be made anew, by path.
    ///
    /// # Errors
    /// The driver's.
    pub fn unlinked_files(&self, project_id: &str) -> Result<Vec<UnlinkedFile>> {
        let sql = "SELECT f.id, f.path, p.root_path, f.deleted IS TRUE, s.unlinked, s.content_hash FROM file_states s \
                   JOIN files f ON f.id = s.file_id JOIN projects p ON p.id = f.project_id \
                   WHERE s.unlinked IS NOT NULL AND f.project_id = ? ORDER BY f.path";
        let read = |row: RowRef<'_>| {
            Ok(UnlinkedFile {
                id: row.i64(0)?,
                relative_path: relative_to(row.text(2)?, row.text(1)?),
                deleted: row.bool(3)?,
                moved: row.i64(4)? == CAME_OR_WENT,
                content_hash: row.text(5)?.to_owned(),
            })
        };
        self.database
            .read(|session| session.query_all(sql, &[project_id.into()], read))
            .doing("looking for files whose imports changed")
    }

    /// The files of a project with an import that has this in its name or module.
    ///
    /// # Errors
    /// The driver's.
    pub fn files_importing(&self, project_id: &str, part: &str) -> Result<Vec<i64>> {
        // A letter that stands for others in the pattern only finds more.
        let pattern = format!("%{part}%");
        let mut conditions = Conditions::live_files(Some(project_id));
        let both = [ValueRef::from(&pattern), ValueRef::from(&pattern)];
        conditions.and("(i.name LIKE ? OR i.module LIKE ?)", both);
        let sql = format!(
            "SELECT DISTINCT i.file_id FROM imports i JOIN files f ON f.id = i.file_id WHERE {}",
            conditions.sql()
        );
        self.database
            .read(|session| session.query_all(&sql, conditions.params(), |row| Ok(row.i64(0)?)))
            .doing("looking for imports")
    }

    /// Which files of a project depend on which, as pairs of ids, the depending one first.
    ///
    /// # Errors
    /// The driver's.
    pub fn dependencies(&self, project_id: &str) -> Result<Vec<(i64, i64)>> {
        let sql = "SELECT d.source_file_id, d.target_file_id FROM dependencies d \
                   JOIN files f ON f.id = d.source_file_id JOIN files t ON t.id = d.target_file_id \
                   WHERE f.project_id = ? AND f.deleted IS NOT TRUE AND t.deleted IS NOT TRUE ORDER BY 1, 2";
        self.database
            .read(|session| {
                session.query_all(sql, &[project_id.into()], |row| {
                    Ok((row.i64(0)?, row.i64(1)?))
                })
            })
            .doing("reading dependencies")
    }

    /// The files that a file depends on, below the root of their project.
    ///
    /// # Errors
    /// The driver's.
    pub fn dependency_paths(&self, file_id: i64) -> Result<Vec<String>> {
        let sql = "SELECT t.path, p.root_path FROM dependencies d JOIN files t ON t.id = d.target_file_id \
                   JOIN projects p ON p.id = t.project_id \
                   WHERE d.source_file_id = ? AND t.deleted IS NOT TRUE ORDER BY t.path";
        let read = |row: RowRef<'_>| Ok(relative_to(row.text(1)?, row.text(0)?));
        self.database
            .read(|session| session.query_all(sql, &[file_id.into()], read))
            .doing("reading dependencies")
    }

    /// Makes the dependencies of the `sources` the given pairs, touches nothing that is so already, and notes that those
    /// for which this was done are `linked`. Files that somebody stored anew since the sources were read stay as they
    /// are; where there is one nothing is noted, and it is all left to the next run, as a rule of whoever stored it.
    ///
    /// # Errors
    /// The driver's; nothing is changed then.
    pub fn replace_dependencies(
        &self,
        project_id: &str,
        sources: &[&ProjectFile],
        wanted: &BTreeSet<(i64, i64)>,
        linked: &[UnlinkedFile],
    ) -> Result<()> {
        let dialect = self.database.dialect();
        again_when_beaten(dialect, || {
            self.database
                .transaction(|session| {
                    lock_project(session, dialect, project_id)?;
                    let same = unchanged(session, project_id, sources)?;
                    let stored = stored(session, project_id, &same)?;
                    let of_same = |(source, _): &&(i64, i64)| same.contains(source);
                    let mut gone = pairs(stored.difference(wanted));
                    let sql =
                        "DELETE FROM dependencies WHERE source_file_id = ? AND target_file_id = ?";
                    session.execute_many(sql, &mut gone)?;
                    let mut new = RowBlock::new(3);
                    for (source, target) in wanted.difference(&stored).filter(of_same) {
                        new.push_row([(*source).into(), (*target).into(), "import".into()]);
                    }
                    let sql = "INSERT INTO dependencies(source_file_id, target_file_id, dependency_type) \
                               VALUES (?, ?, ?)";
                    session.execute_many(sql, &mut new)?;
                    if same.len() < sources.len() {
                        return Ok(());
                    }
                    let mut done = RowBlock::new(2);
                    for file in linked {
                        done.push_row([file.id.into(), (&file.content_hash).into()]);
                    }
                    // What was written meanwhile has another hash.
                    let sql = "UPDATE file_states SET unlinked = NULL WHERE file_id = ? AND content_hash = ?";
                    session.execute_many(sql, &mut done).map(drop)
                })
                .doing("storing dependencies")
        })
    }
}

/// More files than this are looked for by their project and not by their ids.
const MANY: usize = 2_000;

/// Those of the files that nobody stored anew since they were read.
fn unchanged(
    session: &mut Session,
    project_id: &str,
    sources: &[&ProjectFile],
) -> driver_api::Result<HashSet<i64>> {
    let ids: Vec<i64> = sources.iter().map(|file| file.id).collect();
    let read = |row: RowRef<'_>| Ok((row.i64(0)?, row.opt(1, RowRef::f64)?));
    let sql = "SELECT id, updated_at FROM files";
    let now = by_file(session, sql, ["project_id", "id"], project_id, &ids, read)?;
    let now: HashMap<i64, Option<f64>> = now.into_iter().collect();
    let same = sources
        .iter()
        .filter(|file| now.get(&file.id) == Some(&file.stored_at));
    Ok(same.map(|file| file.id).collect())
}

/// The dependencies of these files.
fn stored(
    session: &mut Session,
    project_id: &str,
    sources: &HashSet<i64>,
) -> driver_api::Result<BTreeSet<(i64, i64)>> {
    let ids: Vec<i64> = sources.iter().copied().collect();
    let read = |row: RowRef<'_>| Ok((row.i64(0)?, row.i64(1)?));
    let sql = "SELECT d.source_file_id, d.target_file_id FROM dependencies d JOIN files f ON f.id = d.source_file_id";
    let columns = ["f.project_id", "d.source_file_id"];
    let found = by_file(session, sql, columns, project_id, &ids, read)?;
    let of_them = found
        .into_iter()
        .filter(|(source, _)| sources.contains(source));
    Ok(of_them.collect())
}

/// The rows of these files, and where they are many those of other files of the project, too. `columns` hold the
/// project and the file.
fn by_file<T>(
    session: &mut Session,
    select: &str,
    columns: [&str; 2],
    project_id: &str,
    ids: &[i64],
    read: impl Fn(RowRef<'_>) -> driver_api::Result<T>,
) -> driver_api::Result<Vec<T>> {
    let [project, file] = columns;
    if ids.len() > MANY {
        let sql = format!("{select} WHERE {project} = ?");
        return session.query_all(&sql, &[project_id.into()], read);
    }
    let mut found = Vec::new();
    for some in ids.chunks(MOST_VALUES) {
        let sql = format!("{select} WHERE {file} IN ({})", placeholders(some.len()));
        let params: Vec<ValueRef<'_>> = some.iter().map(|id| (*id).into()).collect();
        found.extend(session.query_all(&sql, &params, &read)?);
    }
    Ok(found)
}

fn pairs<'a>(ids: impl Iterator<Item = &'a (i64, i64)>) -> RowBlock {
    let mut rows = RowBlock::new(2);
    for (source, target) in ids {
        rows.push_row([(*source).into(), (*target).into()]);
    }
    rows
}
