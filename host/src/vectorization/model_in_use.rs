//! One model makes the vectors of a database: hosts that are configured differently do not take each other's away.
//!
//! Who comes first holds a lease in the name of its model, together with all hosts of that model, until none of them
//! renews it. Whoever lost it to an explicit `revectorize` stays out until it is started again: only then its
//! configuration is the latest word. A lease that was given back is left alone for a while by those that were kept
//! off before, because other hosts of that model may be about to renew it.

use std::time::{Duration, Instant};

use super::vectorizer::VectorizeError;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::CodeDbError;
use crate::code_db::leases::{LEASE_SECONDS, MODEL_LEASE};

/// The claim of a model to a database's vectors.
pub(super) struct ModelInUse {
    database: CodeDatabase,
    model: String,
    /// When the lease was taken or renewed.
    since: Option<Instant>,
    /// When another model was last seen to have it.
    kept_off: Option<Instant>,
}

impl ModelInUse {
    /// Nothing is claimed yet.
    pub(super) fn new(database: CodeDatabase, model: &str) -> Self {
        Self {
            database,
            model: model.to_owned(),
            since: None,
            kept_off: None,
        }
    }

    /// Takes the lease, or renews it when it is time.
    pub(super) fn take(&mut self) -> Result<(), VectorizeError> {
        let whole = Duration::from_secs(u64::from(LEASE_SECONDS));
        if self.since.is_some_and(|since| since.elapsed() < whole / 3) {
            return Ok(());
        }
        let holder = self.holder()?;
        let is_given_back = holder.is_none();
        let lost = self.since.is_some() && holder.is_some_and(|holder| holder != self.model);
        let waits = is_given_back && self.kept_off.is_some_and(|when| when.elapsed() < whole);
        if !lost && !waits && self.database.take_lease(MODEL_LEASE, &self.model)? {
            self.since = Some(Instant::now());
            self.kept_off = None;
            return Ok(());
        }
        if !waits {
            self.kept_off = Some(Instant::now());
        }
        Err(self.displaced()?)
    }

    /// Gives the lease back, if this model has it.
    pub(super) fn give_back(&mut self) -> Result<(), CodeDbError> {
        match self.since.take() {
            Some(_) => self.database.give_lease_back(MODEL_LEASE, &self.model),
            None => Ok(()),
        }
    }

    /// Takes the lease from whichever model has it. Returns that one, if it is another.
    pub(super) fn claim(&mut self) -> Result<Option<String>, CodeDbError> {
        let before = self.holder()?;
        self.database.claim_lease(MODEL_LEASE, &self.model)?;
        self.since = Some(Instant::now());
        Ok(before.filter(|before| *before != self.model))
    }

    /// Why nothing can be done.
    pub(super) fn displaced(&self) -> Result<VectorizeError, CodeDbError> {
        Ok(VectorizeError::OtherModel {
            in_use: self
                .holder()?
                .unwrap_or_else(|| "of another host".to_owned()),
            model: self.model.clone(),
        })
    }

    fn holder(&self) -> Result<Option<String>, CodeDbError> {
        self.database.lease_holder(MODEL_LEASE)
    }
}
