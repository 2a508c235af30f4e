//! The statements of a list of entities: how many there are of each kind, and one page of all.

use driver_api::Dialect;

use super::entities::{EntityKind, EntityQuery};
use super::scope::{Conditions, Resolved};

/// What a list of entities selects of each.
const COLUMNS: &str = "entity_type, id, name, class_name, path, project_id, line, docstring, args, bases, \
                       complexity, is_abstract, has_pass, has_not_implemented, end_line, file_id";

impl EntityKind {
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
                 NULL, NULL, NULL, e.end_line, f.id"
            }
            Self::Function => {
                "'function', e.id, e.name, NULL, f.path, f.project_id, e.line, e.docstring, e.args, NULL, \
                 e.complexity, NULL, NULL, NULL, e.end_line, f.id"
            }
            Self::Method => {
                "'method', e.id, e.name, c.name, f.path, f.project_id, e.line, e.docstring, e.args, NULL, \
                 e.complexity, e.is_abstract, e.has_pass, e.has_not_implemented, e.end_line, f.id"
            }
        }
    }
}

/// The statements about one kind.
pub(super) struct Part<'a> {
    /// The number of entities, as an expression.
    pub(super) count: String,
    /// The first entities, in the order of the whole list.
    pub(super) list: String,
    /// How often the end of the page is a value of `list`, behind those of `conditions`.
    pub(super) limits: usize,
    pub(super) conditions: Conditions<'a>,
}

impl<'a> Part<'a> {
    pub(super) fn of(
        dialect: Dialect,
        kind: EntityKind,
        query: &EntityQuery<'_>,
        conditions: Conditions<'a>,
        counts_others: bool,
    ) -> Self {
        let from = format!("FROM {} WHERE {}", kind.with_files(), conditions.sql());
        let count = match counts_others {
            true => all_but_others(kind),
            false => format!("(SELECT count(*) {from})"),
        };
        let first_files = || {
            let by_path = dialect == Dialect::Sqlite && counts_others;
            from_first_files(kind, &conditions, by_path)
        };
        let (list, limits) = match query.is_of_files() {
            true => (first_of(dialect, kind, &first_files()), 3),
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

/// Counts the entities of a kind in most of the files: those of the [`others`] are taken away, instead of looking the
/// file of each entity up.
fn all_but_others(kind: EntityKind) -> String {
    let (entities, join) = kind.of_files();
    format!(
        "(SELECT count(*) FROM {}) - (SELECT count(*) FROM others f CROSS JOIN {entities} WHERE {join})",
        kind.table(),
    )
}

/// What goes before the counts: the files that are out of a list of all live files, or of those of a project, whose id
/// is the value of both `?` then. Each part is one that SQLite has an index for.
pub(super) fn others(dialect: Dialect, of_project: bool) -> String {
    let is_deleted = match dialect {
        Dialect::Sqlite => "deleted = 1",
        _ => "deleted IS TRUE",
    };
    let of_other_projects = match of_project {
        true => {
            " UNION SELECT id FROM files WHERE project_id < ? UNION SELECT id FROM files WHERE project_id > ?"
        }
        false => "",
    };
    format!("WITH others AS (SELECT id FROM files WHERE {is_deleted}{of_other_projects}) ")
}

/// The entities of the first files that together have enough, both times `?`: the first files that have any, as many of them
/// as entities are wanted, and of those the ones before which there are fewer. Without either the database would read and
/// sort many more for each page. Most of all files are read `by_path`: a plus keeps SQLite from the index of projects,
/// after which it would sort the project's files.
fn from_first_files(kind: EntityKind, conditions: &Conditions<'_>, by_path: bool) -> String {
    let (entities, join) = kind.of_files();
    let conditions = match by_path {
        true => conditions
            .sql()
            .replace("f.project_id = ?", "+f.project_id = ?"),
        false => conditions.sql().to_owned(),
    };
    format!(
        "FROM (SELECT w.id, w.path, w.project_id FROM (\
         SELECT n.id, n.path, n.project_id, n.entities, sum(n.entities) OVER (ORDER BY n.path, n.id) AS entities_so_far FROM (\
         SELECT f.id, f.path, f.project_id, (SELECT count(*) FROM {entities} WHERE {join}) AS entities \
         FROM files f WHERE {conditions} AND EXISTS (SELECT 1 FROM {entities} WHERE {join}) ORDER BY f.path, f.id LIMIT ?\
         ) n) w WHERE w.entities_so_far - w.entities < ?) f CROSS JOIN {entities} WHERE {join}",
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
pub(super) fn conditions<'a>(
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

/// One page of `list`, with the project's root, and how many lines come after the first: of older rows the text tells, which
/// keeps every line of its entity. Roots and texts are looked up for the page alone.
pub(super) fn list_statement(list: &str) -> String {
    format!(
        "WITH l({COLUMNS}) AS ({list}), \
         page AS (SELECT * FROM l ORDER BY path, file_id, line, entity_type, id LIMIT ? OFFSET ?) \
         SELECT page.*, p.root_path, COALESCE(page.end_line - page.line, \
         (SELECT max(length(t.content) - length(replace(t.content, '\n', ''))) \
         FROM code_content t WHERE t.entity_type = page.entity_type AND t.entity_id = page.id)) \
         FROM page JOIN projects p ON p.id = page.project_id ORDER BY path, file_id, line, entity_type, page.id"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
