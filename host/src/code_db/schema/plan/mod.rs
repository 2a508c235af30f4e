//! What has to be done to a database so that its schema is the declared one: ordered steps, as data that can be
//! shown before anything is changed.

mod server;
mod sqlite;

use std::fmt;

use driver_api::Dialect;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::live::LiveSchema;
use super::model::Table;
use super::{FULL_TEXT, VERSION, bookkeeping, emit, tables};

/// What has to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SchemaPlan {
    /// The version that the database has on record; none where it has no record.
    pub from_version: Option<i64>,
    /// The version of this program.
    pub to_version: i64,
    /// Whether the database has none of the tables: there is nothing that could be lost.
    pub is_new: bool,
    /// In the order in which they are taken; none when the schema is as declared and on record.
    pub steps: Vec<Step>,
}

/// One step; its JSON has the sentence that people are told as `text`, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// The table that it is done to.
    pub table: String,
    /// The column, key or index of that table, where the step is about one.
    pub object: Option<String>,
    /// Why, where that is not plain: "`id` is INTEGER".
    pub reason: Option<String>,
    /// How.
    pub(super) work: Vec<Work>,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A table is created.
    CreateTable,
    /// A column is added, and filled where it must not be empty.
    AddColumn,
    /// A column gets another type, default or rule about null.
    ChangeColumn,
    /// A table is written anew with the same rows (SQLite, which cannot change it otherwise).
    RebuildTable,
    /// A constraint gives way.
    DropConstraint,
    /// A constraint is added.
    AddConstraint,
    /// An index is created.
    CreateIndex,
    /// An index is created anew, because it covers something else.
    ReplaceIndex,
    /// The full-text index is created and filled.
    CreateFullText,
    /// Projects without a dataset get one.
    FillDatasets,
    /// A trigger or a view that stands in the way is dropped, to come back at the end.
    SetAside,
    /// A trigger, a view or an index that is not ours comes back.
    Restore,
    /// The version is put on record.
    RecordVersion,
}

/// A part of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub(super) enum Work {
    /// A statement.
    Sql {
        /// The statement.
        sql: String,
    },
    /// A dataset for each project that has none, in tables of these names.
    FillDatasets {
        /// The projects.
        projects: String,
        /// The datasets.
        datasets: String,
    },
    /// Rows for which a table written anew has no owner are kept in a table without constraints.
    KeepOrphans {
        /// The number of rows that are left behind.
        count: String,
        /// Keeps them, if there are any.
        keep: String,
    },
    /// The full-text index is filled from all texts.
    FillFullText,
    /// The version, and what was done for it, is put on record.
    RecordVersion,
}

impl SchemaPlan {
    /// Compares a database with the declaration.
    pub(super) fn new(live: &LiveSchema, from_version: Option<i64>, dialect: Dialect) -> Self {
        let is_new = !tables().any(|table| live.table(table.name).is_some());
        let mut steps = match dialect {
            Dialect::Sqlite => sqlite::steps(live),
            _ => server::steps(live, dialect),
        };
        if !steps.is_empty() || from_version != Some(VERSION) {
            steps.push(Step {
                action: Action::RecordVersion,
                table: super::SCHEMA_HISTORY.name.to_owned(),
                object: Some(VERSION.to_string()),
                reason: None,
                work: vec![Work::RecordVersion],
            });
        }
        Self {
            from_version,
            to_version: VERSION,
            is_new,
            steps,
        }
    }

    /// Whether there is nothing to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl Step {
    fn new(action: Action, table: &str, work: impl IntoIterator<Item = String>) -> Self {
        Self {
            action,
            table: table.to_owned(),
            object: None,
            reason: None,
            work: work.into_iter().map(|sql| Work::Sql { sql }).collect(),
        }
    }

    fn object(self, name: impl Into<String>) -> Self {
        Self {
            object: Some(name.into()),
            ..self
        }
    }

