//! Classes, functions and methods: lists of them, and all that is known of one.

use driver_api::{Dialect, DriverError, ErrorClass, RowRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::database::CodeDatabase;
use super::error::{CodeDbError, Doing, Result};
use super::page::{Page, PageRequest};
use super::projects::count;
use super::scope::{Conditions, Resolved, Scope, relative_to};
use super::usages::line;

/// What kind of entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A class, or what stands in its place.
    Class,
    /// A function outside classes.
    Function,
    /// A method.
    Method,
}

impl EntityKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Class, Self::Function, Self::Method];

    /// The word that the database and the commands use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Function => "function",
            Self::Method => "method",
        }
    }

    /// The kind that this word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    fn table(self) -> &'static str {
        match self {
            Self::Class => "classes",
            Self::Function => "functions",
            Self::Method => "methods",
        }
    }

    /// The entities `e` with their files `f`.
    pub(super) fn with_files(self) -> &'static str {
        match self {
            Self::Class => "classes e JOIN files f ON f.id = e.file_id",
            Self::Function => "functions e JOIN files f ON f.id = e.file_id",
            Self::Method => {
                "methods e JOIN classes c ON c.id = e.class_id JOIN files f ON f.id = c.file_id"
            }
        }
    }

    /// The same for a reader that goes from file to file.
    fn of_files(self) -> (&'static str, &'static str) {
        match self {
            Self::Class => ("classes e", "e.file_id = f.id"),
            Self::Function => ("functions e", "e.file_id = f.id"),
            Self::Method => (
                "classes c CROSS JOIN methods e",
                "c.file_id = f.id AND e.class_id = c.id",
            ),
        }
    }

    /// The values of [`COLUMNS`]; null where the kind has no such thing.
    fn select_list(self) -> &'static str {
        match self {
            Self::Class => {
                "'class', e.id, e.name, NULL, f.path, f.project_id, e.line, e.docstring, NULL, e.bases, NULL, \
                 NULL, NULL, NULL, f.id"
            }
            Self::Function => {
                "'function', e.id, e.name, NULL, f.path, f.project_id, e.line, e.docstring, e.args, NULL, \
                 e.complexity, NULL, NULL, NULL, f.id"
            }
            Self::Method => {
                "'method', e.id, e.name, c.name, f.path, f.project_id, e.line, e.docstring, e.args, NULL, \
                 e.complexity, e.is_abstract, e.has_pass, e.has_not_implemented, f.id"
            }
        }
    }
}

/// What a list of entities selects of each.
const COLUMNS: &str = "entity_type, id, name, class_name, path, project_id, line, docstring, args, bases, \
                       complexity, is_abstract, has_pass, has_not_implemented, file_id";

/// Which entities are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct EntityQuery<'a> {
    /// Only those of this kind.
    pub kind: Option<EntityKind>,
    /// Only those of this name; `Class.method` names a method of one class.
    pub name: Option<&'a str>,
    /// Only the one at this line, from 1.
    pub line: Option<u32>,
    /// Where they are.
    pub scope: Scope<'a>,
}

/// A class, function or method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entity {
    /// What kind of entity.
    pub entity_type: EntityKind,
    /// Its id in the table of its kind; it stays when its file is indexed again.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The class of a method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// Absolute path of its file.
    pub file_path: String,
    /// That path below the root of its project.
    pub relative_path: String,
    /// The id of its project.
    pub project_id: String,
    /// First line, from 1.
    pub line: u32,
    /// Last line, where its text is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// What it says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docstring: Option<String>,
    /// Parameters of a function or method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// Bases of a class, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bases: Option<Vec<String>>,
    /// Cyclomatic complexity of a function or method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complexity: Option<u32>,
    /// Whether a method is declared for others to implement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_abstract: Option<bool>,
    /// Whether a method does nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_pass: Option<bool>,
    /// Whether a method says that it is not implemented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_not_implemented: Option<bool>,
}

impl CodeDatabase {
    /// Entities by path, line and kind.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`] for an unknown file, and the driver's.
    pub fn list_code_entities(
        &self,
        query: &EntityQuery<'_>,
        page: PageRequest,
    ) -> Result<Page<Entity>> {
        let scope = self.resolve(&query.scope)?;
        let mut kinds: Vec<EntityKind> = query
            .kind
            .map_or(EntityKind::ALL.to_vec(), |kind| vec![kind]);
        // Methods first: they have a value in most columns, which tells PostgreSQL the type of the others' nulls.
        kinds.reverse();
        let dialect = self.database.dialect();
        let counts_others = query.is_of_files() && self.holds_most_files(query.scope.project_id)?;
        let parts: Vec<Part<'_>> = kinds
            .into_iter()
            .map(|kind| {
                Part::of(
                    dialect,
                    kind,
                    query,
                    conditions(&scope, kind, query),
                    counts_others,
                )
            })
            .collect();
        let found = self.database.read(|session| {
            let mut total = 0;
            let mut lists: Vec<&str> = Vec::new();
            let mut params = Vec::new();
            for part in &parts {
                let counted =
                    session
                        .query_first(&part.count, part.conditions.params(), |row| count(row, 0))?;
                // A kind of which there is none need not be looked for.
                let Some(rows @ 1..) = counted else { continue };
                total += rows;
                lists.push(&part.list);
                params.extend_from_slice(part.conditions.params());
                params.extend(vec![page.end(); part.limits]);
            }
            params.extend(page.params());
            let items = match lists.is_empty() {
                true => Vec::new(),
                false => {
                    let list = list_statement(&lists.join(" UNION ALL "));
                    session.query_all(&list, &params, read_entity)?
                }
            };
            Ok(Page {
                items,
                total,
                offset: page.offset,
            })
        });
        found.doing("listing entities")
    }

