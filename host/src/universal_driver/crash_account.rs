//! Keeps account of a driver that ends its workers, until it has done so too often.

use std::path::Path;
use std::sync::Arc;

use crate::foundation::plugin_image::PluginImage;
use crate::plugins::call_note;
use crate::plugins::crash_log::{Crash, CrashLog, now};
use crate::plugins::registry::Registry;
use crate::supervisor::db_worker_manager::DriverCrashes;
use crate::supervisor::exit_reason::ExitReason;

/// The account of one driver.
pub(super) struct CrashAccount {
    log: CrashLog,
    /// Its plugin: other bytes have another account.
    plugin: PluginImage,
    /// Its name.
    driver: String,
}

impl CrashAccount {
    /// The account of the driver in this plugin.
    pub(super) fn open(
        registry: &Registry,
        plugin: &PluginImage,
        driver: &str,
    ) -> Arc<dyn DriverCrashes> {
        Arc::new(Self {
            log: registry.examiner().crashes().clone(),
            plugin: plugin.clone(),
            driver: driver.to_owned(),
        })
    }
}

impl DriverCrashes for CrashAccount {
    fn crashed(&self, reason: &ExitReason, call: Option<&str>) -> Option<String> {
        let crash = Crash {
            at: now(),
            how: ExitReason {
                // The call stands by itself.
                doing: None,
                ..reason.clone()
            }
            .to_string(),
            last_call: call.map(str::to_owned),
        };
        match self.log.note(&self.plugin, &self.driver, crash) {
            Ok(_) => self.refusal(),
            Err(error) => {
                tracing::warn!(driver = self.driver, %error, "a crash of a driver cannot be noted");
                None
            }
        }
    }

    fn take_note(&self, note: &Path) -> Option<String> {
        call_note::take(note)
    }

    fn refusal(&self) -> Option<String> {
        let refused = self.log.check(&self.plugin.hash).err()?;
        Some(format!("the driver {}: {refused}", self.driver))
    }
}
