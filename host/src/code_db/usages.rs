//! Where something is called, instantiated or accessed.

use driver_api::RowRef;
use schemars::JsonSchema;
use serde::Serialize;

use super::database::CodeDatabase;
use super::error::{Doing, Result};
use super::graph::UsageSite;
use super::page::{Page, PageRequest};
use super::scope::{Conditions, Scope, relative_to};

/// Every kind of target. Named in the query where the caller names none, because the index begins with it.
const TARGET_TYPES: [&str; 4] = ["class", "function", "method", "property"];

/// What usages are looked for.
#[derive(Clone, Copy, Debug)]
pub struct UsageQuery<'a> {
    /// The name that is used, without its class or module.
    pub target_name: &'a str,
    /// `class`, `function`, `method` or `property`; any without.
    pub target_type: Option<&'a str>,
    /// The class that the text names as the target's; any without.
    pub target_class: Option<&'a str>,
    /// Where the usages are.
    pub scope: Scope<'a>,
}

/// One place where something is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UsageRow {
    /// Absolute path of the file.
    pub file_path: String,
    /// Its path below the root of its project.
    pub relative_path: String,
    /// Line, from 1.
    pub line: u32,
    /// Byte column of the name, from 0; none in files that an older version indexed.
    pub column: Option<u32>,
    /// `call`, `instantiation` or `attribute`.
    pub usage_type: String,
    /// `class`, `function`, `method` or `property`.
    pub target_type: String,
    /// The class that the text names as the target's.
    pub target_class: Option<String>,
    /// The name that is used.
    pub target_name: String,
    /// The definitions around it: `class:Cart | function:checkout`.
    pub context: Option<String>,
    /// What stands before the name, where that is a plain path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver: Option<String>,
    /// The id of its file.
    #[serde(skip)]
    pub file_id: i64,
    /// The id of its project.
    #[serde(skip)]
    pub project_id: String,
}

impl UsageRow {
    /// It in the terms of the code graph.
    pub fn site(&self) -> UsageSite {
        UsageSite {
            file_id: self.file_id,
            project_id: self.project_id.clone(),
            relative_path: self.relative_path.clone(),
            line: self.line,
            column: self.column,
            usage_type: self.usage_type.clone(),
            target_type: self.target_type.clone(),
            target_class: self.target_class.clone(),
            target_name: self.target_name.clone(),
            receiver: self.receiver.clone(),
            context: self.context.clone(),
        }
    }
}

impl CodeDatabase {
    /// The usages of a name, by path and line.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`](super::error::CodeDbError::NotFound) for an unknown file, and the driver's.
    pub fn find_usages(&self, query: &UsageQuery<'_>, page: PageRequest) -> Result<Page<UsageRow>> {
        let conditions = self.usage_conditions(query)?;
        // CROSS JOIN keeps SQLite from starting with the files, which reads every usage of the project.
        let from = "usages u CROSS JOIN files f CROSS JOIN projects p";
        let count = format!("SELECT count(*) FROM {from} WHERE {}", conditions.sql());
        let list = format!(
            "SELECT f.path, p.root_path, u.line, u.usage_type, u.target_type, u.target_class, u.target_name, \
             u.context, u.column_number, u.receiver, u.file_id, f.project_id FROM {from} WHERE {} ORDER BY f.path, u.line, u.id LIMIT ? OFFSET ?",
            conditions.sql()
        );
        self.page(&count, &list, conditions.params(), page, read_usage)
            .doing("looking for usages")
    }

    fn usage_conditions<'a>(&self, query: &UsageQuery<'a>) -> Result<Conditions<'a>> {
        let scope = self.resolve(&query.scope)?;
        let mut conditions = Conditions::of(&scope);
        conditions.and("f.id = u.file_id AND p.id = f.project_id", []);
        if let Some(ids) = scope.file_ids() {
            conditions.and_in("u.file_id", ids.iter().map(|id| (*id).into()));
        }
        match query.target_type {
            Some(kind) => conditions.and("u.target_type = ?", [kind.into()]),
            None => conditions.and_in("u.target_type", TARGET_TYPES.map(Into::into)),
        }
        conditions.and("u.target_name = ?", [query.target_name.into()]);
        if let Some(class) = query.target_class {
            conditions.and("u.target_class = ?", [class.into()]);
        }
        Ok(conditions)
    }
}

fn read_usage(row: RowRef<'_>) -> driver_api::Result<UsageRow> {
    let (path, root) = (row.text(0)?, row.text(1)?);
    Ok(UsageRow {
        file_path: path.to_owned(),
        relative_path: relative_to(root, path),
        line: line(row, 2)?,
        usage_type: row.text(3)?.to_owned(),
        target_type: row.text(4)?.to_owned(),
        target_class: row.opt(5, RowRef::text)?.map(str::to_owned),
        target_name: row.text(6)?.to_owned(),
        context: row.opt(7, RowRef::text)?.map(str::to_owned),
        column: match row.is_null(8)? {
            true => None,
            false => Some(line(row, 8)?),
        },
        receiver: row.opt(9, RowRef::text)?.map(str::to_owned),
        file_id: row.i64(10)?,
        project_id: row.text(11)?.to_owned(),
    })
}

/// A line number; what no line can be counts as 0.
pub(super) fn line(row: RowRef<'_>, column: usize) -> driver_api::Result<u32> {
    Ok(u32::try_from(row.i64(column)?).unwrap_or(0))
}
