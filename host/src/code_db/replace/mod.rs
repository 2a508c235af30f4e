//! Replaces everything that is stored of files, many in one transaction, and keeps the ids that others refer to.
//!
//! A file keeps its id, and a class, function or method keeps its id as long as one of that name stays in its
//! file (the first of a name stays the first, and so on). So `dependencies`, chunks, vectors and issues that
//! refer to them survive. Rows of the file alone (imports, usages, text) are written anew.
//!
//! Statements run over the whole group of files: a step costs one call, however many files there are.

mod batch;
mod ids;
mod plan;
mod previous;
mod write;

use driver_api::{Dialect, RowBlock};

use super::database::CodeDatabase;
use super::dialect::{again_when_beaten, lock_project};
use super::error::{Doing, Result};
use super::full_text;
use super::records::{Destination, FileRecord};
use crate::driver::session::Session;
use ids::NextIds;
use plan::Plan;
use previous::Previous;

impl CodeDatabase {
    /// Stores these files in one transaction, in place of what was stored of them; marks of deletion go.
    ///
    /// The rows of one call are sent in batches of a few megabytes, but are one transaction: a caller with many
    /// files makes several calls. Paths must differ from each other.
    ///
    /// # Errors
    /// The driver's; nothing is changed then.
    pub fn replace_files(&self, destination: &Destination, files: &[FileRecord]) -> Result<()> {
        let dialect = self.database.dialect();
        again_when_beaten(dialect, || {
            let reserved = ids::reserve(&self.database, files).doing("reserving ids")?;
            self.database
                .transaction(|session| {
                    replace(session, dialect, destination, files, reserved.as_ref())
                })
                .doing("storing files")
        })
    }
}

fn replace(
    session: &mut Session,
    dialect: Dialect,
    destination: &Destination,
    files: &[FileRecord],
    reserved: Option<&NextIds>,
) -> driver_api::Result<()> {
    lock_project(session, dialect, &destination.project_id)?;
    let previous = Previous::read(session, destination, files)?;
    let mut ids = match reserved {
        Some(reserved) => reserved.clone(),
        None => NextIds::read(session, dialect)?,
    };
    let plan = Plan::new(files, previous, &mut ids);
    clear(session, dialect, &plan)?;
    let first_text = ids.text.next();
    write::files(session, dialect, destination, files, &plan)?;
    write::states(session, files, &plan)?;
    write::classes(session, files, &plan)?;
    write::methods(session, files, &plan)?;
    write::functions(session, files, &plan)?;
    write::imports(session, files, &plan)?;
    write::usages(session, files, &plan)?;
    write::texts(session, dialect, files, &plan, &mut ids)?;
    full_text::add(session, dialect, first_text, ids.text.next() - 1)
}

/// Takes away what is written anew, and the entities that are gone.
fn clear(session: &mut Session, dialect: Dialect, plan: &Plan) -> driver_api::Result<()> {
    let mut known = one_column(&plan.known_files);
    full_text::remove_files(session, dialect, &mut known)?;
    for sql in [
        "DELETE FROM code_content WHERE file_id = ?",
        "DELETE FROM imports WHERE file_id = ?",
        "DELETE FROM usages WHERE file_id = ?",
        "DELETE FROM file_states WHERE file_id = ?",
    ] {
        session.execute_many(sql, &mut known)?;
    }
    session.execute_many(
        "DELETE FROM methods WHERE id = ?",
        &mut one_column(&plan.gone_methods),
    )?;
    session.execute_many(
        "DELETE FROM functions WHERE id = ?",
        &mut one_column(&plan.gone_functions),
    )?;
    session.execute_many(
        "DELETE FROM classes WHERE id = ?",
        &mut one_column(&plan.gone_classes),
    )?;
    // Name and line are unique in a file, and entities of one name may move to each other's lines: all of them
    // leave their lines before any takes a new one.
    for sql in [
        "UPDATE methods SET line = -line WHERE class_id IN (SELECT id FROM classes WHERE file_id = ?)",
        "UPDATE functions SET line = -line WHERE file_id = ?",
        "UPDATE classes SET line = -line WHERE file_id = ?",
    ] {
        session.execute_many(sql, &mut known)?;
    }
    Ok(())
}

fn one_column(ids: &[i64]) -> RowBlock {
    let mut rows = RowBlock::new(1);
    for id in ids {
        rows.push_row([(*id).into()]);
    }
    rows
}
