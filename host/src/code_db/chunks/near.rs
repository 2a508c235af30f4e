//! The nearest vectors as PostgreSQL finds them itself, where the extension pgvector is installed.
//!
//! The table `near_vectors` repeats the vectors in the extension's type. They are copied in the order of their ids,
//! which within a project is that of their commits, so that the greatest one tells how far it is; with a vector its
//! copy goes, too. Each model whose vectors are many has an index (HNSW) over its own.

use driver_api::{Dialect, RowBlock, RowRef, ValueRef};

use super::super::database::CodeDatabase;
use super::super::dialect::lock_project;
use super::super::error::{Doing, Result};
use super::super::schema::NEAR_VECTORS;
use super::vectors::read_after;
use crate::driver::session::Session;
use crate::foundation::vector::from_bytes;

/// Vectors that are copied together.
const COPIED_AT_ONCE: u32 = 1_000;

/// Vectors of a model from which on they have an index; fewer are compared faster than they are told apart.
const INDEXED_FROM: i64 = 10_000;

/// Most dimensions of an index; pgvector's own limit for the type `vector`.
const MOST_INDEXED: usize = 2_000;

/// Most dimensions of a vector; pgvector's own limit.
const MOST_DIMENSIONS: usize = 16_000;

/// Candidates that are kept while a vector is added to an index. More find more, and take longer.
const CANDIDATES: u32 = 128;

/// Vectors up to which all are compared where no index is there; the host's own memory is better with more.
const COMPARED_UP_TO: i64 = 200_000;

/// What the names of the indexes begin with.
const INDEX_PREFIX: &str = "near_vectors_hnsw_";

/// Held by the host that makes an index; the number is of our choice.
const INDEX_LOCK: i64 = 7_079_345_519_246_181;

/// A chunk whose vector is near.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearChunk {
    /// Its id.
    pub chunk_id: i64,
    /// Between -1 and 1: the greater the nearer.
    pub cosine: f32,
}

impl CodeDatabase {
    /// The chunks whose vectors are nearest to this one, nearest first; none where the database cannot tell, or not
    /// of all vectors of this model in the project, or in all.
    ///
    /// # Errors
    /// The driver's.
    pub fn nearest_chunks(
        &self,
        project_id: Option<&str>,
        model: &str,
        vector: &[f32],
        most: usize,
    ) -> Result<Option<Vec<NearChunk>>> {
        let dialect = self.database.dialect();
        if dialect != Dialect::Postgres || !(1..=MOST_DIMENSIONS).contains(&vector.len()) {
            return Ok(None);
        }
        let text = written(vector.iter().copied());
        self.database
            .snapshot(|session| {
                if !has_table(session, dialect)?
                    || !has_all(session, project_id, model)?
                    || !is_quick(session, model)?
                {
                    return Ok(None);
                }
                nearest(session, project_id, model, vector.len(), &text, most).map(Some)
            })
            .doing("looking for the nearest vectors")
    }

