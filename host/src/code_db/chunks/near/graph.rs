//! The index that pgvector has over the vectors of a model: a graph that leads to most of the nearest.

use driver_api::{Dialect, RowRef, ValueRef};

use super::super::super::database::CodeDatabase;
use super::super::super::error::{Doing, Result};
use super::super::super::schema::NEAR_VECTORS;
use super::has_table;
use crate::driver::session::Session;

/// Vectors of a model from which on they have an index; fewer are compared faster than they are told apart.
const INDEXED_FROM: i64 = 10_000;

/// Most dimensions of an index; pgvector's own limit for the type `vector`.
const MOST_INDEXED: usize = 2_000;

/// Candidates that are kept while a vector is added to an index. More find more, and take longer.
const CANDIDATES: u32 = 128;

/// What the names of the indexes begin with.
const INDEX_PREFIX: &str = "near_vectors_hnsw_";

/// Held by the host that makes an index; the number is of our choice.
const INDEX_LOCK: i64 = 7_079_345_519_246_181;

impl CodeDatabase {
    /// Sees to it that the vectors of this model have their index where they are many; `anew` makes it even where it is
    /// there. Others read and write meanwhile. Nothing is done where another host is at it.
    ///
    /// # Errors
    /// The driver's: the role has to own the table, and no transaction may be so old that the wait for its end takes longer
    /// than the driver's `lock_timeout_ms`.
    pub fn index_near_vectors(&self, model: &str, anew: bool) -> Result<()> {
        if self.database.dialect() != Dialect::Postgres {
            return Ok(());
        }
        self.database
            .once(|session| {
                if !has_table(session)? {
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
pub(super) fn of_model(model: &str, dimensions: usize) -> String {
    let model = model.replace('\'', "''");
    format!("model = '{model}' AND dimensions = {dimensions}")
}

/// All vectors of a model are of one length.
pub(super) fn index_name(model: &str) -> String {
    let hash = blake3::hash(model.as_bytes());
    format!("{INDEX_PREFIX}{}", &hash.to_hex()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_is_called_cannot_end_the_text_that_it_stands_in() {
        let condition = of_model("it's", 3);
        assert_eq!(condition, "model = 'it''s' AND dimensions = 3");
        let names = ["a", "b"].map(index_name);
        assert_eq!(names[0].len(), INDEX_PREFIX.len() + 16);
        assert_ne!(names[0], names[1]);
    }
}