    fn because(self, reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..self
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("Step", 6)?;
        shown.serialize_field("text", &self.to_string())?;
        shown.serialize_field("action", &self.action)?;
        shown.serialize_field("table", &self.table)?;
        shown.serialize_field("object", &self.object)?;
        shown.serialize_field("reason", &self.reason)?;
        shown.serialize_field("work", &self.work)?;
        shown.end()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, object) = (&self.table, self.object.as_deref().unwrap_or_default());
        match self.action {
            Action::CreateTable => write!(f, "create the table `{table}`"),
            Action::AddColumn => write!(f, "add the column `{object}` to `{table}`"),
            Action::ChangeColumn => write!(f, "change the column `{object}` of `{table}`"),
            Action::RebuildTable => write!(f, "write the table `{table}` anew"),
            Action::DropConstraint => write!(f, "drop the constraint `{object}` of `{table}`"),
            Action::AddConstraint => write!(f, "add the constraint `{object}` to `{table}`"),
            Action::CreateIndex => write!(f, "create the index `{object}` of `{table}`"),
            Action::ReplaceIndex => write!(f, "create the index `{object}` of `{table}` anew"),
            Action::CreateFullText => write!(f, "create and fill the full-text index `{table}`"),
            Action::FillDatasets => write!(f, "give a dataset to every project without one"),
            Action::SetAside => write!(f, "set `{object}` of `{table}` aside"),
            Action::Restore => write!(f, "bring `{object}` of `{table}` back"),
            Action::RecordVersion => write!(f, "put version {object} of the schema on record"),
        }?;
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

/// Every table that a database has, the books included.
fn all_tables(dialect: Dialect) -> impl Iterator<Item = &'static Table> {
    tables().chain(bookkeeping(dialect))
}

/// The step that creates the full-text index, where the database has none, or one over other columns.
fn full_text_step(live: &LiveSchema, dialect: Dialect) -> Option<Step> {
    let create = emit::create_full_text(&FULL_TEXT, dialect);
    if create.is_empty() {
        return None;
    }
    let columns: Vec<&str> = match dialect {
        Dialect::Sqlite => FULL_TEXT.columns.to_vec(),
        _ => vec!["id", "terms"],
    };
    let found = live.table(FULL_TEXT.name);
    let has = |name: &&str| found.is_some_and(|table| table.column(name).is_some());
    if found.is_some_and(|table| table.columns.len() == columns.len()) && columns.iter().all(has) {
        return None;
    }
    let quote = if dialect == Dialect::Mysql { '`' } else { '"' };
    let drop = found.map(|_| format!("DROP TABLE {quote}{}{quote}", FULL_TEXT.name));
    let create = create.into_iter().map(|sql| collated(sql, live.collation));
    let mut step = Step::new(
        Action::CreateFullText,
        FULL_TEXT.name,
        drop.into_iter().chain(create),
    );
    step.work.push(Work::FillFullText);
    Some(match found {
        Some(_) => step.because("it covers other columns"),
        None => step,
    })
}

/// A statement that creates a table, with the collation that the dialect wants at its end.
fn collated(sql: String, collation: Option<&str>) -> String {
    match collation {
        Some(collation) if sql.starts_with("CREATE TABLE") => format!("{sql} COLLATE {collation}"),
        _ => sql,
    }
}

/// What a column of rows that lack it holds from now on, as SQL within a statement on the rows `t`; none where the
/// column's default, or null, is right. `name` tells what a table is called at that time, and `project` is the id
/// of the row's project.
fn fill(
    table: &Table,
    column: &str,
    live: &LiveSchema,
    name: &dyn Fn(&str) -> String,
    project: &str,
) -> Option<String> {
    let found = live.table(table.name);
    let has = |column: &str| found.is_some_and(|found| found.column(column).is_some());
    let of_file = |what: &str| {
        let files = name("files");
        format!("(SELECT f.{what} FROM {files} f WHERE f.id = t.file_id)")
    };
    match column {
        // The dataset at the project's root, which every project has by then.
        "dataset_id" => Some(format!(
            "(SELECT d.id FROM {} d JOIN {} p ON p.id = d.project_id AND p.root_path = d.root_path \
             WHERE p.id = {project})",
            name("datasets"),
            name("projects"),
        )),
        "project_id" if has("file_id") => Some(of_file("project_id")),
        // A file has one row of what its present state is. Older ones get a time that no file has.
        "file_mtime" => Some(format!(
            "CASE WHEN t.id = (SELECT max(n.id) FROM (SELECT id, file_id FROM {}) n WHERE n.file_id = t.file_id) \
             THEN COALESCE({}, 0) ELSE -t.id END",
            table.name,
            of_file("last_modified"),
        )),
        "updated_at" if has("created_at") => Some("t.created_at".to_owned()),
        _ => None,
    }
}
