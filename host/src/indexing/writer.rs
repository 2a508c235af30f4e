//! Takes what the analysing threads deliver, and stores it in groups: one transaction for many files.

use std::path::Path;

use driver_api::{DriverError, ErrorClass};

use super::error::Result;
use super::indexer::IndexOptions;
use super::pipeline::{Deliveries, Delivery};
use super::precedence::Precedence;
use super::prepare::Prepared;
use super::problem::{Problem, ProblemKind};
use super::summary::IndexSummary;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::CodeDbError;
use crate::code_db::records::{Destination, FileRecord, FileState};
use crate::foundation::progress::Progress;

/// Collects what comes out of the analysing threads, and stores it in groups.
pub(super) struct Writer<'a> {
    database: &'a CodeDatabase,
    options: &'a IndexOptions,
    destination: &'a Destination,
    precedence: &'a Precedence<'a>,
    progress: &'a dyn Progress,
    pub(super) summary: IndexSummary,
    group: Vec<FileRecord>,
    touched: Vec<(i64, FileState, f64)>,
    /// Touched files that were marked deleted.
    revived: Vec<i64>,
    unfit: Vec<i64>,
    /// What the group takes of the budget.
    bytes: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        database: &'a CodeDatabase,
        options: &'a IndexOptions,
        destination: &'a Destination,
        precedence: &'a Precedence<'a>,
        progress: &'a dyn Progress,
        summary: IndexSummary,
    ) -> Self {
        Self {
            database,
            options,
            destination,
            precedence,
            progress,
            summary,
            group: Vec::new(),
            touched: Vec::new(),
            revived: Vec::new(),
            unfit: Vec::new(),
            bytes: 0,
        }
    }

    /// Stores everything that is delivered, until the end or the request to stop.
    pub(super) fn write_all(&mut self, deliveries: &Deliveries<'_, '_>) -> Result<()> {
        while let Some(delivery) = deliveries.next() {
            if self.options.cancellation.is_cancelled() {
                break;
            }
            self.progress.step(&delivery.job.found.path);
            self.bytes += delivery.bytes;
            self.collect(delivery);
            if self.bytes >= self.options.group_bytes {
                self.store(deliveries)?;
            }
        }
        self.store(deliveries)
    }

    fn collect(&mut self, delivery: Delivery<'_>) {
        match delivery.prepared {
            Prepared::Changed(record, problems) => {
                self.summary.problems.extend(problems);
                self.group.push(*record);
            }
            Prepared::Touched {
                id,
                deleted,
                state,
                modified,
            } => {
                self.summary.files_unchanged += 1;
                self.touched.push((id, state, modified));
                self.revived.extend(deleted.then_some(id));
            }
            Prepared::Unfit { id, problem } => {
                self.summary.files_skipped += u64::from(problem.is_some());
                self.summary.problems.extend(problem);
                self.unfit.extend(id);
            }
            Prepared::Unknown(problem) => {
                self.summary.files_skipped += 1;
                self.summary.problems.push(problem);
            }
        }
    }

    fn store(&mut self, deliveries: &Deliveries<'_, '_>) -> Result<()> {
        let database = self.database;
        self.precedence.keep()?;
        database.touch_files(&std::mem::take(&mut self.touched))?;
        database.revive_files(&std::mem::take(&mut self.revived))?;
        self.summary.files_deleted += database.mark_deleted(&std::mem::take(&mut self.unfit))?;
        let group = std::mem::take(&mut self.group);
        self.store_group(&group)?;
        deliveries.stored(std::mem::take(&mut self.bytes));
        Ok(())
    }

    fn store_group(&mut self, group: &[FileRecord]) -> Result<()> {
        if group.is_empty() {
            return Ok(());
        }
        match self.database.replace_files(self.destination, group) {
            Ok(()) => {
                group.iter().for_each(|record| self.count(record));
                Ok(())
            }
            Err(error) if !is_about_one_file(&error) => Err(error.into()),
            Err(error) => match group {
                [record] => {
                    self.summary.files_skipped += 1;
                    let problem = Problem::new(
                        Path::new(&record.path),
                        ProblemKind::NotStored,
                        error.to_string(),
                    );
                    self.summary.problems.push(problem);
                    Ok(())
                }
                // One file of the group is refused: each half by itself, until it is alone.
                group => {
                    let (first, second) = group.split_at(group.len() / 2);
                    self.store_group(first)?;
                    self.store_group(second)
                }
            },
        }
    }

    fn count(&mut self, record: &FileRecord) {
        let summary = &mut self.summary;
        summary.files_indexed += 1;
        summary.classes += record.classes.len() as u64;
        summary.methods += record
            .classes
            .iter()
            .map(|class| class.methods.len() as u64)
            .sum::<u64>();
        summary.functions += record.functions.len() as u64;
        summary.imports += record.imports.len() as u64;
        summary.usages += record.usages.len() as u64;
    }
}

/// Whether the database refused what one of the files holds, and may take the others.
fn is_about_one_file(error: &CodeDbError) -> bool {
    let class = error.driver_error().map(DriverError::class);
    matches!(
        class,
        Some(ErrorClass::Constraint | ErrorClass::InvalidValue | ErrorClass::LimitExceeded)
    )
}
