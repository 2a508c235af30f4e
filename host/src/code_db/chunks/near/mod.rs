//! The nearest vectors as PostgreSQL finds them itself, where the extension pgvector is installed.
//!
//! The table `near_vectors` repeats the vectors in the extension's type. `copies` keeps it in step with the vectors, and
//! `graph` makes an index (HNSW) over those of a model where they are many.

pub(in crate::code_db) mod copies;
mod graph;

use driver_api::{Dialect, ValueRef};

use self::copies::{has_all, written};
use self::graph::{index_name, of_model};
use super::super::database::CodeDatabase;
use super::super::error::{Doing, Result};
use super::super::schema::NEAR_VECTORS;
use crate::driver::session::Session;

/// Most dimensions of a vector; pgvector's own limit.
const MOST_DIMENSIONS: usize = 16_000;

/// Vectors up to which all are compared where no index is there; the host's own memory is better with more.
const COMPARED_UP_TO: i64 = 200_000;

/// A chunk whose vector is near.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
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
    ) -> Result<Option<Vec<Near>>> {
        let is_postgres = self.database.dialect() == Dialect::Postgres;
        if !is_postgres || !(1..=MOST_DIMENSIONS).contains(&vector.len()) {
            return Ok(None);
        }
        let text = written(vector);
        self.database
            .snapshot(|session| {
                if !has_table(session)?
                    || !has_all(session, project_id, model)?
                    || !is_quick(session, model)?
                {
                    return Ok(None);
                }
                nearest(session, project_id, model, vector.len(), &text, most).map(Some)
            })
            .doing("looking for the nearest vectors")
    }
}

/// Whether the extension was installed when the schema was last looked at, and is of use: its removal takes the column, its
/// names are looked for in some schemas only, and the table may be another role's.
fn has_table(session: &mut Session) -> driver_api::Result<bool> {
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

fn nearest(
    session: &mut Session,
    project_id: Option<&str>,
    model: &str,
    dimensions: usize,
    text: &str,
    most: usize,
) -> driver_api::Result<Vec<Near>> {
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
        Ok(Near {
            chunk_id: row.i64(0)?,
            cosine: -distance,
        })
    })
}
