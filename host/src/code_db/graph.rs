//! What the code graph is made of: definitions, usages, imports and files as rows.

use driver_api::{RowRef, ValueRef};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::CodeDatabase;
use super::entities::EntityKind;
use super::error::{Doing, Result};
use super::scope::{Conditions, relative_to};
use super::usages::line;

/// Most values in one `IN` list.
pub(super) const MOST_VALUES: usize = 500;

/// A class, function or method, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct Definition {
    /// What kind of entity.
    pub entity_type: EntityKind,
    /// Its id in the table of its kind.
    pub entity_id: i64,
    /// Its name.
    pub name: String,
    /// The class of a method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// Its file, below the root of its project.
    pub relative_path: String,
    /// First line, from 1.
    pub line: u32,
    /// Last line, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// The bases of a class, as a JSON list.
    #[serde(skip)]
    pub bases: Option<String>,
    /// The id of its file.
    #[serde(skip)]
    pub file_id: i64,
    /// The id of its project.
    #[serde(skip)]
    pub project_id: String,
}

impl Definition {
    /// Its name, a method's with its class before it.
    pub fn full_name(&self) -> String {
        match &self.class_name {
            Some(class) => format!("{class}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// A place where something is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageSite {
    /// The id of its file.
    pub file_id: i64,
    /// The id of its project.
    pub project_id: String,
    /// Its file, below the root of its project.
    pub relative_path: String,
    /// Line, from 1.
    pub line: u32,
    /// Byte column, from 0; none in files that an older version indexed.
    pub column: Option<u32>,
    /// `call`, `instantiation` or `attribute`.
    pub usage_type: String,
    /// `class`, `function`, `method` or `property`.
    pub target_type: String,
    /// The class that the text names as the target's.
    pub target_class: Option<String>,
    /// The name that is used.
    pub target_name: String,
    /// What stands before the name, where that is a plain path.
    pub receiver: Option<String>,
    /// The definitions around it.
    pub context: Option<String>,
}

/// An import, as far as it tells what names mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    /// The id of the importing file.
    pub file_id: i64,
    /// The module, or the name taken out of one.
    pub name: String,
    /// The module that the name is taken from.
    pub module: Option<String>,
    /// What the file calls it.
    pub alias: Option<String>,
    /// How many packages up a relative import begins.
    pub level: u32,
}

/// A file of a project.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectFile {
    /// Its id.
    pub id: i64,
    /// Its path below the root of its project.
    pub relative_path: String,
    /// The language that it was read as.
    pub language: Option<String>,
    /// When it was stored last, as a Julian day.
    pub stored_at: Option<f64>,
}

const SITE: &str = "SELECT u.file_id, f.project_id, f.path, p.root_path, u.line, u.column_number, u.usage_type, \
                    u.target_type, u.target_class, u.target_name, u.receiver, u.context FROM usages u \
                    CROSS JOIN files f CROSS JOIN projects p WHERE";

impl CodeDatabase {
    /// What is defined under these names, by path and line.
    ///
    /// # Errors
    /// The driver's.
    pub fn definitions_named(
        &self,
        project_id: Option<&str>,
        names: &[&str],
    ) -> Result<Vec<Definition>> {
        let mut found = Vec::new();
        for some in names.chunks(MOST_VALUES) {
            found.extend(self.definitions(project_id, "e.name", || {
                some.iter().map(|name| ValueRef::from(*name)).collect()
            })?);
        }
        Ok(found)
    }

    /// What these files define, by path and line.
    ///
    /// # Errors
    /// The driver's.
    pub fn definitions_in(&self, file_ids: &[i64]) -> Result<Vec<Definition>> {
        let mut found = Vec::new();
        for some in file_ids.chunks(MOST_VALUES) {
            found.extend(self.definitions(None, "f.id", || {
                some.iter().map(|id| ValueRef::from(*id)).collect()
            })?);
        }
        Ok(found)
    }

    fn definitions<'v>(
        &self,
        project_id: Option<&'v str>,
        column: &'static str,
        values: impl Fn() -> Vec<ValueRef<'v>>,
    ) -> Result<Vec<Definition>> {
        let mut found = Vec::new();
        for kind in EntityKind::ALL {
            let mut conditions = Conditions::live_files(project_id);
            conditions.and_in(column, values());
            found.extend(self.definitions_of(kind, &conditions)?);
        }
        sort(&mut found);
        Ok(found)
    }

