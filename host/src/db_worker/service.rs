//! What all sessions of a DB worker share.

use std::sync::Arc;
use std::time::Duration;

use super::metrics::Metrics;
use super::page_check::PageCheck;
use super::readers::Readers;
use super::sessions::Sessions;
use super::writer::Writer;

/// The parts of the worker that requests are answered with.
pub(super) struct Service {
    /// The name of the loaded driver.
    pub(super) driver: String,
    pub(super) readers: Arc<Readers>,
    pub(super) writer: Arc<Writer>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) page_check: PageCheck,
    /// After so long without a request an interactive transaction is rolled back.
    pub(super) idle_transaction: Duration,
}
