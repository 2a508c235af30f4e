//! Leases: who may work on something that several processes, of several hosts, could work on. One runs out by the
//! database's own clock, so that clocks of hosts need not agree, and a holder that died keeps nobody off for long.

use driver_api::{ErrorClass, ValueRef};

use super::database::CodeDatabase;
use super::error::{Doing, Result};
use super::schema::WORK_LEASES;
use super::schema::emit::now;
use crate::driver::session::Session;

/// How long a lease lasts that nobody renews, in seconds.
pub const LEASE_SECONDS: u32 = 60;

/// What is leased where a project is indexed or repaired.
pub fn project_lease(project_id: &str) -> String {
    format!("project:{project_id}")
}

/// The lease of the model that makes the vectors of the database; its holder is the name of the model, so that all
/// hosts that are configured for it hold the lease together.
pub const MODEL_LEASE: &str = "vectors";

impl CodeDatabase {
    /// Who has a lease, or had it last; none where nobody ever did, or gave it back.
    ///
    /// # Errors
    /// The driver's.
    pub fn lease_holder(&self, lease: &str) -> Result<Option<String>> {
        self.database
            .read(|session| holder(session, lease))
            .doing("looking for the holder of a lease")
    }

    /// Takes a lease that nobody has, or renews one's own; false where somebody else has it.
    ///
    /// # Errors
    /// The driver's.
    pub fn take_lease(&self, lease: &str, holder: &str) -> Result<bool> {
        let sql = format!(
            "{} AND (holder = ? OR expires_at < {})",
            self.renew(),
            self.now()
        );
        let params = [holder.into(), lease.into(), holder.into()];
        Ok(self.update_lease(&sql, &params)? || self.insert_lease(lease, holder)?)
    }

    /// Takes a lease from whoever has it, who notices when it is to be renewed.
    ///
    /// # Errors
    /// The driver's.
    pub fn claim_lease(&self, lease: &str, holder: &str) -> Result<()> {
        let sql = self.renew();
        let params = [holder.into(), lease.into()];
        // Between the two, somebody else may have inserted it.
        while !self.update_lease(&sql, &params)? && !self.insert_lease(lease, holder)? {}
        Ok(())
    }

    /// Gives a lease back; nothing is done where somebody else has it.
    ///
    /// # Errors
    /// The driver's.
    pub fn give_lease_back(&self, lease: &str, holder: &str) -> Result<()> {
        let sql = format!(
            "DELETE FROM {} WHERE id = ? AND holder = ?",
            WORK_LEASES.name
        );
        let params = [lease.into(), holder.into()];
        self.update_lease(&sql, &params).map(drop)
    }

    /// The present as a Julian day, by the database's clock.
    pub(super) fn now(&self) -> &'static str {
        now(self.database.dialect())
    }

    fn renew(&self) -> String {
        format!(
            "UPDATE {} SET holder = ?, expires_at = {} WHERE id = ?",
            WORK_LEASES.name,
            self.end()
        )
    }

    /// When a lease that is taken now runs out.
    fn end(&self) -> String {
        format!("{} + {LEASE_SECONDS} / 86400.0", self.now())
    }

    fn update_lease(&self, sql: &str, params: &[ValueRef<'_>]) -> Result<bool> {
        let updated = self
            .database
            .transaction(|session| session.execute(sql, params));
        Ok(updated.doing("renewing a lease")?.rows_affected > 0)
    }

    /// False where there is one.
    fn insert_lease(&self, lease: &str, holder: &str) -> Result<bool> {
        let sql = format!(
            "INSERT INTO {}(id, holder, expires_at) VALUES (?, ?, {})",
            WORK_LEASES.name,
            self.end()
        );
        let params = [lease.into(), holder.into()];
        let inserted = self
            .database
            .transaction(|session| session.execute(&sql, &params));
        match inserted {
            Err(error) if error.class() == ErrorClass::Constraint => Ok(false),
            other => other.doing("taking a lease").map(|_| true),
        }
    }
}

/// As [`CodeDatabase::lease_holder`], within a transaction.
pub(super) fn holder(session: &mut Session, lease: &str) -> driver_api::Result<Option<String>> {
    let sql = format!("SELECT holder FROM {} WHERE id = ?", WORK_LEASES.name);
    session.query_first(&sql, &[lease.into()], |row| Ok(row.text(0)?.to_owned()))
}