    fn definitions_of(
        &self,
        kind: EntityKind,
        conditions: &Conditions<'_>,
    ) -> Result<Vec<Definition>> {
        let (class, bases) = match kind {
            EntityKind::Method => ("c.name", "e.args"),
            EntityKind::Class => ("e.name", "e.bases"),
            EntityKind::Function => ("e.name", "e.args"),
        };
        let sql = format!(
            "SELECT e.id, e.name, {class}, f.path, p.root_path, e.line, e.end_line, {bases}, f.id, f.project_id \
             FROM {} JOIN projects p ON p.id = f.project_id WHERE {}",
            kind.with_files(),
            conditions.sql()
        );
        let read = |row: RowRef<'_>| read_definition(row, kind);
        self.database
            .read(|session| session.query_all(&sql, conditions.params(), read))
            .doing("looking for definitions")
    }

    /// All classes of a project, by path and line.
    ///
    /// # Errors
    /// The driver's.
    pub fn project_classes(&self, project_id: &str) -> Result<Vec<Definition>> {
        let mut found =
            self.definitions_of(EntityKind::Class, &Conditions::live_files(Some(project_id)))?;
        sort(&mut found);
        Ok(found)
    }

    /// The usages of these names by path and line, at most `most` of each five hundred names; whether there are more.
    ///
    /// # Errors
    /// The driver's.
    pub fn usages_named(
        &self,
        project_id: Option<&str>,
        names: &[&str],
        most: u32,
    ) -> Result<(Vec<UsageSite>, bool)> {
        let (mut found, mut is_cut) = (Vec::new(), false);
        for some in names.chunks(MOST_VALUES) {
            let mut conditions = Conditions::live_files(project_id);
            conditions.and("f.id = u.file_id AND p.id = f.project_id", []);
            let kinds = ["class", "function", "method", "property"];
            conditions.and_in("u.target_type", kinds.map(Into::into));
            conditions.and_in("u.target_name", some.iter().map(|name| (*name).into()));
            let mut sites = self.sites(&conditions, most.saturating_add(1))?;
            is_cut |= sites.len() > most as usize;
            sites.truncate(most as usize);
            found.extend(sites);
        }
        Ok((found, is_cut))
    }

    /// All usages in these files, by path and line.
    ///
    /// # Errors
    /// The driver's.
    pub fn usages_in(&self, file_ids: &[i64]) -> Result<Vec<UsageSite>> {
        let mut found = Vec::new();
        for some in file_ids.chunks(MOST_VALUES) {
            let mut conditions = Conditions::live_files(None);
            conditions.and("f.id = u.file_id AND p.id = f.project_id", []);
            conditions.and_in("u.file_id", some.iter().map(|id| ValueRef::from(*id)));
            found.extend(self.sites(&conditions, u32::MAX)?);
        }
        Ok(found)
    }

    /// All usages of a project, for graphs of the whole.
    ///
    /// # Errors
    /// The driver's.
    pub fn all_usages(&self, project_id: &str, most: u32) -> Result<Vec<UsageSite>> {
        let mut conditions = Conditions::live_files(Some(project_id));
        conditions.and("f.id = u.file_id AND p.id = f.project_id", []);
        conditions.and_in("u.usage_type", ["call".into(), "instantiation".into()]);
        self.sites(&conditions, most)
    }

    fn sites(&self, conditions: &Conditions<'_>, most: u32) -> Result<Vec<UsageSite>> {
        let sql = format!(
            "{SITE} {} ORDER BY f.path, u.line, u.id LIMIT ?",
            conditions.sql()
        );
        let params = [conditions.params(), &[most.into()]].concat();
        self.database
            .read(|session| session.query_all(&sql, &params, read_site))
            .doing("looking for usages")
    }

    /// The imports of these files, in their order.
    ///
    /// # Errors
    /// The driver's.
    pub fn imports_of(&self, file_ids: &[i64]) -> Result<Vec<ImportRow>> {
        let mut found = Vec::new();
        for some in file_ids.chunks(MOST_VALUES) {
            let mut conditions = Conditions::live_files(None);
            conditions.and_in("i.file_id", some.iter().map(|id| ValueRef::from(*id)));
            found.extend(self.import_rows(&conditions)?);
        }
        Ok(found)
    }

