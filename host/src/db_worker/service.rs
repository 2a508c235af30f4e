//! What all sessions of a DB worker share.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::metrics::Metrics;
use super::page_check::PageCheck;
use super::readers::Readers;
use super::sessions::Sessions;
use super::writer::Writer;
use crate::foundation::plugin_image::PluginImage;
use crate::plugins::memory::resident_kib;
use crate::plugins::observed::ObservedDriver;

/// What the worker has loaded.
pub(super) struct LoadedDriver {
    pub(super) version: String,
    pub(super) plugin: PluginImage,
    pub(super) driver: Arc<ObservedDriver>,
}

/// The parts of the worker that requests are answered with.
pub(super) struct Service {
    /// The name of the loaded driver.
    pub(super) driver: String,
    /// The driver itself, for its counts.
    pub(super) loaded: LoadedDriver,
    pub(super) readers: Arc<Readers>,
    pub(super) writer: Arc<Writer>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) page_check: PageCheck,
    /// After so long without a request an interactive transaction is rolled back.
    pub(super) idle_transaction: Duration,
}

impl Service {
    /// The payload of a heartbeat: counts of the worker and of its driver.
    pub(super) fn heartbeat(&self) -> Value {
        let LoadedDriver {
            version,
            plugin,
            driver,
        } = &self.loaded;
        let mut beat = self.metrics.to_json(self.sessions.count());
        beat["driver"] = json!({
            "name": self.driver,
            "version": version,
            "image": plugin,
            "current": true,
            "metrics": driver.metrics(),
            "resident_kib": resident_kib(&plugin.hash),
        });
        beat
    }
}