    /// Whether a project, or all of them, hold more than half of the files.
    fn holds_most_files(&self, project_id: Option<&str>) -> Result<bool> {
        let Some(project_id) = project_id else {
            return Ok(true);
        };
        let sql = "SELECT (SELECT count(*) FROM files WHERE project_id = ?), (SELECT count(*) FROM files)";
        let counted = self.database.read(|session| {
            session.query_first(sql, &[project_id.into()], |row| {
                Ok((row.i64(0)?, row.i64(1)?))
            })
        });
        let (own, all) = counted.doing("counting files")?.unwrap_or_default();
        Ok(own > all - own)
    }

    /// All that is known of the entities of this kind and name; several where a name is defined more than once.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`] with the nearest names when there is none, and the driver's.
    pub fn get_code_entity_info(
        &self,
        kind: EntityKind,
        name: &str,
        at_line: Option<u32>,
        scope: Scope<'_>,
        page: PageRequest,
    ) -> Result<Page<Entity>> {
        let query = EntityQuery {
            kind: Some(kind),
            name: Some(name),
            line: at_line,
            scope,
        };
        let found = self.list_code_entities(&query, page)?;
        if found.total == 0 {
            let short = name.rsplit('.').next().unwrap_or(name);
            let nearest = self.nearest_entity_names(scope.project_id, Some(kind), short)?;
            return Err(CodeDbError::NotFound {
                what: kind.as_str(),
                name: name.to_owned(),
                nearest,
            });
        }
        Ok(found)
    }
}

impl EntityQuery<'_> {
    /// Whether it asks for all entities of some files, but perhaps of one kind.
    fn is_of_files(&self) -> bool {
        let Self { name, line, .. } = self;
        name.is_none() && line.is_none()
    }
}

/// The statements about one kind.
struct Part<'a> {
    count: String,
    /// The first entities, in the order of the whole list.
    list: String,
    /// Number of `LIMIT ?` in `list`, behind the values of `conditions`.
    limits: usize,
    conditions: Conditions<'a>,
}

impl<'a> Part<'a> {
    fn of(
        dialect: Dialect,
        kind: EntityKind,
        query: &EntityQuery<'_>,
        conditions: Conditions<'a>,
        counts_others: bool,
    ) -> Self {
        let from = format!("FROM {} WHERE {}", kind.with_files(), conditions.sql());
        let count = match counts_others {
            true => all_but_others(kind, &conditions),
            false => format!("SELECT count(*) {from}"),
        };
        let (list, limits) = match query.is_of_files() {
            true => (
                first_of(dialect, kind, &from_first_files(kind, &conditions)),
                2,
            ),
            false => (first_of(dialect, kind, &from), 1),
        };
        Self {
            count,
            list,
            limits,
            conditions,
        }
    }
}

/// Counts the entities of a kind in most of the files: those of the others are taken away, instead of looking the file of
/// each entity up.
fn all_but_others(kind: EntityKind, conditions: &Conditions<'_>) -> String {
    let (entities, join) = kind.of_files();
    format!(
        "SELECT (SELECT count(*) FROM {table}) - \
         (SELECT count(*) FROM files f CROSS JOIN {entities} WHERE {join} AND NOT ({conditions}))",
        table = kind.table(),
        conditions = conditions.sql(),
    )
}

/// The entities of the first files that have any, `LIMIT ?`: as many files hold at least as many entities. Without the limit
/// the database would read and sort all of them for each page.
fn from_first_files(kind: EntityKind, conditions: &Conditions<'_>) -> String {
    let (entities, join) = kind.of_files();
    format!(
        "FROM (SELECT f.id, f.path, f.project_id FROM files f WHERE {conditions} \
         AND EXISTS (SELECT 1 FROM {entities} WHERE {join}) ORDER BY f.path, f.id LIMIT ?) f \
         CROSS JOIN {entities} WHERE {join}",
        conditions = conditions.sql(),
    )
}

