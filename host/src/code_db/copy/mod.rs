//! Copies a whole code database into another, whatever their engines, and reads it back to prove that it is equal.
//!
//! The source is read in one snapshot and the target written in one transaction, which is committed only when
//! every table was read back with the same number of rows and the same hash. So there is no half-finished copy:
//! whatever ends it, the target is what it was before, replaced content included. What can be derived (the
//! full-text index) is derived anew.

pub(super) mod cell;
pub(super) mod claim;
pub(super) mod contents;
pub(super) mod counters;
pub mod error;
pub(super) mod fingerprint;
pub(super) mod pages;
pub mod report;
pub(super) mod statements;
mod transfer;

use driver_api::{DriverError, Outcome};

use self::contents::Contents;
use self::error::{CopyError, During, Result, Side};
use self::report::{CopyPlan, CopyReport, PlannedTable};
use self::transfer::Transfer;
use super::database::CodeDatabase;
use crate::driver::database::Database;
use crate::driver::session::Session;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::progress::RowProgress;

/// How a copy is made.
pub struct CopyOptions<'a> {
    /// Whether what the target holds is replaced; otherwise a target with code data is refused.
    pub replace: bool,
    /// Hears how far the copy is: every row counts twice, once copied and once read back.
    pub progress: &'a dyn RowProgress,
    /// Stops the copy between two pages of rows.
    pub cancellation: Cancellation,
}

impl CodeDatabase {
    /// Copies everything into `target`, whose schema is expected to be complete. The source is only read; its
    /// schema may be older and lack tables.
    ///
    /// The copy runs again from the start when a database goes away and comes back.
    ///
    /// # Errors
    /// [`CopyError`]; then the target is as it was before, unless its outcome is unknown.
    pub fn copy_to(&self, target: &CodeDatabase, options: &CopyOptions<'_>) -> Result<CopyReport> {
        let transfer = Transfer::new(&self.database, &target.database, options);
        let mut filled = None;
        let fill = |session: &mut Session| {
            filled = None;
            filled = Some(transfer.run(session)?);
            Ok(())
        };
        let committed = in_transaction(&target.database, fill, |session| transfer.release(session));
        let filled = match (committed, filled) {
            (Ok(()), Some(filled)) => filled,
            (Err(error), Some(filled)) if is_unknown(&error) => transfer.settle(error, filled)?,
            (Err(error), _) => return Err(error),
            (Ok(()), None) => return Err(CopyError::Cancelled),
        };
        let warnings = transfer.remember_counters(&filled);
        Ok(filled.into_report(warnings))
    }

    /// What [`copy_to`](Self::copy_to) would do; nothing is changed. There may be no target yet.
    ///
    /// # Errors
    /// [`CopyError::Driver`], [`CopyError::NoCodeDatabase`], [`CopyError::ColumnMissing`].
    pub fn plan_copy_to(&self, target: Option<&CodeDatabase>) -> Result<CopyPlan> {
        let dialect = self.database.dialect();
        let (tables, not_copied) = in_snapshot(&self.database, Side::Source, |session| {
            let contents = Contents::read(session, Side::Source, dialect)?;
            if !contents.is_code_database() {
                return Err(CopyError::NoCodeDatabase);
            }
            let not_copied = contents.without_place(session, Side::Source, dialect)?;
            let planned = contents.tables().iter().map(|(table, rows)| PlannedTable {
                name: table.name,
                rows: rows.unwrap_or(0),
            });
            Ok((planned.collect::<Vec<_>>(), not_copied))
        })?;
        let held = |target: &CodeDatabase| {
            let dialect = target.database.dialect();
            in_snapshot(&target.database, Side::Target, |session| {
                Ok(Contents::read(session, Side::Target, dialect)?.rows())
            })
        };
        Ok(CopyPlan {
            rows: tables.iter().map(|table| table.rows).sum(),
            tables,
            not_copied,
            target_rows: target.map(held).transpose()?,
        })
    }
}

fn is_unknown(error: &CopyError) -> bool {
    let outcome = error.driver_error().map(DriverError::outcome);
    outcome == Some(Outcome::Unknown)
}

/// As [`Database::snapshot`], for work that may fail otherwise than a driver does.
pub(super) fn in_snapshot<T>(
    database: &Database,
    side: Side,
    mut work: impl FnMut(&mut Session) -> Result<T>,
) -> Result<T> {
    let mut failed = None;
    let done = database.snapshot(|session| {
        failed = None;
        work(session).map_err(|error| {
            let as_driver = error.as_failure_of(side);
            failed = Some(error);
            as_driver
        })
    });
    told(done, failed, side)
}

/// As [`Database::transaction_then`] on the target, for work that may fail otherwise than a driver does.
pub(super) fn in_transaction<T>(
    target: &Database,
    mut work: impl FnMut(&mut Session) -> Result<T>,
    finally: impl Fn(&mut Session) -> driver_api::Result<()>,
) -> Result<T> {
    let mut failed = None;
    let run = |session: &mut Session| {
        failed = None;
        work(session).map_err(|error| {
            let as_driver = error.as_failure_of(Side::Target);
            failed = Some(error);
            as_driver
        })
    };
    let done = target.transaction_then(run, finally);
    told(done, failed, Side::Target)
}

/// The error of the work, or that of the connection, of the beginning or of the end around it.
fn told<T>(done: driver_api::Result<T>, failed: Option<CopyError>, side: Side) -> Result<T> {
    match (done, failed) {
        (Err(_), Some(error)) => Err(error),
        (done, _) => done.during(side, || "beginning or ending the transaction".into()),
    }
}
