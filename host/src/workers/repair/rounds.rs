//! One look at a project or at all rows, with what it repairs: under a lease, in small batches, with pauses.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::status::Status;
use super::worker::is_told_to_stop;
use crate::code_db::database::CodeDatabase;
use crate::code_db::drift_reports::{ALL_ROWS, DriftFinding, DriftKind, DriftReport, StoredReport};
use crate::code_db::leases::project_lease;
use crate::code_db::projects::Project;
use crate::code_db::row_drift::RowCheck;
use crate::config::types::RepairConfig;
use crate::foundation::shutdown_signal::ShutdownRequest;
use crate::indexing::drift::Reading;
use crate::indexing::error::Result;
use crate::indexing::indexer::Indexer;
use crate::indexing::project_root::ProjectRoot;

/// Files whose bytes one look compares, for each file of a batch.
const READ_FOR_EACH: usize = 20;

/// Rows that are mended at once, for each file of a batch.
const ROWS_FOR_EACH: usize = 100;

/// A look takes at most this part of the time: the pause is so many times as long as the last one took.
const PAUSE_FOR_LOOK: f64 = 20.0;

/// Rows contradict each other much more seldom than files change: so many pauses lie between looks at all rows.
const ROWS_SELDOMER: f64 = 10.0;

/// Looks, and what they need.
pub(super) struct Rounds {
    pub(super) indexer: Indexer,
    pub(super) database: CodeDatabase,
    pub(super) config: RepairConfig,
    /// Who has the leases: the same for each process that the host starts in the worker's place, so that one that was
    /// killed keeps the next off nothing.
    pub(super) holder: String,
    pub(super) status: Status,
    pub(super) stop: Receiver<ShutdownRequest>,
    /// How long the running look has paused.
    pub(super) paused: Cell<Duration>,
}

impl Rounds {
    /// Looks at a project and repairs it, if it is due and nobody else is at it.
    pub(super) fn project(&self, project: &Project) -> Result<()> {
        self.leased(
            &project_lease(&project.id),
            &project.id,
            1.0,
            |lease, last| {
                self.status.looking_at(&project.root_path);
                self.look_at(project, lease, last)
            },
        )
    }

    /// Looks at the rows of all projects and repairs them, if that is due and nobody else is at it.
    pub(super) fn rows(&self) -> Result<()> {
        self.leased(ALL_ROWS, ALL_ROWS, ROWS_SELDOMER, |lease, _| {
            self.status.looking_at("rows of all projects");
            self.look_at_rows(lease)
        })
    }

    /// Runs `look` under a lease if the last look is long enough ago, and keeps its report. None means that it gave way.
    fn leased(
        &self,
        lease: &str,
        report_id: &str,
        seldomer: f64,
        look: impl FnOnce(&str, Option<&StoredReport>) -> Result<Option<DriftReport>>,
    ) -> Result<()> {
        if !self.is_due(self.database.drift_report(report_id)?.as_ref(), seldomer) {
            return Ok(());
        }
        if !self.database.take_lease(lease, &self.holder)? {
            self.status.gave_way();
            return Ok(());
        }
        // Who had the lease a moment ago may have looked.
        let last = self.database.drift_report(report_id)?;
        let began = Instant::now();
        self.paused.set(Duration::ZERO);
        let looked = match self.is_due(last.as_ref(), seldomer) {
            true => look(lease, last.as_ref()),
            false => Ok(None),
        };
        if let Ok(Some(mut report)) = looked {
            report.seconds = began
                .elapsed()
                .saturating_sub(self.paused.get())
                .as_secs_f64();
            report.checked_by = format!("{} (process {})", host_name(), std::process::id());
            self.database.store_drift_report(report_id, &report)?;
            self.status.looked_at(report.files_checked);
            self.database.give_lease_back(lease, &self.holder)?;
            return Ok(());
        }
        self.database.give_lease_back(lease, &self.holder)?;
        looked.map(drop)
    }

    /// Where something was repaired there may be more, and the next look comes soon.
    fn is_due(&self, last: Option<&StoredReport>, seldomer: f64) -> bool {
        let least = self.config.poll_interval as f64;
        let pause = |report: &DriftReport| match report.findings.iter().any(|it| it.repaired > 0) {
            true => least,
            false => seldomer * least.max(PAUSE_FOR_LOOK * report.seconds),
        };
        last.is_none_or(|last| last.age_seconds >= pause(&last.report))
    }

    fn look_at(
        &self,
        project: &Project,
        lease: &str,
        last: Option<&StoredReport>,
    ) -> Result<Option<DriftReport>> {
        let Some(root) = ProjectRoot::known(&project.id, Path::new(&project.root_path)) else {
            let finding = DriftFinding::new(
                DriftKind::OtherId,
                1,
                std::slice::from_ref(&project.root_path),
            );
            return Ok(Some(DriftReport {
                findings: vec![finding],
                ..DriftReport::default()
            }));
        };
        let reading = Reading {
            after: last.map_or(0, |last| last.report.read_up_to),
            most: self.config.batch_size.saturating_mul(READ_FOR_EACH),
        };
        let drift = self.indexer.drift(&root, reading)?;
        let mut findings = drift.findings();
        for finding in findings
            .iter_mut()
            .filter(|finding| finding.kind.is_mended_by_indexing())
        {
            let paths = drift
                .paths
                .get(&finding.kind)
                .map_or(&[][..], Vec::as_slice);
            for batch in paths.chunks(self.config.batch_size) {
                if !self.may_go_on(lease)? {
                    return Ok(None);
                }
                self.status.repairing();
                let mended = self.indexer.mend(&root, finding.kind, batch)?;
                finding.repaired += mended;
                self.status.repaired_files(mended);
            }
            tracing::info!(root = project.root_path, kind = ?finding.kind, found = finding.count,
                repaired = finding.repaired, "drift");
        }
        Ok(Some(DriftReport {
            findings,
            files_checked: drift.files_checked,
            files_read: drift.files_read,
            read_up_to: drift.read_up_to,
            ..DriftReport::default()
        }))
    }

    fn look_at_rows(&self, lease: &str) -> Result<Option<DriftReport>> {
        let mut findings = Vec::new();
        let most = self.config.batch_size.saturating_mul(ROWS_FOR_EACH);
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        for check in RowCheck::all() {
            if !self.may_go_on(lease)? {
                return Ok(None);
            }
            let count = self.database.count_drifted(&check)?;
            if count == 0 {
                continue;
            }
            let mut finding = DriftFinding::new(check.kind(), count, &[check.place()]);
            self.status.repairing();
            while finding.repaired < count && self.may_go_on(lease)? {
                match self.database.mend_drifted(&check, most)? {
                    0 => break,
                    mended => {
                        finding.repaired += mended;
                        self.status.repaired_rows(mended);
                    }
                }
            }
            tracing::info!(place = check.place(), kind = ?finding.kind, found = count,
                repaired = finding.repaired, "drift");
            findings.push(finding);
        }
        Ok(Some(DriftReport {
            findings,
            ..DriftReport::default()
        }))
    }

    /// Pauses, and answers whether the lease is still held and nobody wants the worker to end.
    fn may_go_on(&self, lease: &str) -> Result<bool> {
        let pause = Duration::from_millis(self.config.batch_pause_ms);
        self.paused.set(self.paused.get() + pause);
        if is_told_to_stop(&self.stop, pause) {
            return Ok(false);
        }
        let held = self.database.take_lease(lease, &self.holder)?;
        if !held {
            self.status.gave_way();
        }
        Ok(held)
    }
}

/// Empty where the system does not tell.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.unwrap_or_default().trim().to_owned()
}
