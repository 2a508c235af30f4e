//! Files whose chunks were made of other content than is stored now, and the texts to make new ones of.

use driver_api::{RowRef, ValueRef};

use super::super::database::CodeDatabase;
use super::super::error::{Doing, Result};
use super::super::scope::{Conditions, placeholders, relative_to};
use super::super::usages::line;

/// A file whose chunks are to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleFile {
    /// Its id.
    pub id: i64,
    /// The id of its project.
    pub project_id: String,
    /// Its path below the root of its project.
    pub relative_path: String,
    /// The language that it was read as.
    pub language: String,
    /// Hash of the content that is stored.
    pub content_hash: String,
}

/// The text of a file outside of its entities, or of an entity without those within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityText {
    /// The id of its file.
    pub file_id: i64,
    /// `file`, `class`, `function` or `method`.
    pub entity_type: String,
    /// Its id in the table of its kind.
    pub entity_id: i64,
    /// Its name; a method's with its class, a file's is its path.
    pub name: String,
    /// First line, from 1.
    pub line: u32,
    /// Its text.
    pub content: String,
    /// What it says of itself.
    pub docstring: Option<String>,
}

impl CodeDatabase {
    /// Some live files whose chunks are not those that this `chunker` makes of their content, by id.
    ///
    /// # Errors
    /// The driver's.
    pub fn files_to_chunk(
        &self,
        project_id: Option<&str>,
        chunker: i64,
        most: u32,
    ) -> Result<Vec<StaleFile>> {
        let conditions = Conditions::live_files(project_id);
        let sql = format!(
            "SELECT f.id, f.project_id, f.path, p.root_path, s.language, s.content_hash \
             FROM files f JOIN file_states s ON s.file_id = f.id JOIN projects p ON p.id = f.project_id \
             LEFT JOIN chunk_states c ON c.file_id = f.id \
             WHERE {} AND (c.file_id IS NULL OR c.content_hash <> s.content_hash OR c.chunker <> ?) \
             ORDER BY f.id LIMIT ?",
            conditions.sql()
        );
        let mut params = conditions.params().to_vec();
        params.extend([ValueRef::from(chunker), ValueRef::from(most)]);
        let read = |row: RowRef<'_>| {
            Ok(StaleFile {
                id: row.i64(0)?,
                project_id: row.text(1)?.to_owned(),
                relative_path: relative_to(row.text(3)?, row.text(2)?),
                language: row.text(4)?.to_owned(),
                content_hash: row.text(5)?.to_owned(),
            })
        };
        self.database
            .read(|session| session.query_all(&sql, &params, read))
            .doing("looking for files whose chunks are old")
    }

    /// The texts of these files, file by file in the order of their lines.
    ///
    /// # Errors
    /// The driver's.
    pub fn entity_texts(&self, file_ids: &[i64]) -> Result<Vec<EntityText>> {
        if file_ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT t.file_id, t.entity_type, t.entity_id, t.entity_name, \
             COALESCE(c.line, n.line, m.line, 1), t.content, t.docstring FROM code_content t \
             LEFT JOIN classes c ON t.entity_type = 'class' AND c.id = t.entity_id \
             LEFT JOIN functions n ON t.entity_type = 'function' AND n.id = t.entity_id \
             LEFT JOIN methods m ON t.entity_type = 'method' AND m.id = t.entity_id \
             WHERE t.file_id IN ({}) AND t.entity_id IS NOT NULL ORDER BY t.file_id, 5, t.id",
            placeholders(file_ids.len())
        );
        let params: Vec<ValueRef<'_>> = file_ids.iter().map(|id| (*id).into()).collect();
        let read = |row: RowRef<'_>| {
            Ok(EntityText {
                file_id: row.i64(0)?,
                entity_type: row.text(1)?.to_owned(),
                entity_id: row.i64(2)?,
                name: row.opt(3, RowRef::text)?.unwrap_or_default().to_owned(),
                line: line(row, 4)?,
                content: row.text(5)?.to_owned(),
                docstring: row.opt(6, RowRef::text)?.map(str::to_owned),
            })
        };
        self.database
            .read(|session| session.query_all(&sql, &params, read))
            .doing("reading texts for chunks")
    }
}
