//! Classes, functions and methods: lists of them, and all that is known of one.

use driver_api::{DriverError, ErrorClass, RowRef, ValueRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::database::CodeDatabase;
use super::entity_list::{Part, conditions, list_statement, others};
use super::error::{CodeDbError, Doing, Result};
use super::page::{Page, PageRequest};
use super::projects::count;
use super::scope::{Scope, relative_to};
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
}

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

/// Files that take as long to count as a question takes to ask.
const MANY_FILES: i64 = 1_000;

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
        let counts_others = query.is_of_files()
            && query.scope.file.is_none()
            && self.holds_most_files(query.scope.project_id)?;
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
        let counts: Vec<&str> = parts.iter().map(|part| &*part.count).collect();
        let (others, count_params) = match (counts_others, query.scope.project_id) {
            (true, Some(id)) => (others(dialect, true), vec![ValueRef::from(id); 2]),
            (true, None) => (others(dialect, false), Vec::new()),
            (false, _) => {
                let of_parts = parts.iter().flat_map(|part| part.conditions.params());
                (String::new(), of_parts.copied().collect())
            }
        };
        let counts = format!("{others}SELECT {}", counts.join(", "));
        let found = self.database.read(|session| {
            let counted = session.query_first(&counts, &count_params, |row| {
                (0..parts.len()).map(|place| count(row, place)).collect()
            })?;
            let counted: Vec<u64> = counted.unwrap_or_default();
            let total = counted.iter().sum();
            let mut lists: Vec<&str> = Vec::new();
            let mut params = Vec::new();
            // A kind of which there is none need not be looked for.
            for (part, _) in parts.iter().zip(&counted).filter(|(_, rows)| **rows > 0) {
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
        // The files of others first, up to some: in most databases one project has nearly all.
        let sql = format!(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM files WHERE project_id < ? \
             UNION ALL SELECT 1 FROM files WHERE project_id > ? LIMIT {MANY_FILES}) AS others), \
             (SELECT count(*) FROM files)"
        );
        let own = "SELECT count(*) FROM files WHERE project_id = ?";
        let id = ValueRef::from(project_id);
        let counted = self.database.read(|session| {
            let counted =
                session.query_first(&sql, &[id, id], |row| Ok((row.i64(0)?, row.i64(1)?)))?;
            let (others, all) = counted.unwrap_or_default();
            if others < MANY_FILES {
                return Ok((all - others, others));
            }
            let own = session.query_first(own, &[id], |row| Ok(row.i64(0)?))?;
            let own = own.unwrap_or_default();
            Ok((own, all - own))
        });
        let (own, others) = counted.doing("counting files")?;
        Ok(own > others)
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
    pub(super) fn is_of_files(&self) -> bool {
        let Self { name, line, .. } = self;
        name.is_none() && line.is_none()
    }
}

fn read_entity(row: RowRef<'_>) -> driver_api::Result<Entity> {
    let word = row.text(0)?;
    let entity_type = EntityKind::from_word(word).ok_or_else(|| unknown_kind(word))?;
    let (path, root) = (row.text(4)?, row.text(16)?);
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
            .opt(17, RowRef::i64)?
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
    fn lists_of_names_are_json() {
        assert_eq!(names(r#"["a", "b"]"#), ["a", "b"]);
        assert_eq!(names("Base"), ["Base"]);
    }
}
