//! What indexing found to be wrong or unfinished: text that does not parse, methods that are empty or not implemented.

use driver_api::RowRef;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::database::CodeDatabase;
use super::error::{Doing, Result};
use super::scope::{Conditions, relative_to};
use super::usages::line;

/// Something wrong or unfinished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// `syntax_error`, `not_implemented` or `empty_method`.
    pub category: &'static str,
    /// Its file, below the root of its project.
    pub relative_path: String,
    /// Line, from 1.
    pub line: u32,
    /// What is wrong, or the name of the method.
    pub message: String,
    /// The id of its file.
    #[serde(skip)]
    pub file_id: i64,
}

impl CodeDatabase {
    /// Everything wrong or unfinished, by category, path and line.
    ///
    /// # Errors
    /// The driver's.
    pub fn findings(&self, project_id: Option<&str>) -> Result<Vec<Finding>> {
        let mut found = self.syntax_errors(project_id)?;
        found.extend(self.methods_where(
            project_id,
            "m.has_not_implemented IS TRUE",
            "not_implemented",
        )?);
        found.extend(self.methods_where(
            project_id,
            "m.has_pass IS TRUE AND m.is_abstract IS NOT TRUE",
            "empty_method",
        )?);
        found.sort_by(|a, b| {
            (a.category, &a.relative_path, a.line).cmp(&(b.category, &b.relative_path, b.line))
        });
        Ok(found)
    }

    fn syntax_errors(&self, project_id: Option<&str>) -> Result<Vec<Finding>> {
        let conditions = Conditions::live_files(project_id);
        let sql = format!(
            "SELECT f.path, p.root_path, s.parse_errors, f.id FROM file_states s JOIN files f ON f.id = s.file_id \
             JOIN projects p ON p.id = f.project_id WHERE s.parse_errors IS NOT NULL AND {}",
            conditions.sql()
        );
        let read = |row: RowRef<'_>| {
            let path = relative_to(row.text(1)?, row.text(0)?);
            Ok((path, row.text(2)?.to_owned(), row.i64(3)?))
        };
        let rows = self
            .database
            .read(|session| session.query_all(&sql, conditions.params(), read))
            .doing("looking for syntax errors")?;
        let found = rows.into_iter().flat_map(|(path, json, file_id)| {
            let errors: Vec<Value> = serde_json::from_str(&json).unwrap_or_default();
            errors.into_iter().map(move |error| Finding {
                category: "syntax_error",
                relative_path: path.clone(),
                line: error["line"]
                    .as_u64()
                    .and_then(|line| u32::try_from(line).ok())
                    .unwrap_or(0),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
                file_id,
            })
        });
        Ok(found.collect())
    }

    fn methods_where(
        &self,
        project_id: Option<&str>,
        condition: &'static str,
        category: &'static str,
    ) -> Result<Vec<Finding>> {
        let mut conditions = Conditions::live_files(project_id);
        conditions.and(condition, []);
        let sql = format!(
            "SELECT f.path, p.root_path, m.line, c.name, m.name, f.id FROM methods m JOIN classes c ON c.id = m.class_id \
             JOIN files f ON f.id = c.file_id JOIN projects p ON p.id = f.project_id WHERE {}",
            conditions.sql()
        );
        let read = |row: RowRef<'_>| {
            Ok(Finding {
                category,
                relative_path: relative_to(row.text(1)?, row.text(0)?),
                line: line(row, 2)?,
                message: format!("{}.{}", row.text(3)?, row.text(4)?),
                file_id: row.i64(5)?,
            })
        };
        self.database
            .read(|session| session.query_all(&sql, conditions.params(), read))
            .doing("looking for unfinished methods")
    }
}
