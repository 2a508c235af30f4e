//! Which part of the code a question is about, as the conditions of a query.

use driver_api::{RowRef, ValueRef};

use super::database::CodeDatabase;
use super::error::{CodeDbError, Doing, Result};

/// Which part of the code a question is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// The id of the only project; all projects without.
    pub project_id: Option<&'a str>,
    /// The only file: its absolute path, or its path below the root of its project.
    pub file: Option<&'a str>,
}

/// Conditions of a `WHERE` clause with their values. Text comes from this module's callers' constants; what a
/// user gave is always a value.
pub(super) struct Conditions<'a> {
    sql: String,
    params: Vec<ValueRef<'a>>,
}

impl<'a> Conditions<'a> {
    /// Files that were not deleted, of the project if one is given.
    pub(super) fn live_files(project_id: Option<&'a str>) -> Self {
        // Null is what older databases hold in files that were never deleted.
        let mut conditions = Self {
            sql: "f.deleted IS NOT TRUE".to_owned(),
            params: Vec::new(),
        };
        if let Some(id) = project_id {
            conditions.and("f.project_id = ?", [id.into()]);
        }
        conditions
    }

    /// Live files, narrowed to those of a resolved scope.
    pub(super) fn of(scope: &Resolved<'a>) -> Self {
        let mut conditions = Self::live_files(scope.project_id);
        if let Some(ids) = &scope.file_ids {
            conditions.and_in("f.id", ids.iter().map(|id| ValueRef::from(*id)));
        }
        conditions
    }

    /// Adds a condition with as many `?` as values. It compares for equality: no stored text holds NUL, and some
    /// engine takes no value that does, so that with one of those nothing is found.
    pub(super) fn and(
        &mut self,
        sql: &'static str,
        values: impl IntoIterator<Item = ValueRef<'a>>,
    ) {
        let before = self.params.len();
        self.params.extend(values);
        let can_match = !self.params[before..].iter().any(holds_nul);
        if !can_match {
            self.params.truncate(before);
        }
        self.sql.push_str(" AND ");
        self.sql.push_str(if can_match { sql } else { NOTHING });
    }

    /// Adds `column IN (...)`; values with NUL are left out, as in [`and`](Self::and).
    pub(super) fn and_in(
        &mut self,
        column: &'static str,
        values: impl IntoIterator<Item = ValueRef<'a>>,
    ) {
        let before = self.params.len();
        self.params
            .extend(values.into_iter().filter(|value| !holds_nul(value)));
        match self.params.len() - before {
            0 => self.sql.push_str(&format!(" AND {NOTHING}")),
            count => {
                let list = placeholders(count);
                self.sql.push_str(&format!(" AND {column} IN ({list})"));
            }
        }
    }

    /// The text after `WHERE`.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    /// The values in the order of their `?`.
    pub(super) fn params(&self) -> &[ValueRef<'a>] {
        &self.params
    }
}

/// A condition that no row fulfils.
const NOTHING: &str = "1 = 0";

/// Whether it is a text that no engine stores.
pub(super) fn holds_nul(value: &ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Text(text) if text.contains('\0'))
}

/// `?, ?, ?`.
pub(super) fn placeholders(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// A scope whose file was looked up.
#[derive(Default)]
pub(super) struct Resolved<'a> {
    project_id: Option<&'a str>,
    /// More than one only where several projects hold a file of that relative path.
    file_ids: Option<Vec<i64>>,
}

impl Resolved<'_> {
    /// The ids of the scope's file, if it names one.
    pub(super) fn file_ids(&self) -> Option<&[i64]> {
        self.file_ids.as_deref()
    }
}

