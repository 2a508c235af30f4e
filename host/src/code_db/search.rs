//! Full-text search: the entities whose text holds given words, best first, with the line of the first hit.

use driver_api::{Dialect, RowRef, ValueRef};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::CodeDatabase;
use super::error::{CodeDbError, Doing, Result};
use super::full_text::marks::{first_hit, snippet};
use super::full_text::query::{Join, Phrase, expression, joined, terms};
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
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
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
    /// [`CodeDbError::Unsupported`] where the dialect has no full-text search, and the driver's.
    pub fn fulltext_search(
        &self,
        query: &SearchQuery<'_>,
        page: PageRequest,
    ) -> Result<SearchResult> {
        let index = Index::of(self.database.dialect())
            .ok_or(CodeDbError::Unsupported("full-text search"))?;
        let all = self.search(query, &index, Join::All, page)?;
        let one_word = query.text.split_whitespace().count() < 2;
        if all.total > 0 || one_word {
            return Ok(SearchResult {
                hits: all,
                partial_match: false,
            });
        }
        let hits = self.search(query, &index, Join::Any, page)?;
        Ok(SearchResult {
            partial_match: hits.total > 0,
            hits,
        })
    }

    /// Entities whose name, docstring or text holds any of the words, best first.
    ///
    /// # Errors
    /// As [`fulltext_search`](Self::fulltext_search).
    pub fn fulltext_any(
        &self,
        query: &SearchQuery<'_>,
        page: PageRequest,
    ) -> Result<Vec<SearchHit>> {
        let index = Index::of(self.database.dialect())
            .ok_or(CodeDbError::Unsupported("full-text search"))?;
        Ok(self.search(query, &index, Join::Any, page)?.items)
    }

    fn search(
        &self,
        query: &SearchQuery<'_>,
        index: &Index,
        join: Join,
        page: PageRequest,
    ) -> Result<Page<SearchHit>> {
        let terms = terms(query.text);
        if terms.is_empty() {
            return Ok(Page {
                items: Vec::new(),
                total: 0,
                offset: page.offset,
            });
        }
        let joined = joined(&terms, join);
        let expression = expression(&terms, &joined, join, self.database.dialect());
        let phrases: Vec<Phrase> = terms.into_iter().flatten().chain(joined).collect();
        let expression = ValueRef::from(&expression);
        let mut conditions = Conditions::live_files(query.project_id);
        if let Some(kind) = query.entity_type {
            conditions.and("c.entity_type = ?", [kind.into()]);
        }
        // No name holds NUL, and PostgreSQL takes no text that does.
        let name = query.text.trim().replace('\0', "");
        let member = format!(".{name}");
        let (count, list) = index.statements(conditions.sql(), member.chars().count());
        let params = [&[expression], conditions.params()].concat();
        let mut list_params = vec![expression; index.rank.matches('?').count()];
        list_params.extend([ValueRef::from(&name), ValueRef::from(&member)]);
        list_params.extend_from_slice(&params);
        list_params.extend(page.params());
        self.database
            .read(|session| {
                let total = session
                    .query_first(&count, &params, |row| Ok(row.i64(0)?))?
                    .unwrap_or(0);
                let read = |row: RowRef<'_>| read_hit(row, &phrases);
                let items = session.query_all(&list, &list_params, read)?;
                Ok(Page {
                    items,
                    total: u64::try_from(total).unwrap_or(0),
                    offset: page.offset,
                })
            })
            .doing("searching")
    }
}

/// How a dialect's full-text index is asked. Each `?` stands for the expression.
struct Index {
    /// The column of `code_content_fts` that names a row of `code_content`.
    row_id: &'static str,
    /// Whether a row holds what is searched for.
    condition: &'static str,
    /// How good a row is: the greater the better. Names count most, docstrings more than text.
    rank: &'static str,
    /// The end of an entity's name, of `{}` characters.
    end_of_name: fn(usize) -> String,
}