    /// All imports of these names in a project: what passes them on.
    ///
    /// # Errors
    /// The driver's.
    pub fn imports_named(&self, project_id: &str, names: &[&str]) -> Result<Vec<ImportRow>> {
        let mut found = Vec::new();
        for some in names.chunks(MOST_VALUES) {
            let mut conditions = Conditions::live_files(Some(project_id));
            conditions.and_in("i.name", some.iter().map(|name| ValueRef::from(*name)));
            found.extend(self.import_rows(&conditions)?);
        }
        Ok(found)
    }

    /// All imports of a project.
    ///
    /// # Errors
    /// The driver's.
    pub fn project_imports(&self, project_id: &str) -> Result<Vec<ImportRow>> {
        self.import_rows(&Conditions::live_files(Some(project_id)))
    }

    fn import_rows(&self, conditions: &Conditions<'_>) -> Result<Vec<ImportRow>> {
        let sql = format!(
            "SELECT i.file_id, i.name, i.module, i.alias, i.level FROM imports i JOIN files f ON f.id = i.file_id \
             WHERE {} ORDER BY i.id",
            conditions.sql()
        );
        let read = |row: RowRef<'_>| {
            Ok(ImportRow {
                file_id: row.i64(0)?,
                name: row.text(1)?.to_owned(),
                module: row.opt(2, RowRef::text)?.map(str::to_owned),
                alias: row.opt(3, RowRef::text)?.map(str::to_owned),
                level: match row.is_null(4)? {
                    true => 0,
                    false => line(row, 4)?,
                },
            })
        };
        self.database
            .read(|session| session.query_all(&sql, conditions.params(), read))
            .doing("reading imports")
    }

    /// The files of a project by id.
    ///
    /// # Errors
    /// The driver's.
    pub fn project_tree(&self, project_id: &str) -> Result<Vec<ProjectFile>> {
        let conditions = Conditions::live_files(Some(project_id));
        let sql = format!(
            "SELECT f.id, f.path, p.root_path, s.language, f.updated_at FROM files f JOIN projects p ON p.id = f.project_id \
             LEFT JOIN file_states s ON s.file_id = f.id WHERE {} ORDER BY f.path",
            conditions.sql()
        );
        let read = |row: RowRef<'_>| {
            Ok(ProjectFile {
                id: row.i64(0)?,
                relative_path: relative_to(row.text(2)?, row.text(1)?),
                language: row.opt(3, RowRef::text)?.map(str::to_owned),
                stored_at: row.opt(4, RowRef::f64)?,
            })
        };
        self.database
            .read(|session| session.query_all(&sql, conditions.params(), read))
            .doing("listing files")
    }
}

fn sort(definitions: &mut [Definition]) {
    definitions.sort_by(|a, b| {
        (&a.relative_path, a.line, a.entity_id).cmp(&(&b.relative_path, b.line, b.entity_id))
    });
}

fn read_definition(row: RowRef<'_>, kind: EntityKind) -> driver_api::Result<Definition> {
    let class = row.text(2)?;
    Ok(Definition {
        entity_type: kind,
        entity_id: row.i64(0)?,
        name: row.text(1)?.to_owned(),
        class_name: (kind == EntityKind::Method).then(|| class.to_owned()),
        relative_path: relative_to(row.text(4)?, row.text(3)?),
        line: line(row, 5)?,
        end_line: match row.is_null(6)? {
            true => None,
            false => Some(line(row, 6)?),
        },
        bases: match kind {
            EntityKind::Class => row.opt(7, RowRef::text)?.map(str::to_owned),
            _ => None,
        },
        file_id: row.i64(8)?,
        project_id: row.text(9)?.to_owned(),
    })
}

fn read_site(row: RowRef<'_>) -> driver_api::Result<UsageSite> {
    let word = |at: usize| Ok::<_, driver_api::DriverError>(row.text(at)?.to_owned());
    let optional =
        |at: usize| Ok::<_, driver_api::DriverError>(row.opt(at, RowRef::text)?.map(str::to_owned));
    Ok(UsageSite {
        file_id: row.i64(0)?,
        project_id: word(1)?,
        relative_path: relative_to(row.text(3)?, row.text(2)?),
        line: line(row, 4)?,
        column: match row.is_null(5)? {
            true => None,
            false => Some(line(row, 5)?),
        },
        usage_type: word(6)?,
        target_type: word(7)?,
        target_class: optional(8)?,
        target_name: word(9)?,
        receiver: optional(10)?,
        context: optional(11)?,
    })
}
