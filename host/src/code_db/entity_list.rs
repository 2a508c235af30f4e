//! The statements of a list of entities: how many there are of each kind, and one page of all.

use driver_api::Dialect;

use super::entities::{EntityKind, EntityQuery};
use super::scope::{Conditions, Resolved};

/// What a list of entities selects of each.
const COLUMNS: &str = "entity_type, id, name, class_name, path, project_id, line, docstring, args, bases, \
                       complexity, is_abstract, has_pass, has_not_implemented, file_id";

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

/// The statements about one kind.
pub(super) struct Part<'a> {
    /// The number of entities, as an expression.
    pub(super) count: String,
    /// The first entities, in the order of the whole list.
    pub(super) list: String,
    /// Number of `LIMIT ?` in `list`, behind the values of `conditions`.
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
            true => all_but_others(kind, &conditions),
            false => format!("(SELECT count(*) {from})"),
        };
        let first_files = || {
            let by_path = dialect == Dialect::Sqlite && counts_others;
            from_first_files(kind, &conditions, by_path)
        };
        let (list, limits) = match query.is_of_files() {
            true => (first_of(dialect, kind, &first_files()), 2),
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
        "(SELECT count(*) FROM {table}) - \
         (SELECT count(*) FROM files f CROSS JOIN {entities} WHERE {join} AND NOT ({conditions}))",
        table = kind.table(),
        conditions = conditions.sql(),
    )
}

/// The entities of the first files that have any, `LIMIT ?`: as many files hold at least as many entities. Without the limit
/// the database would read and sort all of them for each page. Most of all files are read `by_path`: a plus keeps SQLite from
/// the index of projects, after which it would sort the project's files.
fn from_first_files(kind: EntityKind, conditions: &Conditions<'_>, by_path: bool) -> String {
    let (entities, join) = kind.of_files();
    let conditions = match by_path {
        true => conditions
            .sql()
            .replace("f.project_id = ?", "+f.project_id = ?"),
        false => conditions.sql().to_owned(),
    };
    format!(
        "FROM (SELECT f.id, f.path, f.project_id FROM files f WHERE {conditions} \
         AND EXISTS (SELECT 1 FROM {entities} WHERE {join}) ORDER BY f.path, f.id LIMIT ?) f \
         CROSS JOIN {entities} WHERE {join}",
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

/// One page of `list`, with the project's root, and the last line from the stored text, which keeps every line
/// of its entity. Roots and texts are looked up for the page alone.
pub(super) fn list_statement(list: &str) -> String {
    format!(
        "WITH l({COLUMNS}) AS ({list}), \
         page AS (SELECT * FROM l ORDER BY path, file_id, line, entity_type, id LIMIT ? OFFSET ?) \
         SELECT page.*, p.root_path, (SELECT max(length(t.content) - length(replace(t.content, '\n', ''))) \
         FROM code_content t WHERE t.entity_type = page.entity_type AND t.entity_id = page.id) \
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
