//! Full-text search: the entities whose text holds given words, best first, with the line of the first hit.

use driver_api::{Dialect, RowRef, ValueRef};
use serde::Serialize;

use super::database::CodeDatabase;
use super::error::{CodeDbError, Doing, Result};
use super::full_text::{Join, sqlite_expression};
use super::page::{Page, PageRequest};
use super::scope::{Conditions, relative_to};
use super::usages::line;

/// What is searched for.
#[derive(Clone, Copy, Debug)]
pub struct SearchQuery<'a> {
    /// Words, in any order; punctuation within a word keeps its parts together (`os.path`).
    pub text: &'a str,
    /// `file`, `class`, `function` or `method`; any without.
    pub entity_type: Option<&'a str>,
    /// The id of the only project; all projects without.
    pub project_id: Option<&'a str>,
}

/// One hit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchHit {
    /// `file` for text outside entities, else `class`, `function` or `method`.
    pub entity_type: String,
    /// The entity's id in the table of its kind.
    pub entity_id: Option<i64>,
    /// The entity's name: `Cart`, `Cart.checkout`, `shop/cart.py`.
    pub entity_name: Option<String>,
    /// Absolute path of the file.
    pub file_path: String,
    /// That path below the root of its project.
    pub relative_path: String,
    /// First line of the entity, from 1.
    pub entity_line: u32,
    /// Line of the first hit; the entity's where the hit is in its name or docstring.
    pub line: u32,
    /// The text around the first hit, hits marked `[so]`.
    pub snippet: String,
    /// How good the hit is: the greater the better, comparable within one answer.
    pub score: f64,
}

/// The answer to a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchResult {
    /// The hits of this page.
    #[serde(flatten)]
    pub hits: Page<SearchHit>,
    /// Whether hits hold only some of the words, because nothing holds them all.
    pub partial_match: bool,
}

impl CodeDatabase {
    /// Entities whose name, docstring or text holds all words, best first; where there is none, those that hold
    /// some of them. Text without a word in it finds nothing, and nothing in it is an error.
    ///
    /// # Errors
    /// [`CodeDbError::Unsupported`] where the dialect has no full-text search yet, and the driver's.
    pub fn fulltext_search(
        &self,
        query: &SearchQuery<'_>,
        page: PageRequest,
    ) -> Result<SearchResult> {
        if self.database.dialect() != Dialect::Sqlite {
            return Err(CodeDbError::Unsupported("full-text search"));
        }
        let all = self.search(query, Join::All, page)?;
        let one_word = query.text.split_whitespace().count() < 2;
        if all.total > 0 || one_word {
            return Ok(SearchResult {
                hits: all,
                partial_match: false,
            });
        }
        let hits = self.search(query, Join::Any, page)?;
        Ok(SearchResult {
            partial_match: hits.total > 0,
            hits,
        })
    }

    fn search(
        &self,
        query: &SearchQuery<'_>,
        join: Join,
        page: PageRequest,
    ) -> Result<Page<SearchHit>> {
        let Some(expression) = sqlite_expression(query.text, join) else {
            return Ok(Page {
                items: Vec::new(),
                total: 0,
                offset: page.offset,
            });
        };
        let mut conditions = Conditions::live_files(query.project_id);
        if let Some(kind) = query.entity_type {
            conditions.and("c.entity_type = ?", [kind.into()]);
        }
        let (count, list) = statements(conditions.sql());
        let params = [&[ValueRef::from(&expression)], conditions.params()].concat();
        let name = ValueRef::from(query.text.trim());
        let names = [name; NAME_PLACES];
        let list_params = [
            &names[..],
            &params,
            &page.params(),
            &[ValueRef::from(&expression)],
        ]
        .concat();
        self.database
            .read(|session| {
                let total = session
                    .query_first(&count, &params, |row| Ok(row.i64(0)?))?
                    .unwrap_or(0);
                let items = session.query_all(&list, &list_params, read_hit)?;
                Ok(Page {
                    items,
                    total: u64::try_from(total).unwrap_or(0),
                    offset: page.offset,
                })
            })
            .doing("searching")
    }
}

/// How much a hit in each column counts: type, name, text, docstring.
const WEIGHTS: &str = "0.0, 8.0, 1.0, 2.0";

/// Makes the entity that bears the very name searched for come first: no score of another is as good.
const OWN_NAME: &str = "CASE WHEN c.entity_name = ? OR substr(c.entity_name, -length(?) - 1) = '.' || ? \
                        THEN 1000.0 ELSE 0.0 END";

