//! Vectors of chunks: which chunks lack one, storing them, reading those that came since, and forgetting other models'.

use driver_api::{Dialect, RowBlock, RowRef, ValueRef};

use super::super::database::CodeDatabase;
use super::super::dialect::lock_project;
use super::super::error::{Doing, Result};
use super::super::leases::{MODEL_LEASE, holder};
use super::super::projects::any_project;
use super::super::scope::{Conditions, placeholders};
use super::near::copies::copy_some;
use crate::driver::session::Session;

/// A chunk without a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingChunk {
    /// Its id.
    pub id: i64,
    /// The name of its entity on the first line, and its text on those after it.
    pub text: String,
}

/// A vector as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVector {
    /// Its own id, which rises within a project in the order of commits.
    pub id: i64,
    /// The id of its chunk.
    pub chunk_id: i64,
    /// The vector, as `foundation::vector` writes it.
    pub vector: Vec<u8>,
}

/// Rows that are changed in one transaction, so that nobody waits long.
const ROWS_AT_ONCE: u32 = 2_000;

impl CodeDatabase {
    /// Some chunks of a project that have no vector, by id.
    ///
    /// # Errors
    /// The driver's.
    pub fn chunks_without_vector(&self, project_id: &str, most: u32) -> Result<Vec<PendingChunk>> {
        let sql = "SELECT k.id, k.chunk_text FROM code_chunks k JOIN files f ON f.id = k.file_id \
                   WHERE k.project_id = ? AND k.vector_id IS NULL AND f.deleted IS NOT TRUE \
                   ORDER BY k.id LIMIT ?";
        let read = |row: RowRef<'_>| {
            Ok(PendingChunk {
                id: row.i64(0)?,
                text: row.text(1)?.to_owned(),
            })
        };
        self.database
            .read(|session| session.query_all(sql, &[project_id.into(), most.into()], read))
            .doing("looking for chunks without a vector")
    }

    /// The ids of some chunks that have no vector of this model, of a project or of all, by id.
    ///
    /// # Errors
    /// The driver's.
    pub fn chunks_without(
        &self,
        project_id: Option<&str>,
        model: &str,
        most: u32,
    ) -> Result<Vec<i64>> {
        let conditions = Conditions::live_files(project_id);
        let sql = format!(
            "SELECT k.id FROM code_chunks k JOIN files f ON f.id = k.file_id WHERE {} \
             AND (k.vector_id IS NULL OR k.embedding_model <> ?) ORDER BY k.id LIMIT ?",
            conditions.sql()
        );
        let mut params = conditions.params().to_vec();
        params.extend([ValueRef::from(model), most.into()]);
        self.database
            .read(|session| session.query_all(&sql, &params, |row| Ok(row.i64(0)?)))
            .doing("looking for chunks without a vector")
    }

    /// Stores vectors of this model by the ids of their chunks; chunks that are gone, or have one by now, are left
    /// out. Returns whether that was done: nothing is where another model has the database's lease by now.
    ///
    /// # Errors
    /// The driver's; nothing is changed then.
    pub fn store_vectors(
        &self,
        project_id: &str,
        model: &str,
        vectors: &[(i64, Vec<u8>)],
    ) -> Result<bool> {
        let dialect = self.database.dialect();
        self.database
            .transaction(|session| store(session, dialect, project_id, model, vectors))
            .doing("storing vectors")
    }

    /// Takes the vectors of other models away, some at a time; returns whether some are left. Those of a model that has
    /// the database's lease stay.
    ///
    /// # Errors
    /// The driver's.
    pub fn forget_other_models(&self, project_id: &str, model: &str) -> Result<bool> {
        let sql = "SELECT id FROM code_chunks WHERE project_id = ? AND vector_id IS NOT NULL \
                   AND (embedding_model IS NULL OR embedding_model <> ?) LIMIT ?";
        let params = [project_id.into(), model.into(), ROWS_AT_ONCE.into()];
        self.forget(project_id, Some(model), sql, &params)
    }

    /// Takes all vectors of a project away, some at a time; returns whether some are left.
    ///
    /// # Errors
    /// The driver's.
    pub fn forget_vectors(&self, project_id: &str) -> Result<bool> {
        let sql =
            "SELECT id FROM code_chunks WHERE project_id = ? AND vector_id IS NOT NULL LIMIT ?";
        self.forget(
            project_id,
            None,
            sql,
            &[project_id.into(), ROWS_AT_ONCE.into()],
        )
    }

    /// Forgets the vectors of the chosen chunks, on behalf of a model.
    fn forget(
        &self,
        project_id: &str,
        model: Option<&str>,
        chosen: &str,
        params: &[ValueRef<'_>],
    ) -> Result<bool> {
        let dialect = self.database.dialect();
        let forgotten = self.database.transaction(|session| {
            lock_project(session, dialect, project_id)?;
            if let Some(model) = model
                && another_has_the_lease(session, model)?
            {
                return Ok(0);
            }
            let ids = session.query_all(chosen, params, |row| Ok(row.i64(0)?))?;
            let mut rows = RowBlock::new(1);
            for id in &ids {
                rows.push_row([(*id).into()]);
            }
            session.execute_many("DELETE FROM chunk_vectors WHERE chunk_id = ?", &mut rows)?;
            let sql = "UPDATE code_chunks SET vector_id = NULL, embedding_model = NULL, embedding_vector = NULL \
                       WHERE id = ?";
            session.execute_many(sql, &mut rows)?;
            Ok(ids.len())
        });
        Ok(forgotten.doing("forgetting vectors")? == ROWS_AT_ONCE as usize)
    }

    /// The id of the newest vector of a project and model; none where there is no vector.
    ///
    /// # Errors
    /// The driver's.
    pub fn newest_vector(&self, project_id: &str, model: &str) -> Result<Option<i64>> {
        let sql = "SELECT max(id) FROM chunk_vectors WHERE project_id = ? AND model = ?";
        let params = [project_id.into(), model.into()];
        let read = |row: RowRef<'_>| Ok(row.opt(0, RowRef::i64)?);
        self.database
            .read(|session| session.query_first(sql, &params, read))
            .doing("looking for the newest vector")
            .map(Option::flatten)
    }

    /// The vectors of a project and model whose ids are greater than `after`, by id, some of them.
    ///
    /// # Errors
    /// The driver's.
    pub fn vectors_after(
        &self,
        project_id: &str,
        model: &str,
        after: i64,
        most: u32,
    ) -> Result<Vec<StoredVector>> {
        self.database
            .read(|session| read_after(session, project_id, model, after, most, ""))
            .doing("reading vectors")
    }

    /// Whether there are vectors of other models, of a project or of all.
    ///
    /// # Errors
    /// The driver's.
    pub fn has_other_models(&self, project_id: Option<&str>, model: &str) -> Result<bool> {
        // Two ranges of the index: one condition with `<>` would read all vectors.
        let some = |than: &str| {
            format!(
                "EXISTS (SELECT 1 FROM chunk_vectors v WHERE v.project_id = p.id AND v.model {than} ?)"
            )
        };
        let others = format!("({} OR {})", some("<"), some(">"));
        let model = ValueRef::from(model);
        self.database
            .read(|session| any_project(session, project_id, &others, [model, model]))
            .doing("looking for vectors of other models")
    }
}

