//! Keeps the full-text index in step with `code_content`, which the index reads its text from.
//!
//! SQLite's index has no text of its own: a row that goes must be taken out of the index first, with the very
//! values that went in. Other dialects index the table itself, and need nothing here.

use driver_api::{Dialect, Result, RowBlock, ValueRef};

use crate::driver::session::Session;

/// Indexes the rows of `code_content` with these ids, both included.
pub(super) fn add(session: &mut Session, dialect: Dialect, first: i64, last: i64) -> Result<()> {
    if dialect == Dialect::Sqlite && first <= last {
        session.execute(
            "INSERT INTO code_content_fts(rowid, entity_type, entity_name, content, docstring) \
             SELECT id, entity_type, entity_name, content, docstring FROM code_content WHERE id BETWEEN ? AND ?",
            &[first.into(), last.into()],
        )?;
    }
    Ok(())
}

/// Takes the text of these files out of the index; one id in each row. To be done before the text goes.
pub(super) fn remove_files(
    session: &mut Session,
    dialect: Dialect,
    file_ids: &mut RowBlock,
) -> Result<()> {
    if dialect == Dialect::Sqlite {
        session.execute_many(
            "INSERT INTO code_content_fts(code_content_fts, rowid, entity_type, entity_name, content, docstring) \
             SELECT 'delete', id, entity_type, entity_name, content, docstring FROM code_content \
             WHERE file_id = ?",
            file_ids,
        )?;
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
        session.execute(
            "INSERT INTO code_content_fts(code_content_fts, rowid, entity_type, entity_name, content, docstring) \
             SELECT 'delete', c.id, c.entity_type, c.entity_name, c.content, c.docstring \
             FROM code_content c JOIN files f ON f.id = c.file_id WHERE f.project_id = ?",
            &[ValueRef::from(project_id)],
        )?;
    }
    Ok(())
}

/// What a person typed as an expression of SQLite's full-text search: its words, each quoted.
///
/// Nothing a person types is syntax, so nothing can be a syntax error. `None` when there is no word in it.
pub(super) fn sqlite_expression(query: &str, join: Join) -> Option<String> {
    let words: Vec<String> = query
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
        .collect();
    (!words.is_empty()).then(|| words.join(join.operator()))
}

/// Whether a hit has all words or any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// Every word.
    All,
    /// At least one.
    Any,
}

impl Join {
    fn operator(self) -> &'static str {
        match self {
            Self::All => " AND ",
            Self::Any => " OR ",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_and_never_syntax() {
        for (query, expected) in [
            ("checkout", Some(r#""checkout""#)),
            ("os.path join", Some(r#""os.path" AND "join""#)),
            (r#"a" OR "b"#, Some(r#""a""" AND "OR" AND """b""#)),
            ("NEAR(a b) -x *", Some(r#""NEAR(a" AND "b)" AND "-x""#)),
            ("entity_name:x", Some(r#""entity_name:x""#)),
            ("a\u{0}b", Some(r#""a" AND "b""#)),
            ("* ( ^ \"", None),
            ("", None),
        ] {
            assert_eq!(
                sqlite_expression(query, Join::All).as_deref(),
                expected,
                "{query}"
            );
        }
    }
}