    /// How many copies pgvector has of the vectors of a project and model; none where it does not compare them.
    ///
    /// # Errors
    /// The driver's.
    pub fn near_vectors(&self, project_id: &str, model: &str) -> Result<Option<usize>> {
        let dialect = self.database.dialect();
        let counted = self.database.read(|session| {
            if !has_table(session, dialect)? {
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
        let is_done = self.database.read(|session| {
            Ok(!has_table(session, dialect)? || has_all(session, Some(project_id), model)?)
        });
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
                if has_table(session, dialect)? {
                    let sql =
                        format!("DELETE FROM {NEAR_VECTORS} WHERE project_id = ? AND model = ?");
                    session.execute(&sql, &[project_id.into(), model.into()])?;
                }
                Ok(())
            })
            .doing("forgetting pgvector's copies")
    }

    /// Sees to it that the vectors of this model have their index where they are many; `anew` makes it even where it is
    /// there. Others read and write meanwhile. Nothing is done where another host is at it.
    ///
    /// # Errors
    /// The driver's: the role has to own the table, and no transaction may be so old that the wait for its end takes longer
    /// than the driver's `lock_timeout_ms`.
    pub fn index_near_vectors(&self, model: &str, anew: bool) -> Result<()> {
        let dialect = self.database.dialect();
        if dialect != Dialect::Postgres {
            return Ok(());
        }
        self.database
            .once(|session| {
                if !has_table(session, dialect)? {
                    return Ok(());
                }
                let lock = [ValueRef::from(INDEX_LOCK)];
                let sql = "SELECT CASE WHEN pg_try_advisory_lock(?) THEN 1 ELSE 0 END";
                let is_held = session.query_first(sql, &lock, |row| Ok(row.i64(0)?))?;
                if is_held != Some(1) {
                    return Ok(());
                }
                let made = index(session, model, anew);
                // It belongs to the connection, which goes on to be used.
                let released =
                    session.query_first("SELECT pg_advisory_unlock(?)", &lock, |_| Ok(()));
                made.and(released.map(drop))
            })
            .doing("making pgvector's index")
    }
}

/// Forgets the copies of all vectors of a project, whose id is about to be another.
pub(in crate::code_db) fn forget(
    session: &mut Session,
    dialect: Dialect,
    project_id: &str,
) -> driver_api::Result<()> {
    if has_table(session, dialect)? {
        let sql = format!("DELETE FROM {NEAR_VECTORS} WHERE project_id = ?");
        session.execute(&sql, &[project_id.into()])?;
    }
    Ok(())
}

/// Copies some vectors of a locked project that came after those that were copied; returns how many.
pub(super) fn copy_some(
    session: &mut Session,
    dialect: Dialect,
    project_id: &str,
    model: &str,
) -> driver_api::Result<usize> {
    if !has_table(session, dialect)? {
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
        let components: Vec<f32> = components
            .iter()
            .map(|byte| f32::from(byte.cast_signed()) * scale)
            .collect();
        // What is no vector, or too long for the extension, has a row all the same: that tells how far it is.
        let fits = (1..=MOST_DIMENSIONS).contains(&components.len()) && scale.is_finite();
        let text = fits.then(|| written(components.iter().copied()));
        rows.push_row([
            stored.id.into(),
            stored.chunk_id.into(),
            project_id.into(),
            model.into(),
            i64::try_from(components.len()).unwrap_or(i64::MAX).into(),
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

/// Whether the extension was installed when the schema was last looked at, and is of use: its removal takes the column, its
/// names are looked for in some schemas only, and the table may be another role's.
fn has_table(session: &mut Session, dialect: Dialect) -> driver_api::Result<bool> {
    if dialect != Dialect::Postgres {
        return Ok(false);
    }
    let sql = format!(
        "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('{NEAR_VECTORS}') AND attname = 'embedding' \
         AND NOT attisdropped AND to_regtype('vector') IS NOT NULL \
         AND has_table_privilege(attrelid, 'SELECT') AND has_table_privilege(attrelid, 'INSERT') \
         AND has_table_privilege(attrelid, 'DELETE')"
    );
    Ok(session.query_first(&sql, &[], |_| Ok(()))?.is_some())
}

/// Whether the vectors of the model have an index, or are few enough without.
fn is_quick(session: &mut Session, model: &str) -> driver_api::Result<bool> {
    let sql = format!(
        "SELECT 1 FROM pg_class t WHERE t.oid = to_regclass('{NEAR_VECTORS}') AND (t.reltuples <= ? OR EXISTS \
         (SELECT 1 FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid \
         WHERE x.indrelid = t.oid AND x.indisvalid AND c.relname = ?))"
    );
    let name = index_name(model);
    #[allow(
        clippy::cast_precision_loss,
        reason = "the engine's own count is about right"
    )]
    let params = [ValueRef::from(COMPARED_UP_TO as f64), name.as_str().into()];
    Ok(session.query_first(&sql, &params, |_| Ok(()))?.is_some())
}

/// Whether every vector of the model was copied, of the project or of all.
fn has_all(
    session: &mut Session,
    project_id: Option<&str>,
    model: &str,
) -> driver_api::Result<bool> {
    let newest = |table: &str, id: &str| {
        format!(
            "COALESCE((SELECT max({id}) FROM {table} v WHERE v.project_id = p.id AND v.model = ?), 0)"
        )
    };
    let mut sql = format!(
        "SELECT p.id FROM projects p WHERE {} <> {}",
        newest("chunk_vectors", "v.id"),
        newest(NEAR_VECTORS, "v.vector_id"),
    );
    let mut params = vec![ValueRef::from(model), model.into()];
    if let Some(id) = project_id {
        sql.push_str(" AND p.id = ?");
        params.push(id.into());
    }
    sql.push_str(" LIMIT 1");
    Ok(session.query_first(&sql, &params, |_| Ok(()))?.is_none())
}

fn nearest(
    session: &mut Session,
    project_id: Option<&str>,
    model: &str,
    dimensions: usize,
    text: &str,
    most: usize,
) -> driver_api::Result<Vec<NearChunk>> {
    // So that an index gives as many as are wanted even where most of its nearest are of other projects.
    for setting in [
        "hnsw.iterative_scan = strict_order",
        "hnsw.max_scan_tuples = 2147483647",
        "hnsw.scan_mem_multiplier = 100",
    ] {
        session.execute(&format!("SET LOCAL {setting}"), &[])?;
    }
    let candidates = most.clamp(40, 1_000);
    session.execute(&format!("SET LOCAL hnsw.ef_search = {candidates}"), &[])?;
    let distance = format!(
        "embedding::vector({dimensions}) <#> CAST(CAST(? AS text) AS vector({dimensions}))"
    );
    let of_project = match project_id {
        Some(_) => "AND project_id = ? ",
        None => "",
    };
    let sql = format!(
        "SELECT chunk_id, CAST({distance} AS double precision) FROM {NEAR_VECTORS} \
         WHERE {} {of_project}ORDER BY {distance} LIMIT ?",
        of_model(model, dimensions)
    );
    let mut params = vec![ValueRef::Text(text)];
    params.extend(project_id.map(ValueRef::from));
    params.extend([
        ValueRef::Text(text),
        i64::try_from(most).unwrap_or(i64::MAX).into(),
    ]);
    session.query_all(&sql, &params, |row| {
        // Vectors are one long, so that the product is their cosine; the extension gives it with the other sign.
        #[allow(clippy::cast_possible_truncation, reason = "between -1 and 1")]
        let distance = row.f64(1)? as f32;
        Ok(NearChunk {
            chunk_id: row.i64(0)?,
            cosine: -distance,
        })
    })
}

fn index(session: &mut Session, model: &str, anew: bool) -> driver_api::Result<()> {
    let name = index_name(model);
    let sql = format!(
        "SELECT c.relname::text, CASE WHEN x.indisvalid THEN 1 ELSE 0 END FROM pg_index x \
         JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indrelid = to_regclass('{NEAR_VECTORS}') \
         AND left(c.relname, {}) = '{INDEX_PREFIX}'",
        INDEX_PREFIX.len()
    );
    let found = session.query_all(&sql, &[], |row| {
        Ok((row.text(0)?.to_owned(), row.i64(1)? == 1))
    })?;
    let is_there = |(found, is_valid): &(String, bool)| *found == name && *is_valid;
    if found.iter().any(is_there) && !anew {
        return Ok(());
    }
    // Counted no further than is needed.
    let sql = format!(
        "SELECT max(dimensions), count(*) FROM (SELECT dimensions FROM {NEAR_VECTORS} \
         WHERE model = ? AND dimensions > 0 LIMIT {INDEXED_FROM}) AS counted"
    );
    let counted = session.query_first(&sql, &[model.into()], |row| {
        Ok((row.opt(0, RowRef::i64)?, row.i64(1)?))
    })?;
    let (dimensions, count) = counted.unwrap_or_default();
    let sql = format!("SELECT 1 FROM {NEAR_VECTORS} WHERE model <> ? LIMIT 1");
    for (other, _) in found {
        // One of this name is old, or was interrupted. Those of other models go when no vector needs them.
        let is_needed = other != name
            && session
                .query_first(&sql, &[model.into()], |_| Ok(()))?
                .is_some();
        if !is_needed {
            session.execute(
                &format!("DROP INDEX CONCURRENTLY IF EXISTS \"{other}\""),
                &[],
            )?;
        }
    }
    let dimensions = dimensions.and_then(|dimensions| usize::try_from(dimensions).ok());
    match dimensions.filter(|dimensions| count >= INDEXED_FROM && *dimensions <= MOST_INDEXED) {
        None => Ok(()),
        Some(dimensions) => {
            let create = format!(
                "CREATE INDEX CONCURRENTLY \"{name}\" ON {NEAR_VECTORS} \
                 USING hnsw ((embedding::vector({dimensions})) vector_ip_ops) \
                 WITH (ef_construction = {CANDIDATES}) WHERE {}",
                of_model(model, dimensions)
            );
            session.execute(&create, &[]).map(drop)
        }
    }
}

/// The condition of an index, which a query has to repeat with the values in its text.
fn of_model(model: &str, dimensions: usize) -> String {
    let model = model.replace('\'', "''");
    format!("model = '{model}' AND dimensions = {dimensions}")
}

/// All vectors of a model are of one length.
fn index_name(model: &str) -> String {
    let hash = blake3::hash(model.as_bytes());
    format!("{INDEX_PREFIX}{}", &hash.to_hex()[..16])
}

/// A vector as pgvector reads it.
fn written(components: impl Iterator<Item = f32>) -> String {
    let numbers: Vec<String> = components.map(|x| x.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_is_called_cannot_end_the_text_that_it_stands_in() {
        let condition = of_model("it's", 3);
        assert_eq!(condition, "model = 'it''s' AND dimensions = 3");
        assert_eq!(written([0.5, -1.0].into_iter()), "[0.5,-1]");
        let names = ["a", "b"].map(index_name);
        assert_eq!(names[0].len(), INDEX_PREFIX.len() + 16);
        assert_ne!(names[0], names[1]);
    }
}
