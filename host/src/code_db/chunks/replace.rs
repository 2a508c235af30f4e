//! Stores the chunks of files: those that stay keep their ids and vectors, new ones come without a vector.

use std::collections::HashMap;

use driver_api::{Dialect, RowBlock, ValueRef};

use super::super::database::CodeDatabase;
use super::super::dialect::{again_when_beaten, lock_project};
use super::super::error::{Doing, Result};
use super::super::registration::julian_now;
use super::stale::StaleFile;
use crate::driver::session::Session;

/// A piece of the text of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkRecord {
    /// Its id, which is another one as soon as its text is.
    pub uuid: String,
    /// `file`, `class`, `function` or `method`.
    pub entity_type: String,
    /// The entity's id in the table of its kind.
    pub entity_id: i64,
    /// Which piece of the entity, from 0.
    pub ordinal: u32,
    /// Its first line in the file, from 1.
    pub line: u32,
    /// The name of the entity on the first line, and the text on those after it.
    pub text: String,
}

/// All chunks of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChunks {
    /// The file, with the content that the chunks were made of.
    pub file: StaleFile,
    /// Its chunks; their ids differ from each other.
    pub chunks: Vec<ChunkRecord>,
}

impl CodeDatabase {
    /// Stores the chunks of files of one project in place of those that they had. A file whose content has
    /// changed meanwhile is left for the next time.
    ///
    /// # Errors
    /// The driver's; nothing is changed then.
    pub fn replace_chunks(
        &self,
        project_id: &str,
        chunker: i64,
        files: &[FileChunks],
    ) -> Result<()> {
        let dialect = self.database.dialect();
        again_when_beaten(dialect, || {
            self.database
                .transaction(|session| replace(session, dialect, project_id, chunker, files))
                .doing("storing chunks")
        })
    }
}

fn replace(
    session: &mut Session,
    dialect: Dialect,
    project_id: &str,
    chunker: i64,
    files: &[FileChunks],
) -> driver_api::Result<()> {
    lock_project(session, dialect, project_id)?;
    let mut changes = Changes::new();
    let now = julian_now();
    for file in files {
        if content_hash(session, file.file.id)?.as_deref() == Some(&file.file.content_hash) {
            changes.add(session, project_id, file, now)?;
            changes.state(file, chunker);
        }
    }
    changes.write(session)
}

fn content_hash(session: &mut Session, file_id: i64) -> driver_api::Result<Option<String>> {
    let sql = "SELECT content_hash FROM file_states WHERE file_id = ?";
    session.query_first(sql, &[file_id.into()], |row| Ok(row.text(0)?.to_owned()))
}

/// What is known of a stored chunk.
struct Stored {
    id: i64,
    line: Option<i64>,
    entity_id: Option<i64>,
}

const INSERT: &str = "INSERT INTO code_chunks(file_id, project_id, chunk_uuid, chunk_type, chunk_text, \
                      chunk_ordinal, class_id, function_id, method_id, line, ast_node_type, source_type, \
                      created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'code', ?, ?)";
const MOVE: &str =
    "UPDATE code_chunks SET line = ?, class_id = ?, function_id = ?, method_id = ? WHERE id = ?";

/// The rows of one transaction.
struct Changes {
    gone: RowBlock,
    moved: RowBlock,
    new: RowBlock,
    old_states: RowBlock,
    states: RowBlock,
}

impl Changes {
    fn new() -> Self {
        Self {
            gone: RowBlock::new(1),
            moved: RowBlock::new(MOVE.matches('?').count()),
            new: RowBlock::new(INSERT.matches('?').count()),
            old_states: RowBlock::new(1),
            states: RowBlock::new(3),
        }
    }

    fn add(
        &mut self,
        session: &mut Session,
        project_id: &str,
        file: &FileChunks,
        now: f64,
    ) -> driver_api::Result<()> {
        let file_id = file.file.id;
        let mut stored = stored(session, file_id)?;
        for chunk in &file.chunks {
            let owners = owners(chunk);
            match stored.remove(&chunk.uuid) {
                Some(known) if is_same(&known, chunk) => {}
                Some(known) => {
                    let [class, function, method] = owners;
                    self.moved.push_row([
                        chunk.line.into(),
                        class,
                        function,
                        method,
                        known.id.into(),
                    ]);
                }
                None => {
                    let [class, function, method] = owners;
                    let kind = ValueRef::from(&chunk.entity_type);
                    self.new.push_row([
                        file_id.into(),
                        project_id.into(),
                        (&chunk.uuid).into(),
                        kind,
                        (&chunk.text).into(),
                        chunk.ordinal.into(),
                        class,
                        function,
                        method,
                        chunk.line.into(),
                        kind,
                        now.into(),
                        now.into(),
                    ]);
                }
            }
        }
        for gone in stored.values() {
            self.gone.push_row([gone.id.into()]);
        }
        Ok(())
    }

    fn state(&mut self, file: &FileChunks, chunker: i64) {
        let (id, hash) = (file.file.id, &file.file.content_hash);
        self.old_states.push_row([id.into()]);
        self.states
            .push_row([id.into(), hash.into(), chunker.into()]);
    }

    fn write(mut self, session: &mut Session) -> driver_api::Result<()> {
        // Their vectors go with them.
        session.execute_many("DELETE FROM code_chunks WHERE id = ?", &mut self.gone)?;
        session.execute_many(MOVE, &mut self.moved)?;
        session.execute_many(INSERT, &mut self.new)?;
        let forget = "DELETE FROM chunk_states WHERE file_id = ?";
        session.execute_many(forget, &mut self.old_states)?;
        let note = "INSERT INTO chunk_states(file_id, content_hash, chunker) VALUES (?, ?, ?)";
        session.execute_many(note, &mut self.states).map(drop)
    }
}

/// The stored chunks of a file, by their ids.
fn stored(session: &mut Session, file_id: i64) -> driver_api::Result<HashMap<String, Stored>> {
    let sql = "SELECT chunk_uuid, id, line, COALESCE(method_id, function_id, class_id) FROM code_chunks \
               WHERE file_id = ?";
    let rows = session.query_all(sql, &[file_id.into()], |row| {
        let stored = Stored {
            id: row.i64(1)?,
            line: row.opt(2, |row, at| row.i64(at))?,
            entity_id: row.opt(3, |row, at| row.i64(at))?,
        };
        Ok((row.text(0)?.to_owned(), stored))
    })?;
    Ok(rows.into_iter().collect())
}

fn is_same(stored: &Stored, chunk: &ChunkRecord) -> bool {
    let entity = (chunk.entity_type != "file").then_some(chunk.entity_id);
    stored.line == Some(chunk.line.into()) && stored.entity_id == entity
}

/// The values of `class_id`, `function_id` and `method_id`; all null for text outside of entities.
fn owners(chunk: &ChunkRecord) -> [ValueRef<'static>; 3] {
    ["class", "function", "method"].map(|kind| match chunk.entity_type == kind {
        true => chunk.entity_id.into(),
        false => ValueRef::Null,
    })
}
