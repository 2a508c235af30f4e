//! Keeps the full-text index in step with `code_content`, which the index is about.
//!
//! SQLite's index has no text of its own: a row that goes must be taken out of the index first, with the very
//! values that went in. On servers a row of words stands beside each row of text, and goes with it by itself;
//! `document` makes it from the words that `words` finds. `camel_case` finds the words within words. `query` asks
//! every index the same, and `marks` shows what was found.

pub(super) mod camel_case;
pub(super) mod document;
pub(super) mod marks;
pub(super) mod query;
mod words;

use driver_api::{Dialect, Flow, Result, RowBlock, RowRef, ValueRef};

use self::document::Columns;
use super::schema::FULL_TEXT;
use crate::driver::session::Session;

/// The statement that stores a row of words, by the id of its text; none where the engine finds them itself.
pub(super) fn insert_words(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        // Written as text, which every driver can send.
        Dialect::Postgres => Some(
            "INSERT INTO code_content_fts(id, terms) VALUES (?, CAST(CAST(? AS text) AS tsvector))",
        ),
        Dialect::Mysql => Some("INSERT INTO code_content_fts(id, terms) VALUES (?, ?)"),
        _ => None,
    }
}

/// Bytes of words that are sent together.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Rows of text that are read together.
const PAGE_ROWS: i64 = 200;

/// Fills an empty index from all texts.
pub(super) fn rebuild(session: &mut Session, dialect: Dialect) -> Result<()> {
    let Some(insert) = insert_words(dialect) else {
        if dialect == Dialect::Sqlite {
            let sql = "INSERT INTO code_content_fts(code_content_fts) VALUES ('rebuild')";
            session.execute(sql, &[])?;
        }
        return Ok(());
    };
    let mut rows = RowBlock::new(2);
    let mut last = 0;
    while let Some(read) = read_words(session, dialect, last, &mut rows)? {
        last = read;
        if rows.len() >= BATCH_BYTES {
            session.execute_many(insert, &mut rows)?;
            rows.clear(2);
        }
    }
    session.execute_many(insert, &mut rows).map(drop)
}

/// Adds the words of the texts after the one with id `after`, some rows of them; answers the id of the last.
fn read_words(
    session: &mut Session,
    dialect: Dialect,
    after: i64,
    rows: &mut RowBlock,
) -> Result<Option<i64>> {
    let sql = texts_where("id > ? ORDER BY id LIMIT ?");
    let mut last = None;
    session.query_each(&sql, &[after.into(), PAGE_ROWS.into()], |row| {
        last = Some(add_words(row, dialect, rows)?);
        Ok(Flow::Continue)
    })?;
    Ok(last)
}

/// The columns of `code_content` that are searched: those of SQLite's index, in its order.
fn searched() -> String {
    FULL_TEXT.columns.join(", ")
}

/// Reads the texts for which `condition` holds, each after its id.
fn texts_where(condition: &str) -> String {
    let searched = searched();
    format!("SELECT id, {searched} FROM code_content WHERE {condition}")
}

/// Adds the texts for which `condition` holds to SQLite's index.
fn add_where(condition: &str) -> String {
    let (searched, texts) = (searched(), texts_where(condition));
    format!("INSERT INTO code_content_fts(rowid, {searched}) {texts}")
}

/// Takes the texts for which `condition` holds out of SQLite's index.
fn remove_where(condition: &str) -> String {
    let searched = searched();
    format!(
        "INSERT INTO code_content_fts(code_content_fts, rowid, {searched}) \
         SELECT 'delete', id, {searched} FROM code_content WHERE {condition}"
    )
}

/// Adds the words of a text, and answers its id.
fn add_words(row: RowRef<'_>, dialect: Dialect, rows: &mut RowBlock) -> Result<i64> {
    let columns = Columns {
        entity_type: row.text(1)?,
        entity_name: row.opt(2, RowRef::text)?,
        content: row.text(3)?,
        docstring: row.opt(4, RowRef::text)?,
        name_parts: row.opt(5, RowRef::text)?,
        text_parts: row.opt(6, RowRef::text)?,
    };
    let id = row.i64(0)?;
    let words = document::document(columns, dialect);
    rows.push_row([id.into(), words.as_str().into()]);
    Ok(id)
}

/// Indexes the rows of `code_content` with these ids, both included.
pub(super) fn add(session: &mut Session, dialect: Dialect, first: i64, last: i64) -> Result<()> {
    if dialect == Dialect::Sqlite && first <= last {
        let sql = add_where("id BETWEEN ? AND ?");
        session.execute(&sql, &[first.into(), last.into()])?;
    }
    Ok(())
}

/// Indexes the rows of `code_content` with these ids, one in each row, of which the index knows nothing.
pub(super) fn add_rows(session: &mut Session, dialect: Dialect, ids: &mut RowBlock) -> Result<()> {
    let Some(insert) = insert_words(dialect) else {
        if dialect == Dialect::Sqlite {
            session.execute_many(&add_where("id = ?"), ids)?;
        }
        return Ok(());
    };
    let mut rows = RowBlock::new(2);
    let sql = texts_where("id = ?");
    for id in ids.view().iter() {
        let id = id?.get(0)?;
        session.query_each(&sql, &[id], |row| {
            add_words(row, dialect, &mut rows).map(|_| Flow::Continue)
        })?;
    }
    session.execute_many(insert, &mut rows).map(drop)
}

/// Takes the text of these files out of the index; one id in each row. To be done before the text goes.
pub(super) fn remove_files(
    session: &mut Session,
    dialect: Dialect,
    file_ids: &mut RowBlock,
) -> Result<()> {
    if dialect == Dialect::Sqlite {
        session.execute_many(&remove_where("file_id = ?"), file_ids)?;
    }
    Ok(())
}

/// Takes the text of a project out of the index. To be done before the text goes.
pub(super) fn remove_project(
    session: &mut Session,
    dialect: Dialect,
    project_id: &str,
) -> Result<()> {
    if dialect == Dialect::Sqlite {
        let sql = remove_where("file_id IN (SELECT id FROM files WHERE project_id = ?)");
        session.execute(&sql, &[ValueRef::from(project_id)])?;
    }
    Ok(())
}