/// The number of places in [`OWN_NAME`].
const NAME_PLACES: usize = 3;

/// The statements that count the hits and list one page of them.
///
/// The page is chosen first: marking hits reads whole texts, and is done for its rows alone. The marked text
/// stays in the database's process; its lines up to the first hit are counted there, and a window comes back.
fn statements(conditions: &str) -> (String, String) {
    let from = format!(
        "code_content_fts i JOIN code_content c ON c.id = i.rowid JOIN files f ON f.id = c.file_id \
         WHERE i.code_content_fts MATCH ? AND {conditions}"
    );
    let count = format!("SELECT count(*) FROM {from}");
    let list = format!(
        "WITH page AS (SELECT c.id AS id, bm25(i.code_content_fts, {WEIGHTS}) - {OWN_NAME} AS score FROM {from} \
         ORDER BY score, c.id LIMIT ? OFFSET ?), \
         marked AS (SELECT page.id, page.score, highlight(m.code_content_fts, 2, char(2), char(3)) AS body, \
         snippet(m.code_content_fts, -1, '[', ']', '...', 12) AS elsewhere \
         FROM page JOIN code_content_fts m ON m.rowid = page.id WHERE m.code_content_fts MATCH ?), \
         placed AS (SELECT id, score, body, elsewhere, instr(body, char(2)) AS place FROM marked) \
         SELECT c.entity_type, c.entity_id, c.entity_name, f.path, p.root_path, \
         CASE c.entity_type WHEN 'class' THEN (SELECT line FROM classes WHERE id = c.entity_id) \
         WHEN 'function' THEN (SELECT line FROM functions WHERE id = c.entity_id) \
         WHEN 'method' THEN (SELECT line FROM methods WHERE id = c.entity_id) ELSE 1 END, \
         length(substr(body, 1, place)) - length(replace(substr(body, 1, place), char(10), '')), \
         substr(body, max(1, place - 200), 500), min(place, 201), elsewhere, place, -score \
         FROM placed JOIN code_content c ON c.id = placed.id JOIN files f ON f.id = c.file_id \
         JOIN projects p ON p.id = f.project_id ORDER BY score, c.id"
    );
    (count, list)
}

fn read_hit(row: RowRef<'_>) -> driver_api::Result<SearchHit> {
    let (path, root) = (row.text(3)?, row.text(4)?);
    let entity_line = if row.is_null(5)? { 1 } else { line(row, 5)? };
    let in_text = row.i64(10)? > 0;
    let place = usize::try_from(row.i64(8)?).unwrap_or(1);
    Ok(SearchHit {
        entity_type: row.text(0)?.to_owned(),
        entity_id: row.opt(1, RowRef::i64)?,
        entity_name: row.opt(2, RowRef::text)?.map(str::to_owned),
        file_path: path.to_owned(),
        relative_path: relative_to(root, path),
        entity_line,
        line: if in_text {
            entity_line.saturating_add(line(row, 6)?)
        } else {
            entity_line
        },
        snippet: if in_text {
            line_around(row.text(7)?, place)
        } else {
            one_line(row.text(9)?)
        },
        score: row.f64(11)?,
    })
}

/// The line of `window` that holds its character number `place` (from 1), marks made readable.
fn line_around(window: &str, place: usize) -> String {
    let at = window
        .char_indices()
        .nth(place.saturating_sub(1))
        .map_or(window.len(), |(at, _)| at);
    let start = window[..at].rfind('\n').map_or(0, |before| before + 1);
    let end = window[at..]
        .find('\n')
        .map_or(window.len(), |after| at + after);
    let readable = window[start..end]
        .replace('\u{2}', "[")
        .replace('\u{3}', "]");
    readable.trim().to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_is_the_line_of_the_hit() {
        let window = "é first\n    return \u{2}total\u{3}(items)\nlast";
        let place = window.chars().position(|c| c == '\u{2}').unwrap() + 1;
        assert_eq!(line_around(window, place), "return [total](items)");
        assert_eq!(line_around("\u{2}a\u{3}", 1), "[a]");
        assert_eq!(line_around("", 1), "");
    }

    #[test]
    fn the_page_has_as_many_values_as_places() {
        let (count, list) = statements("f.deleted IS NOT TRUE");
        assert_eq!(count.matches('?').count(), 1);
        assert_eq!(list.matches('?').count(), 4 + NAME_PLACES);
        assert_eq!(OWN_NAME.matches('?').count(), NAME_PLACES);
    }
}
