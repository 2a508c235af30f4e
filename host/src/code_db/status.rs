//! What the database holds, in numbers.

use driver_api::{Dialect, RowRef, ValueRef};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::CodeDatabase;
use super::error::{Doing, Result};
use super::projects::count;
use super::registration::julian_now;
use super::scope::Conditions;
use crate::driver::session::Session;

/// What the database holds.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DatabaseStatus {
    /// Its size in bytes; none where the dialect does not tell.
    pub size_bytes: Option<u64>,
    /// Number of projects.
    pub projects: u64,
    /// Its files.
    pub files: FileCounts,
    /// Its classes, without those of files marked deleted; so functions, methods, imports and usages.
    pub classes: u64,
    /// Functions outside classes.
    pub functions: u64,
    /// Methods.
    pub methods: u64,
    /// Imported names.
    pub imports: u64,
    /// Places where something is used.
    pub usages: u64,
    /// Its chunks.
    pub chunks: ChunkCounts,
    /// What has happened lately.
    pub recent_activity: RecentActivity,
}

/// Numbers of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileCounts {
    /// All.
    pub total: u64,
    /// Those marked deleted.
    pub deleted: u64,
    /// The others.
    pub active: u64,
    /// Those that did not parse from start to end.
    pub with_parse_errors: u64,
}

/// Numbers of chunks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChunkCounts {
    /// All.
    pub total: u64,
    /// Those with a vector.
    pub vectorized: u64,
}

/// What has happened lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct RecentActivity {
    /// Files written in the last 24 hours.
    pub files_updated_24h: u64,
    /// Time of the last change of a file's rows, as a Julian day.
    pub last_file_update: Option<f64>,
}

/// The rows of entities with their files. The mark of a deleted file is in the file's row only.
const CLASSES: &str = "classes e JOIN files f ON f.id = e.file_id";
const FUNCTIONS: &str = "functions e JOIN files f ON f.id = e.file_id";
const IMPORTS: &str = "imports e JOIN files f ON f.id = e.file_id";
const USAGES: &str = "usages e JOIN files f ON f.id = e.file_id";
const METHODS: &str =
    "methods e JOIN classes c ON c.id = e.class_id JOIN files f ON f.id = c.file_id";

impl CodeDatabase {
    /// What the database holds, of all projects or of one. The size is always that of the whole.
    ///
    /// # Errors
    /// The driver's.
    pub fn database_status(&self, project_id: Option<&str>) -> Result<DatabaseStatus> {
        let dialect = self.database.dialect();
        self.database
            .read(|session| status(session, dialect, project_id))
            .doing("counting")
    }
}

fn status(
    session: &mut Session,
    dialect: Dialect,
    project_id: Option<&str>,
) -> driver_api::Result<DatabaseStatus> {
    let (files, recent_activity) = file_counts(session, project_id)?;
    let live = Conditions::live_files(project_id);
    let mut rows = |from: &str| {
        let sql = format!("SELECT count(*) FROM {from} WHERE {}", live.sql());
        number(session, &sql, live.params())
    };
    Ok(DatabaseStatus {
        classes: rows(CLASSES)?,
        functions: rows(FUNCTIONS)?,
        methods: rows(METHODS)?,
        imports: rows(IMPORTS)?,
        usages: rows(USAGES)?,
        projects: match project_id {
            None => number(session, "SELECT count(*) FROM projects", &[])?,
            Some(id) => number(
                session,
                "SELECT count(*) FROM projects WHERE id = ?",
                &[id.into()],
            )?,
        },
        chunks: chunk_counts(session, project_id)?,
        size_bytes: size_bytes(session, dialect)?,
        files,
        recent_activity,
    })
}

fn file_counts(
    session: &mut Session,
    project_id: Option<&str>,
) -> driver_api::Result<(FileCounts, RecentActivity)> {
    let sql = "SELECT count(*), count(CASE WHEN f.deleted IS TRUE THEN 1 END), count(s.parse_errors), \
               count(CASE WHEN f.updated_at >= ? THEN 1 END), max(f.updated_at) \
               FROM files f LEFT JOIN file_states s ON s.file_id = f.id";
    let (sql, params) = of_project(
        sql,
        "f.project_id",
        vec![(julian_now() - 1.0).into()],
        project_id,
    );
    let counts = session.query_first(&sql, &params, |row| {
        let (total, deleted) = (count(row, 0)?, count(row, 1)?);
        let active = total.saturating_sub(deleted);
        let files = FileCounts {
            total,
            deleted,
            active,
            with_parse_errors: count(row, 2)?,
        };
        let recent = RecentActivity {
            files_updated_24h: count(row, 3)?,
            last_file_update: row.opt(4, RowRef::f64)?,
        };
        Ok((files, recent))
    })?;
    Ok(counts.unwrap_or_default())
}

fn chunk_counts(
    session: &mut Session,
    project_id: Option<&str>,
) -> driver_api::Result<ChunkCounts> {
    let sql = "SELECT count(*), count(vector_id) FROM code_chunks";
    let (sql, params) = of_project(sql, "project_id", Vec::new(), project_id);
    let counts = session.query_first(&sql, &params, |row| {
        Ok(ChunkCounts {
            total: count(row, 0)?,
            vectorized: count(row, 1)?,
        })
    })?;
    Ok(counts.unwrap_or_default())
}

/// Narrows a statement without conditions to one project, if one is given.
fn of_project<'a>(
    sql: &str,
    column: &'static str,
    mut params: Vec<ValueRef<'a>>,
    project_id: Option<&'a str>,
) -> (String, Vec<ValueRef<'a>>) {
    match project_id {
        None => (sql.to_owned(), params),
        Some(id) => {
            params.push(id.into());
            (format!("{sql} WHERE {column} = ?"), params)
        }
    }
}

fn size_bytes(session: &mut Session, dialect: Dialect) -> driver_api::Result<Option<u64>> {
    let sql = match dialect {
        Dialect::Sqlite => {
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        }
        Dialect::Postgres => "SELECT pg_database_size(current_database())",
        Dialect::Mysql => {
            "SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS SIGNED) \
             FROM information_schema.tables WHERE table_schema = database()"
        }
        _ => return Ok(None),
    };
    session.query_first(sql, &[], |row| count(row, 0))
}

fn number(session: &mut Session, sql: &str, params: &[ValueRef<'_>]) -> driver_api::Result<u64> {
    Ok(session
        .query_first(sql, params, |row| count(row, 0))?
        .unwrap_or(0))
}
