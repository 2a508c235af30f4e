//! Copies of the vectors in pgvector's type: made, counted and forgotten.
//!
//! They are made in the order of the vectors' ids, which within a project is that of their commits, so that the greatest one
//! tells how far it is; with a vector its copy goes, too.

use driver_api::{Dialect, RowBlock, RowRef, ValueRef};

use super::super::super::database::CodeDatabase;
use super::super::super::dialect::lock_project;
use super::super::super::error::{Doing, Result};
use super::super::super::projects::any_project;
use super::super::super::schema::NEAR_VECTORS;
use super::super::vectors::read_after;
use super::{MOST_DIMENSIONS, has_table};
use crate::driver::session::Session;
use crate::foundation::vector::{from_bytes, numbers};

/// Vectors that are copied together.
const COPIED_AT_ONCE: u32 = 1_000;

impl CodeDatabase {
    /// How many copies pgvector has of the vectors of a project and model; none where it does not compare them.
    ///
    /// # Errors
    /// The driver's.
    pub fn near_vectors(&self, project_id: &str, model: &str) -> Result<Option<usize>> {
        if self.database.dialect() != Dialect::Postgres {
            return Ok(None);
        }
        let counted = self.database.read(|session| {
            if !has_table(session)? {
                return Ok(None);
            }
            let sql =
                format!("SELECT count(*) FROM {NEAR_VECTORS} WHERE project_id = ? AND model = ?");
            session.query_first(&sql, &[project_id.into(), model.into()], |row| {
                Ok(row.i64(0)?)
            })
        });
        let counted = counted.doing("counting pgvector's copies")?;
        Ok(counted.and_then(|count| usize::try_from(count).ok()))
    }

    /// Copies vectors that pgvector does not have yet, some at a time; returns how many.
    ///
    /// # Errors
    /// The driver's.
    pub fn copy_near_vectors(&self, project_id: &str, model: &str) -> Result<usize> {
        let dialect = self.database.dialect();
        if dialect != Dialect::Postgres {
            return Ok(0);
        }
        let is_done = self
            .database
            .read(|session| Ok(!has_table(session)? || has_all(session, Some(project_id), model)?));
        if is_done.doing("looking for vectors to copy")? {
            return Ok(0);
        }
        self.database
            .transaction(|session| {
                lock_project(session, dialect, project_id)?;
                copy_some(session, dialect, project_id, model)
            })
            .doing("copying vectors for pgvector")
    }

    /// Forgets pgvector's copies of a project's vectors of this model, so that they are copied anew.
    ///
    /// # Errors
    /// The driver's.
    pub fn forget_near_vectors(&self, project_id: &str, model: &str) -> Result<()> {
        let dialect = self.database.dialect();
        if dialect != Dialect::Postgres {
            return Ok(());
        }
        self.database
            .transaction(|session| {
                lock_project(session, dialect, project_id)?;
                if has_table(session)? {
                    let sql =
                        format!("DELETE FROM {NEAR_VECTORS} WHERE project_id = ? AND model = ?");
                    session.execute(&sql, &[project_id.into(), model.into()])?;
                }
                Ok(())
            })
            .doing("forgetting pgvector's copies")
    }
}

/// Forgets the copies of all vectors of a project, whose id is about to be another.
pub(in crate::code_db) fn forget(
    session: &mut Session,
    dialect: Dialect,
    project_id: &str,
) -> driver_api::Result<()> {
    if dialect == Dialect::Postgres && has_table(session)? {
        let sql = format!("DELETE FROM {NEAR_VECTORS} WHERE project_id = ?");
        session.execute(&sql, &[project_id.into()])?;
    }
    Ok(())
}

/// Copies some vectors of a locked project that came after those that were copied; returns how many.
pub(in crate::code_db) fn copy_some(
    session: &mut Session,
    dialect: Dialect,
    project_id: &str,
    model: &str,
) -> driver_api::Result<usize> {
    if dialect != Dialect::Postgres || !has_table(session)? {
        return Ok(0);
    }
    let params = [ValueRef::from(project_id), model.into()];
    let sql =
        format!("SELECT max(vector_id) FROM {NEAR_VECTORS} WHERE project_id = ? AND model = ?");
    let last = session.query_first(&sql, &params, |row| Ok(row.opt(0, RowRef::i64)?))?;
    let last = last.flatten().unwrap_or(0);
    // Whoever deletes them without the lock waits: a copy has to have its vector.
    let read = read_after(
        session,
        project_id,
        model,
        last,
        COPIED_AT_ONCE,
        "FOR KEY SHARE",
    )?;
    let mut rows = RowBlock::new(6);
    for stored in &read {
        let (scale, components) = from_bytes(&stored.vector).unwrap_or_default();
        let numbers: Vec<f32> = numbers(scale, components).collect();
        // What is no vector, or too long for the extension, has a row all the same: that tells how far it is.
        let fits = (1..=MOST_DIMENSIONS).contains(&numbers.len()) && scale.is_finite();
        let text = fits.then(|| written(&numbers));
        rows.push_row([
            stored.id.into(),
            stored.chunk_id.into(),
            project_id.into(),
            model.into(),
            i64::try_from(numbers.len()).unwrap_or(i64::MAX).into(),
            text.as_deref().map_or(ValueRef::Null, ValueRef::Text),
        ]);
    }
    let sql = format!(
        "INSERT INTO {NEAR_VECTORS}(vector_id, chunk_id, project_id, model, dimensions, embedding) \
         VALUES (?, ?, ?, ?, ?, CAST(CAST(? AS text) AS vector))"
    );
    session.execute_many(&sql, &mut rows)?;
    Ok(read.len())
}

/// Whether every vector of the model was copied, of the project or of all.
pub(super) fn has_all(
    session: &mut Session,
    project_id: Option<&str>,
    model: &str,
) -> driver_api::Result<bool> {
    let newest = |table: &str, id: &str| {
        format!(
            "COALESCE((SELECT max({id}) FROM {table} v WHERE v.project_id = p.id AND v.model = ?), 0)"
        )
    };
    let lacks = format!(
        "{} <> {}",
        newest("chunk_vectors", "v.id"),
        newest(NEAR_VECTORS, "v.vector_id")
    );
    let model = ValueRef::from(model);
    Ok(!any_project(session, project_id, &lacks, [model, model])?)
}

/// A vector as pgvector reads it.
pub(super) fn written(numbers: &[f32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(f32::to_string).collect();
    format!("[{}]", numbers.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_pgvector_reads_them() {
        assert_eq!(written(&[0.5, -1.0]), "[0.5,-1]");
    }
}
