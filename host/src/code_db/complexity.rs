//! What stands out by its size: complex functions, long files.

use driver_api::RowRef;
use schemars::JsonSchema;
use serde::Serialize;

use super::database::CodeDatabase;
use super::entities::EntityKind;
use super::error::{Doing, Result};
use super::page::{Page, PageRequest};
use super::scope::{Conditions, Scope, relative_to};
use super::usages::line;

/// A function or method with its complexity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ComplexEntity {
    /// `function` or `method`.
    pub entity_type: String,
    /// Its name; a method's with its class before it.
    pub name: String,
    /// Its file, below the root of its project.
    pub relative_path: String,
    /// First line, from 1.
    pub line: u32,
    /// Cyclomatic complexity: 1 and one for each condition, loop, handler of an error, guard, operator that may leave out
    /// its right side (`&&`, `or`), and each arm that does not take all that is left; text of macros is not looked into.
    pub complexity: u32,
    /// The id of its file.
    #[serde(skip)]
    pub file_id: i64,
}

impl CodeDatabase {
    /// Functions and methods of at least this complexity, most complex first, then by path and line.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`](super::error::CodeDbError::NotFound) for an unknown file, and the driver's.
    pub fn complex_entities(
        &self,
        scope: &Scope<'_>,
        least: u32,
        page: PageRequest,
    ) -> Result<Page<ComplexEntity>> {
        let scope = self.resolve(scope)?;
        let (mut params, mut counts, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        for kind in [EntityKind::Method, EntityKind::Function] {
            let mut conditions = Conditions::of(&scope);
            conditions.and("e.complexity >= ?", [least.into()]);
            let from = format!("FROM {} WHERE {}", kind.with_files(), conditions.sql());
            let class = match kind {
                EntityKind::Method => "c.name",
                _ => "NULL",
            };
            let (word, from_files) = (kind.as_str(), &from);
            counts.push(format!("(SELECT count(*) {from})"));
            lists.push(format!(
                "SELECT '{word}' AS entity_type, e.name AS name, {class} AS class_name, f.path AS path, \
                 f.project_id AS project_id, f.id AS file_id, e.line AS line, e.complexity AS complexity {from_files}"
            ));
            params.extend_from_slice(conditions.params());
        }
        let count = format!("SELECT {}", counts.join(" + "));
        let list = format!(
            "SELECT l.entity_type, l.name, l.class_name, l.path, p.root_path, l.line, l.complexity, l.file_id FROM ({}) l \
             JOIN projects p ON p.id = l.project_id \
             ORDER BY l.complexity DESC, l.path, l.line, l.name LIMIT ? OFFSET ?",
            lists.join(" UNION ALL ")
        );
        let read = |row: RowRef<'_>| {
            let name = row.text(1)?;
            Ok(ComplexEntity {
                entity_type: row.text(0)?.to_owned(),
                name: match row.opt(2, RowRef::text)? {
                    Some(class) => format!("{class}.{name}"),
                    None => name.to_owned(),
                },
                relative_path: relative_to(row.text(4)?, row.text(3)?),
                line: line(row, 5)?,
                complexity: line(row, 6)?,
                file_id: row.i64(7)?,
            })
        };
        self.page(&count, &list, &params, page, read)
            .doing("looking for complex functions")
    }
}