/// The first entities of a kind, `LIMIT ?`, which the database reads in the order of its indexes. Without the limit it
/// would sort all of them for each page.
fn first_of(dialect: Dialect, kind: EntityKind, from: &str) -> String {
    let select = format!(
        "SELECT {} {from} ORDER BY f.path, f.id, e.line, e.id LIMIT ?",
        kind.select_list()
    );
    match dialect {
        // It has no parentheses around the parts of a union.
        Dialect::Sqlite => format!("SELECT * FROM ({select})"),
        // They have no derived tables with columns of one name.
        _ => format!("({select})"),
    }
}

/// What the query asks for, of entities of this kind.
fn conditions<'a>(
    scope: &Resolved<'a>,
    kind: EntityKind,
    query: &EntityQuery<'a>,
) -> Conditions<'a> {
    let mut conditions = Conditions::of(scope);
    match query.name.map(|name| (name, name.rsplit_once('.'))) {
        None => {}
        Some((name, None)) => conditions.and("e.name = ?", [name.into()]),
        Some((_, Some((class, name)))) if kind == EntityKind::Method => {
            conditions.and("e.name = ?", [name.into()]);
            conditions.and("c.name = ?", [class.into()]);
        }
        // Only methods have a name of two parts.
        Some((_, Some(_))) => conditions.and("1 = 0", []),
    }
    if let Some(line) = query.line {
        conditions.and("e.line = ?", [line.into()]);
    }
    conditions
}

/// One page of `list`, with the project's root, and the last line from the stored text, which keeps every line
/// of its entity. Roots and texts are looked up for the page alone.
fn list_statement(list: &str) -> String {
    format!(
        "WITH l({COLUMNS}) AS ({list}), \
         page AS (SELECT * FROM l ORDER BY path, file_id, line, entity_type, id LIMIT ? OFFSET ?) \
         SELECT page.*, p.root_path, (SELECT max(length(t.content) - length(replace(t.content, '\n', ''))) \
         FROM code_content t WHERE t.entity_type = page.entity_type AND t.entity_id = page.id) \
         FROM page JOIN projects p ON p.id = page.project_id ORDER BY path, file_id, line, entity_type, page.id"
    )
}

fn read_entity(row: RowRef<'_>) -> driver_api::Result<Entity> {
    let word = row.text(0)?;
    let entity_type = EntityKind::from_word(word).ok_or_else(|| unknown_kind(word))?;
    let (path, root) = (row.text(4)?, row.text(15)?);
    let first = line(row, 6)?;
    Ok(Entity {
        entity_type,
        id: row.i64(1)?,
        name: row.text(2)?.to_owned(),
        class_name: row.opt(3, RowRef::text)?.map(str::to_owned),
        file_path: path.to_owned(),
        relative_path: relative_to(root, path),
        project_id: row.text(5)?.to_owned(),
        line: first,
        end_line: row
            .opt(16, RowRef::i64)?
            .map(|more| first.saturating_add(u32::try_from(more).unwrap_or(0))),
        docstring: row.opt(7, RowRef::text)?.map(str::to_owned),
        args: row.opt(8, RowRef::text)?.map(names),
        bases: row.opt(9, RowRef::text)?.map(names),
        complexity: row
            .opt(10, RowRef::i64)?
            .map(|value| u32::try_from(value).unwrap_or(0)),
        is_abstract: row.opt(11, RowRef::bool)?,
        has_pass: row.opt(12, RowRef::bool)?,
        has_not_implemented: row.opt(13, RowRef::bool)?,
    })
}

/// The names of a JSON list; text that is none is the only name, as some older rows have it.
fn names(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_else(|_| vec![json.to_owned()])
}

fn unknown_kind(word: &str) -> DriverError {
    DriverError::new(
        ErrorClass::Internal,
        format!("the database answered the entity type {word:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_kinds_are_each_others() {
        for kind in EntityKind::ALL {
            assert_eq!(EntityKind::from_word(kind.as_str()), Some(kind));
        }
        assert_eq!(EntityKind::from_word("module"), None);
    }

    #[test]
    fn a_dotted_name_is_a_method_of_a_class() {
        let query = EntityQuery {
            name: Some("Cart.add"),
            line: Some(7),
            ..EntityQuery::default()
        };
        let scope = Resolved::default();
        let method = conditions(&scope, EntityKind::Method, &query);
        assert_eq!(
            method.sql(),
            "f.deleted IS NOT TRUE AND e.name = ? AND c.name = ? AND e.line = ?"
        );
        let class = conditions(&scope, EntityKind::Class, &query);
        assert_eq!(
            class.sql(),
            "f.deleted IS NOT TRUE AND 1 = 0 AND e.line = ?"
        );
    }

    #[test]
    fn every_kind_selects_every_column() {
        for kind in EntityKind::ALL {
            assert_eq!(
                kind.select_list().split(',').count(),
                COLUMNS.split(',').count(),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn lists_of_names_are_json() {
        assert_eq!(names(r#"["a", "b"]"#), ["a", "b"]);
        assert_eq!(names("Base"), ["Base"]);
    }
}
