//! What files import.

use driver_api::RowRef;
use schemars::JsonSchema;
use serde::Serialize;

use super::database::CodeDatabase;
use super::error::{Doing, Result};
use super::graph::ImportRow;
use super::page::{Page, PageRequest};
use super::scope::{Conditions, Scope, relative_to};
use super::usages::line;

/// Which imports are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportQuery<'a> {
    /// `import` or `import_from`; both without.
    pub import_type: Option<&'a str>,
    /// The module that is imported, or that a name is taken from.
    pub module: Option<&'a str>,
    /// Where the imports are.
    pub scope: Scope<'a>,
}

/// One imported name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImportEntry {
    /// Its file, below the root of its project.
    pub relative_path: String,
    /// Line of the import.
    pub line: u32,
    /// `import` or `import_from`.
    pub import_type: String,
    /// The module, or the name taken out of one.
    pub name: String,
    /// The module that the name is taken from; empty for Python's `from . import x`.
    pub module: Option<String>,
    /// What the file calls it, where that differs from the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The same in the terms of the code graph.
    #[serde(skip)]
    pub row: ImportRow,
}

impl CodeDatabase {
    /// Imports by path and line.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`](super::error::CodeDbError::NotFound) for an unknown file, and the driver's.
    pub fn list_imports(
        &self,
        query: &ImportQuery<'_>,
        page: PageRequest,
    ) -> Result<Page<ImportEntry>> {
        let scope = self.resolve(&query.scope)?;
        let mut conditions = Conditions::of(&scope);
        if let Some(kind) = query.import_type {
            conditions.and("i.import_type = ?", [kind.into()]);
        }
        if let Some(module) = query.module {
            conditions.and(
                "(i.module = ? OR (i.import_type = 'import' AND i.name = ?))",
                [module.into(), module.into()],
            );
        }
        let from =
            "imports i JOIN files f ON f.id = i.file_id JOIN projects p ON p.id = f.project_id";
        let count = format!("SELECT count(*) FROM {from} WHERE {}", conditions.sql());
        let list = format!(
            "SELECT f.path, p.root_path, i.line, i.import_type, i.name, i.module, i.alias, i.level, i.file_id \
             FROM {from} WHERE {} ORDER BY f.path, i.line, i.id LIMIT ? OFFSET ?",
            conditions.sql()
        );
        self.page(&count, &list, conditions.params(), page, read_import)
            .doing("listing imports")
    }
}

fn read_import(row: RowRef<'_>) -> driver_api::Result<ImportEntry> {
    let import = ImportRow {
        file_id: row.i64(8)?,
        name: row.text(4)?.to_owned(),
        module: row.opt(5, RowRef::text)?.map(str::to_owned),
        alias: row.opt(6, RowRef::text)?.map(str::to_owned),
        level: match row.is_null(7)? {
            true => 0,
            false => line(row, 7)?,
        },
    };
    Ok(ImportEntry {
        relative_path: relative_to(row.text(1)?, row.text(0)?),
        line: line(row, 2)?,
        import_type: row.text(3)?.to_owned(),
        name: import.name.clone(),
        module: import.module.clone(),
        alias: import.alias.clone(),
        row: import,
    })
}