impl Index {
    /// None where the dialect has no full-text search.
    fn of(dialect: Dialect) -> Option<Self> {
        let right = |length| format!("right(c.entity_name, {length})");
        Some(match dialect {
            Dialect::Sqlite => Self {
                row_id: "rowid",
                condition: "i.code_content_fts MATCH ?",
                rank: "-bm25(i.code_content_fts, 0.0, 8.0, 1.0, 2.0, 4.0, 0.5)",
                end_of_name: |length| format!("substr(c.entity_name, -{length})"),
            },
            Dialect::Postgres => Self {
                row_id: "id",
                condition: "i.terms @@ CAST(CAST(? AS text) AS tsquery)",
                rank: "CAST(ts_rank('{0, 0.125, 0.25, 1}', i.terms, CAST(CAST(? AS text) AS tsquery)) \
                       AS double precision)",
                end_of_name: right,
            },
            Dialect::Mysql => Self {
                row_id: "id",
                condition: "MATCH (i.terms) AGAINST (? IN BOOLEAN MODE)",
                rank: "MATCH (i.terms) AGAINST (? IN BOOLEAN MODE)",
                end_of_name: right,
            },
            _ => return None,
        })
    }

    /// The statements that count the hits and list one page of them.
    ///
    /// The entity that bears the very name searched for comes first: no score of another is as good. The page is
    /// chosen before its texts are read, because hits may be many and texts long.
    fn statements(&self, conditions: &str, member_length: usize) -> (String, String) {
        let Self {
            row_id,
            condition,
            rank,
            ..
        } = self;
        let end_of_name = (self.end_of_name)(member_length);
        let from = format!(
            "code_content_fts i JOIN code_content c ON c.id = i.{row_id} JOIN files f ON f.id = c.file_id \
             WHERE {condition} AND {conditions}"
        );
        let count = format!("SELECT count(*) FROM {from}");
        let list = format!(
            "WITH page AS (SELECT c.id AS id, {rank} + CASE WHEN c.entity_name = ? OR {end_of_name} = ? \
             THEN 1000.0 ELSE 0.0 END AS score FROM {from} ORDER BY score DESC, c.id LIMIT ? OFFSET ?) \
             SELECT c.entity_type, c.entity_id, c.entity_name, f.path, p.root_path, \
             CASE c.entity_type WHEN 'class' THEN (SELECT line FROM classes WHERE id = c.entity_id) \
             WHEN 'function' THEN (SELECT line FROM functions WHERE id = c.entity_id) \
             WHEN 'method' THEN (SELECT line FROM methods WHERE id = c.entity_id) ELSE 1 END, \
             c.content, c.docstring, page.score \
             FROM page JOIN code_content c ON c.id = page.id JOIN files f ON f.id = c.file_id \
             JOIN projects p ON p.id = f.project_id ORDER BY page.score DESC, c.id"
        );
        (count, list)
    }
}

fn read_hit(row: RowRef<'_>, phrases: &[Phrase]) -> driver_api::Result<SearchHit> {
    let (entity_type, name) = (row.text(0)?, row.opt(2, RowRef::text)?);
    let (path, root) = (row.text(3)?, row.text(4)?);
    let entity_line = if row.is_null(5)? { 1 } else { line(row, 5)? };
    let (line, snippet) = match first_hit(row.text(6)?, phrases) {
        Some(hit) => (entity_line.saturating_add(hit.lines_before), hit.line),
        None => {
            let docstring = row.opt(7, RowRef::text)?.unwrap_or_default();
            let texts = [entity_type, name.unwrap_or_default(), docstring];
            (entity_line, snippet(&texts, phrases))
        }
    };
    Ok(SearchHit {
        entity_type: entity_type.to_owned(),
        entity_id: row.opt(1, RowRef::i64)?,
        entity_name: name.map(str::to_owned),
        file_path: path.to_owned(),
        relative_path: relative_to(root, path),
        entity_line,
        line,
        snippet,
        score: row.f64(8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_as_many_places_as_values() {
        for (dialect, ranked) in [
            (Dialect::Sqlite, 0),
            (Dialect::Postgres, 1),
            (Dialect::Mysql, 1),
        ] {
            let index = Index::of(dialect).unwrap();
            let (count, list) = index.statements("f.deleted IS NOT TRUE", 4);
            assert_eq!(count.matches('?').count(), 1);
            assert_eq!(list.matches('?').count(), 5 + ranked, "{list}");
        }
        assert!(Index::of(Dialect::Generic).is_none());
    }
}
