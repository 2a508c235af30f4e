//! Takes the steps of a plan: alone, in one transaction where the engine has them for its schema, and so that what
//! was not finished on another is taken up by the next plan.

use driver_api::{Dialect, DriverError, ErrorClass, Result, RowRef, ValueRef};
use serde::Serialize;

use super::live::LiveSchema;
use super::plan::{SchemaPlan, Work};
use super::{SCHEMA_HISTORY, VERSION};
use crate::code_db::full_text;
use crate::driver::session::Session;
use crate::foundation::ids::dataset_id;
use crate::foundation::progress::StepProgress;

/// The version that a database has on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedVersion {
    /// The greatest version.
    pub version: i64,
    /// The program that brought it.
    pub program: String,
}

/// The version on record; none where there is none, as in databases of the older program.
pub(in crate::code_db) fn recorded(session: &mut Session) -> Result<Option<RecordedVersion>> {
    let has_record = session
        .tables()?
        .iter()
        .any(|table| table.name == SCHEMA_HISTORY.name);
    match has_record {
        true => last_record(session),
        false => Ok(None),
    }
}

fn last_record(session: &mut Session) -> Result<Option<RecordedVersion>> {
    let sql = "SELECT version, program FROM schema_history ORDER BY version DESC, id DESC LIMIT 1";
    session.query_first(sql, &[], |row| {
        Ok(RecordedVersion {
            version: row.i64(0)?,
            program: row.text(1)?.to_owned(),
        })
    })
}

/// What has to be done to a database.
///
/// # Errors
/// The driver's, and one of the class `unsupported` for a database that is newer than this program; `newer` is its
/// version then.
pub(in crate::code_db) fn plan(
    session: &mut Session,
    dialect: Dialect,
    newer: &mut Option<RecordedVersion>,
) -> Result<SchemaPlan> {
    let live = LiveSchema::read(session, dialect)?;
    let record = match live.table(SCHEMA_HISTORY.name) {
        Some(_) => last_record(session)?,
        None => None,
    };
    if let Some(record) = record.as_ref().filter(|record| record.version > VERSION) {
        *newer = Some(record.clone());
        let message = "the database is newer than this program";
        return Err(DriverError::new(ErrorClass::Unsupported, message));
    }
    Ok(SchemaPlan::new(
        &live,
        record.map(|record| record.version),
        dialect,
    ))
}

/// As [`plan`], once nobody else works on the schema: on an engine without transactions for it, others would see a
/// part of it as an older schema.
pub(in crate::code_db) fn settled_plan(
    session: &mut Session,
    dialect: Dialect,
    newer: &mut Option<RecordedVersion>,
) -> Result<SchemaPlan> {
    alone(session, dialect, |session| plan(session, dialect, newer))
}

/// Plans anew, while nobody else does, and takes the steps. All or nothing where the caller has a transaction and the
/// dialect's can hold it; else, what was done before an error stays, and the next plan goes on from there.
pub(in crate::code_db) fn apply(
    session: &mut Session,
    dialect: Dialect,
    newer: &mut Option<RecordedVersion>,
    progress: &dyn StepProgress,
) -> Result<SchemaPlan> {
    alone(session, dialect, |session| {
        let plan = plan(session, dialect, newer)?;
        take(session, dialect, &plan, progress)?;
        Ok(plan)
    })
}

/// Works while nobody else works on the schema.
fn alone<T>(
    session: &mut Session,
    dialect: Dialect,
    work: impl FnOnce(&mut Session) -> Result<T>,
) -> Result<T> {
    lock(session, dialect)?;
    let done = work(session);
    if dialect == Dialect::Mysql {
        // After an error as well: the lock belongs to the connection, which goes on to be used.
        let released = session.execute(&format!("DO RELEASE_LOCK({MYSQL_LOCK})"), &[]);
        return done.and_then(|done| released.map(|_| done));
    }
    done
}