/// As [`CodeDatabase::vectors_after`], on one connection and with this lock on the rows.
pub(super) fn read_after(
    session: &mut Session,
    project_id: &str,
    model: &str,
    after: i64,
    most: u32,
    lock: &'static str,
) -> driver_api::Result<Vec<StoredVector>> {
    let sql = format!(
        "SELECT id, chunk_id, vector FROM chunk_vectors WHERE project_id = ? AND model = ? AND id > ? \
         ORDER BY id LIMIT ? {lock}"
    );
    let params = [project_id.into(), model.into(), after.into(), most.into()];
    session.query_all(&sql, &params, |row| {
        Ok(StoredVector {
            id: row.i64(0)?,
            chunk_id: row.i64(1)?,
            vector: row.bytes(2)?.to_vec(),
        })
    })
}

/// Whether vectors of this model are not wanted.
fn another_has_the_lease(session: &mut Session, model: &str) -> driver_api::Result<bool> {
    Ok(holder(session, MODEL_LEASE)?.is_some_and(|holder| holder != model))
}

fn store(
    session: &mut Session,
    dialect: Dialect,
    project_id: &str,
    model: &str,
    vectors: &[(i64, Vec<u8>)],
) -> driver_api::Result<bool> {
    if vectors.is_empty() {
        return Ok(true);
    }
    lock_project(session, dialect, project_id)?;
    if another_has_the_lease(session, model)? {
        return Ok(false);
    }
    let sql = format!(
        "SELECT id FROM code_chunks WHERE vector_id IS NULL AND id IN ({})",
        placeholders(vectors.len())
    );
    let ids: Vec<ValueRef<'_>> = vectors.iter().map(|(id, _)| (*id).into()).collect();
    let waiting: std::collections::HashSet<i64> = session
        .query_all(&sql, &ids, |row| Ok(row.i64(0)?))?
        .into_iter()
        .collect();
    let mut rows = RowBlock::new(4);
    let mut marks = RowBlock::new(2);
    for (chunk_id, vector) in vectors.iter().filter(|(id, _)| waiting.contains(id)) {
        let vector = ValueRef::Bytes(vector);
        rows.push_row([project_id.into(), (*chunk_id).into(), model.into(), vector]);
        marks.push_row([model.into(), (*chunk_id).into()]);
    }
    let sql = "INSERT INTO chunk_vectors(project_id, chunk_id, model, vector) VALUES (?, ?, ?, ?)";
    session.execute_many(sql, &mut rows)?;
    let sql = "UPDATE code_chunks SET embedding_model = ?, \
               vector_id = (SELECT v.id FROM chunk_vectors v WHERE v.chunk_id = code_chunks.id) WHERE id = ?";
    session.execute_many(sql, &mut marks)?;
    copy_some(session, dialect, project_id, model)?;
    Ok(true)
}
