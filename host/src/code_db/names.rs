//! Which known names resemble one that was not found.
//!
//! Names are read in order, so that of several that resemble it equally every engine gives the same.

use driver_api::Flow;

use super::database::CodeDatabase;
use super::entities::EntityKind;
use super::error::{Doing, Result};
use super::scope::{Conditions, relative_to};
use crate::foundation::did_you_mean::nearest_names;

/// Most names that a suggestion holds.
const SUGGESTIONS: usize = 3;

impl CodeDatabase {
    /// Names of classes, functions or methods that resemble `name`, best first; of every kind without `kind`.
    ///
    /// # Errors
    /// The driver's.
    pub fn nearest_entity_names(
        &self,
        project_id: Option<&str>,
        kind: Option<EntityKind>,
        name: &str,
    ) -> Result<Vec<String>> {
        let mut known = Vec::new();
        for kind in EntityKind::ALL
            .into_iter()
            .filter(|each| kind.is_none_or(|kind| kind == *each))
        {
            let conditions = Conditions::live_files(project_id);
            let sql = format!(
                "SELECT DISTINCT e.name FROM {} WHERE {} ORDER BY e.name",
                kind.with_files(),
                conditions.sql()
            );
            known.extend(self.strings(&sql, &conditions)?);
        }
        Ok(nearest(name, &known))
    }

    /// Roots and names of projects that resemble `name`, best first.
    ///
    /// # Errors
    /// The driver's.
    pub fn nearest_project_names(&self, name: &str) -> Result<Vec<String>> {
        let sql = "SELECT root_path FROM projects UNION SELECT name FROM projects WHERE name IS NOT NULL \
                   UNION SELECT id FROM projects ORDER BY 1";
        let known = self
            .database
            .read(|session| session.query_all(sql, &[], |row| Ok(row.text(0)?.to_owned())))
            .doing("looking for similar names")?;
        Ok(nearest(name, &known))
    }

    /// Relative paths of files that resemble `file`, best first.
    ///
    /// # Errors
    /// The driver's.
    pub fn nearest_paths(&self, project_id: Option<&str>, file: &str) -> Result<Vec<String>> {
        let conditions = Conditions::live_files(project_id);
        let sql = format!(
            "SELECT f.path, p.root_path FROM files f JOIN projects p ON p.id = f.project_id WHERE {} \
             ORDER BY f.path",
            conditions.sql()
        );
        let known = self
            .database
            .read(|session| {
                session.query_all(&sql, conditions.params(), |row| {
                    Ok(relative_to(row.text(1)?, row.text(0)?))
                })
            })
            .doing("looking for similar names")?;
        let same_name = paths_ending_in(file, &known);
        Ok(if same_name.is_empty() {
            nearest(file, &known)
        } else {
            same_name
        })
    }

    fn strings(&self, sql: &str, conditions: &Conditions<'_>) -> Result<Vec<String>> {
        self.database
            .read(|session| {
                let mut names = Vec::new();
                session.query_each(sql, conditions.params(), |row| {
                    names.push(row.text(0)?.to_owned());
                    Ok(Flow::Continue)
                })?;
                Ok(names)
            })
            .doing("looking for similar names")
    }
}

fn nearest(name: &str, known: &[String]) -> Vec<String> {
    let found = nearest_names(name, known.iter().map(String::as_str), SUGGESTIONS);
    found.into_iter().map(str::to_owned).collect()
}

/// A path whose directories were left out, or are others, is most likely one of the same file name.
fn paths_ending_in(file: &str, known: &[String]) -> Vec<String> {
    let wanted = file.rsplit('/').next().unwrap_or(file);
    let mut found: Vec<String> = known
        .iter()
        .filter(|path| path.rsplit('/').next() == Some(wanted))
        .cloned()
        .collect();
    found.sort();
    found.truncate(SUGGESTIONS);
    found
}