fn take(
    session: &mut Session,
    dialect: Dialect,
    plan: &SchemaPlan,
    progress: &dyn StepProgress,
) -> Result<()> {
    for (number, step) in (1..).zip(&plan.steps) {
        progress.step(number, plan.steps.len(), &step.to_string());
        for work in &step.work {
            do_work(session, dialect, plan, work).map_err(|error| {
                let detail = match error.detail() {
                    Some(detail) => format!("{detail}; the step was: {step}"),
                    None => format!("the step was: {step}"),
                };
                error.with_detail(detail)
            })?;
        }
    }
    Ok(())
}

fn do_work(session: &mut Session, dialect: Dialect, plan: &SchemaPlan, work: &Work) -> Result<()> {
    match work {
        Work::Sql { sql } => session.execute(sql, &[]).map(drop),
        Work::FillDatasets { projects, datasets } => fill_datasets(session, projects, datasets),
        Work::KeepOrphans { count, keep } => {
            let orphans = session.query_first(count, &[], |row| Ok(row.i64(0)?))?;
            match orphans {
                Some(orphans) if orphans > 0 => {
                    tracing::warn!(orphans, "rows without their owner are kept aside: {keep}");
                    session.execute(keep, &[]).map(drop)
                }
                _ => Ok(()),
            }
        }
        Work::FillFullText => full_text::rebuild(session, dialect),
        Work::RecordVersion => record(session, plan),
    }
}

/// The id is the one that indexing would give.
fn fill_datasets(session: &mut Session, projects: &str, datasets: &str) -> Result<()> {
    let sql = format!(
        "SELECT p.id, p.root_path, p.name FROM {projects} p WHERE NOT EXISTS \
         (SELECT 1 FROM {datasets} d WHERE d.project_id = p.id AND d.root_path = p.root_path)"
    );
    let without = session.query_all(&sql, &[], |row| {
        let name = row.opt(2, RowRef::text)?.map(str::to_owned);
        Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), name))
    })?;
    let insert =
        format!("INSERT INTO {datasets}(id, project_id, root_path, name) VALUES (?, ?, ?, ?)");
    for (project, root, name) in &without {
        let id = dataset_id(project, std::path::Path::new(root));
        let name = name.as_deref().map_or(ValueRef::Null, ValueRef::Text);
        session.execute(&insert, &[(&id).into(), project.into(), root.into(), name])?;
    }
    Ok(())
}

fn record(session: &mut Session, plan: &SchemaPlan) -> Result<()> {
    let steps: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    let program = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    let steps = match plan.is_new {
        true => "created".to_owned(),
        false => steps.join("\n"),
    };
    session.execute(
        "INSERT INTO schema_history(version, program, steps) VALUES (?, ?, ?)",
        &[VERSION.into(), program.into(), (&steps).into()],
    )?;
    Ok(())
}

/// Locks have names for the whole server, and the schema is one database's.
const MYSQL_LOCK: &str = "CONCAT('code_analysis.', MD5(DATABASE()))";

/// Seconds that a host waits for another one that works on the schema.
const LOCK_WAIT: u32 = 60;

/// Keeps other hosts from changing the schema at the same time. SQLite's write transaction does that alone.
fn lock(session: &mut Session, dialect: Dialect) -> Result<()> {
    match dialect {
        // Held until the end of the transaction. The number is of our choice.
        Dialect::Postgres => session
            .execute("SELECT pg_advisory_xact_lock(7079345519246180)", &[])
            .map(drop),
        Dialect::Mysql => {
            let sql = format!("SELECT GET_LOCK({MYSQL_LOCK}, {LOCK_WAIT})");
            let held = session.query_first(&sql, &[], |row| Ok(row.opt(0, RowRef::i64)?))?;
            if held.flatten() == Some(1) {
                return Ok(());
            }
            let message = format!("another host is working on the schema for {LOCK_WAIT} s");
            Err(DriverError::new(ErrorClass::Busy, message))
        }
        _ => Ok(()),
    }
}
