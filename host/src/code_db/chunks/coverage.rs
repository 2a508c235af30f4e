//! How much of the code can be found by meaning.

use driver_api::{DriverError, RowRef, ValueRef};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::database::CodeDatabase;
use super::super::error::{Doing, Result};
use super::super::projects::count;
use super::super::scope::Conditions;

/// How much of the code can be found by meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VectorCoverage {
    /// All chunks, those of deleted files included.
    pub total_chunks: u64,
    /// Those without a vector.
    pub chunks_pending: u64,
    /// Files whose chunks were not yet made, or of other content than is stored now.
    pub files_pending: u64,
}

impl VectorCoverage {
    /// Chunks with a vector.
    pub fn chunks_with_vector(self) -> u64 {
        self.total_chunks.saturating_sub(self.chunks_pending)
    }

    /// Whether nothing is left to be done.
    pub fn is_complete(self) -> bool {
        self.chunks_pending == 0 && self.files_pending == 0
    }
}

/// The vectors of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelVectors {
    /// The name of the model.
    pub model: String,
    /// Its vectors.
    pub vectors: u64,
}

impl CodeDatabase {
    /// How many vectors of each model there are, of a project or of all, by name.
    ///
    /// # Errors
    /// The driver's.
    pub fn vectors_by_model(&self, project_id: Option<&str>) -> Result<Vec<ModelVectors>> {
        let of_project = project_id.map_or("", |_| " WHERE project_id = ?");
        let sql = format!(
            "SELECT model, count(*) FROM chunk_vectors{of_project} GROUP BY model ORDER BY model"
        );
        let params: Vec<ValueRef<'_>> = project_id.map(Into::into).into_iter().collect();
        let read = |row: RowRef<'_>| {
            Ok(ModelVectors {
                model: row.text(0)?.to_owned(),
                vectors: count(row, 1)?,
            })
        };
        self.database
            .read(|session| session.query_all(&sql, &params, read))
            .doing("counting vectors")
    }

    /// Counts the chunks of a project, or of all, and what is left to be done by this `chunker`.
    ///
    /// # Errors
    /// The driver's.
    pub fn vector_coverage(
        &self,
        project_id: Option<&str>,
        chunker: i64,
    ) -> Result<VectorCoverage> {
        let live = Conditions::live_files(project_id);
        let stale = format!(
            "SELECT count(*) FROM files f JOIN file_states s ON s.file_id = f.id \
             LEFT JOIN chunk_states c ON c.file_id = f.id \
             WHERE {} AND (c.file_id IS NULL OR c.content_hash <> s.content_hash OR c.chunker <> ?)",
            live.sql()
        );
        let mut stale_params = live.params().to_vec();
        stale_params.push(chunker.into());
        // Each count has an index of its own. Chunks of deleted files get no vector, so they are not waited for.
        let of_project = project_id.map_or("", |_| " WHERE project_id = ?");
        let total = format!("SELECT count(*) FROM code_chunks{of_project}");
        let of_project: Vec<ValueRef<'_>> = project_id.map(Into::into).into_iter().collect();
        let pending = format!(
            "SELECT count(*) FROM code_chunks k JOIN files f ON f.id = k.file_id WHERE k.vector_id IS NULL AND {}",
            live.sql()
        );
        self.database
            .read(|session| {
                let mut number = |sql: &str, params: &[ValueRef<'_>]| {
                    let counted = session.query_first(sql, params, |row| count(row, 0))?;
                    Ok::<u64, DriverError>(counted.unwrap_or(0))
                };
                Ok(VectorCoverage {
                    total_chunks: number(&total, &of_project)?,
                    chunks_pending: number(&pending, live.params())?,
                    files_pending: number(&stale, &stale_params)?,
                })
            })
            .doing("counting chunks")
    }
}
