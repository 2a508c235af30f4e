//! What chunks are about, for the answer of a search.

use driver_api::{RowRef, ValueRef};

use super::super::database::CodeDatabase;
use super::super::error::{Doing, Result};
use super::super::scope::{placeholders, relative_to};
use super::super::usages::line;

/// A chunk with its entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundChunk {
    /// The chunk's id.
    pub id: i64,
    /// `file`, `class`, `function` or `method`.
    pub entity_type: String,
    /// The entity's id in the table of its kind.
    pub entity_id: i64,
    /// The entity's name; a file's is its path.
    pub entity_name: String,
    /// Absolute path of the file.
    pub file_path: String,
    /// That path below the root of its project.
    pub relative_path: String,
    /// The chunk's first line, from 1.
    pub line: u32,
    /// The text of the chunk.
    pub text: String,
}

impl CodeDatabase {
    /// The chunks of these ids, in any order; those that are gone, and those of deleted files, are left out.
    ///
    /// # Errors
    /// The driver's.
    pub fn chunks_by_id(&self, ids: &[i64]) -> Result<Vec<FoundChunk>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT k.id, k.chunk_type, COALESCE(k.method_id, k.function_id, k.class_id, k.file_id), f.path, \
             p.root_path, COALESCE(k.line, 1), k.chunk_text FROM code_chunks k JOIN files f ON f.id = k.file_id \
             JOIN projects p ON p.id = f.project_id WHERE f.deleted IS NOT TRUE AND k.id IN ({})",
            placeholders(ids.len())
        );
        let params: Vec<ValueRef<'_>> = ids.iter().map(|id| (*id).into()).collect();
        self.database
            .read(|session| session.query_all(&sql, &params, read))
            .doing("reading chunks")
    }
}

/// The vector of a part of a function or method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionVector {
    /// The id of the file.
    pub file_id: i64,
    /// The part's first line, from 1.
    pub line: u32,
    /// The vector, as `foundation::vector` writes it.
    pub vector: Vec<u8>,
}

impl CodeDatabase {
    /// The vectors of the functions and methods of a project, made by this model, in an order that stays; some of them.
    ///
    /// # Errors
    /// The driver's.
    pub fn function_vectors(
        &self,
        project_id: &str,
        model: &str,
        most: u32,
    ) -> Result<Vec<FunctionVector>> {
        let sql = "SELECT k.file_id, COALESCE(k.line, 1), v.vector FROM chunk_vectors v \
                   JOIN code_chunks k ON k.id = v.chunk_id JOIN files f ON f.id = k.file_id \
                   WHERE v.project_id = ? AND v.model = ? AND f.deleted IS NOT TRUE \
                   AND k.chunk_type IN ('function', 'method') ORDER BY v.id LIMIT ?";
        let params = [project_id.into(), model.into(), most.into()];
        let read = |row: RowRef<'_>| {
            Ok(FunctionVector {
                file_id: row.i64(0)?,
                line: line(row, 1)?,
                vector: row.bytes(2)?.to_vec(),
            })
        };
        self.database
            .read(|session| session.query_all(sql, &params, read))
            .doing("reading the vectors of functions")
    }
}

fn read(row: RowRef<'_>) -> driver_api::Result<FoundChunk> {
    let (path, root) = (row.text(3)?, row.text(4)?);
    let whole = row.text(6)?;
    let (name, text) = whole.split_once('\n').unwrap_or((whole, ""));
    Ok(FoundChunk {
        id: row.i64(0)?,
        entity_type: row.text(1)?.to_owned(),
        entity_id: row.i64(2)?,
        entity_name: name.to_owned(),
        file_path: path.to_owned(),
        relative_path: relative_to(root, path),
        line: line(row, 5)?,
        text: text.to_owned(),
    })
}
