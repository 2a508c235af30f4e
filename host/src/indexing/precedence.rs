//! Indexing goes before repairing: whoever indexes takes the project's lease from whoever has it, and waits for nobody.
//!
//! Whoever repairs holds the lease meanwhile, renews it before each step, and gives way when it is gone.

use std::cell::Cell;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;
use crate::code_db::leases::{LEASE_SECONDS, project_lease};

/// The lease of a run that indexes; given back at its end, if it was claimed.
pub(super) struct Precedence<'d> {
    database: &'d CodeDatabase,
    lease: String,
    /// Another for each run.
    holder: String,
    /// When it was claimed or renewed.
    since: Cell<Option<Instant>>,
}

impl<'d> Precedence<'d> {
    /// Over this project; nothing is claimed yet.
    pub(super) fn over(database: &'d CodeDatabase, project_id: &str) -> Self {
        Self {
            database,
            lease: project_lease(project_id),
            holder: format!("index:{}", Uuid::new_v4().simple()),
            since: Cell::new(None),
        }
    }

    /// Takes the lease from whoever has it.
    pub(super) fn claim(&self) -> Result<()> {
        self.database.claim_lease(&self.lease, &self.holder)?;
        self.since.set(Some(Instant::now()));
        Ok(())
    }

    /// Sees to it that a claimed lease does not run out.
    pub(super) fn keep(&self) -> Result<()> {
        let old = Duration::from_secs(u64::from(LEASE_SECONDS) / 3);
        match self.since.get() {
            Some(since) if since.elapsed() > old => self.claim(),
            _ => Ok(()),
        }
    }
}

impl Drop for Precedence<'_> {
    fn drop(&mut self) {
        if self.since.get().is_none() {
            return;
        }
        // It runs out by itself as well.
        if let Err(error) = self.database.give_lease_back(&self.lease, &self.holder) {
            tracing::debug!(%error, lease = self.lease, "a lease was not given back");
        }
    }
}