impl CodeDatabase {
    /// Looks up the scope's file.
    ///
    /// # Errors
    /// [`CodeDbError::NotFound`] with the nearest paths when there is no such file.
    pub(super) fn resolve<'a>(&self, scope: &Scope<'a>) -> Result<Resolved<'a>> {
        let project_id = scope.project_id;
        let Some(file) = scope.file else {
            return Ok(Resolved {
                project_id,
                file_ids: None,
            });
        };
        let candidates = self.possible_paths(project_id, file)?;
        let mut conditions = Conditions::live_files(project_id);
        conditions.and_in("f.path", candidates.iter().map(ValueRef::from));
        let sql = format!(
            "SELECT f.id FROM files f WHERE {} ORDER BY f.id",
            conditions.sql()
        );
        let ids = self
            .database
            .read(|session| session.query_all(&sql, conditions.params(), |row| Ok(row.i64(0)?)))
            .doing("looking for a file")?;
        if ids.is_empty() {
            let nearest = self.nearest_paths(project_id, file)?;
            return Err(CodeDbError::NotFound {
                what: "file",
                name: file.to_owned(),
                nearest,
            });
        }
        Ok(Resolved {
            project_id,
            file_ids: Some(ids),
        })
    }

    /// The absolute paths that `file` may stand for.
    fn possible_paths(&self, project_id: Option<&str>, file: &str) -> Result<Vec<String>> {
        if file.starts_with('/') {
            return Ok(vec![file.to_owned()]);
        }
        let relative = file.strip_prefix("./").unwrap_or(file);
        let roots = self.root_paths(project_id)?;
        Ok(roots
            .iter()
            .map(|root| format!("{}/{relative}", root.trim_end_matches('/')))
            .collect())
    }

    /// The roots of the project, or of all projects.
    fn root_paths(&self, project_id: Option<&str>) -> Result<Vec<String>> {
        let read_root = |row: RowRef<'_>| Ok(row.text(0)?.to_owned());
        let roots = self.database.read(|session| match project_id {
            Some(id) => session.query_all(
                "SELECT root_path FROM projects WHERE id = ?",
                &[id.into()],
                read_root,
            ),
            None => session.query_all("SELECT root_path FROM projects", &[], read_root),
        });
        roots.doing("looking for a file")
    }
}

/// A path as people write it: below the root of its project where it is there.
pub(super) fn relative_to(root: &str, path: &str) -> String {
    let below = path
        .strip_prefix(root.trim_end_matches('/'))
        .and_then(|rest| rest.strip_prefix('/'));
    below.unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_keep_text_and_values_in_step() {
        let mut conditions = Conditions::live_files(Some("p1"));
        conditions.and("u.target_name = ?", ["x' OR 1=1 --".into()]);
        conditions.and_in("u.line", [ValueRef::I64(1), ValueRef::I64(2)]);
        assert_eq!(
            conditions.sql(),
            "f.deleted IS NOT TRUE AND f.project_id = ? AND u.target_name = ? AND u.line IN (?, ?)"
        );
        assert_eq!(
            conditions.params().len(),
            conditions.sql().matches('?').count()
        );
    }

    #[test]
    fn a_value_with_nul_finds_nothing_and_is_not_sent() {
        let mut conditions = Conditions::live_files(Some("p\0"));
        conditions.and("u.target_name = ?", ["x".into()]);
        conditions.and_in("f.path", ["/a".into(), "/b\0".into()]);
        conditions.and_in("f.path", ["\0".into()]);
        assert_eq!(
            conditions.sql(),
            "f.deleted IS NOT TRUE AND 1 = 0 AND u.target_name = ? AND f.path IN (?) AND 1 = 0"
        );
        assert_eq!(
            conditions.params(),
            [ValueRef::from("x"), ValueRef::from("/a")]
        );
    }

    #[test]
    fn paths_are_shown_below_their_root() {
        assert_eq!(relative_to("/srv/shop", "/srv/shop/a/b.py"), "a/b.py");
        assert_eq!(relative_to("/", "/a/b.py"), "a/b.py");
        assert_eq!(
            relative_to("/srv/shop", "/srv/shopping/b.py"),
            "/srv/shopping/b.py"
        );
    }
}
