//! What commands may know of the plugins that were found.

use std::sync::Arc;

use crate::commands::list_drivers::{DriverSummary, FoundDrivers};
use crate::plugins::record::PluginRecord;
use crate::plugins::registry::Registry;

/// Answers with each file that is found by then; `kind` is the configured type of database.
pub(super) fn found(plugins: &Arc<Registry>, kind: &str) -> FoundDrivers {
    let (plugins, kind) = (Arc::clone(plugins), kind.to_owned());
    Arc::new(move || {
        let records = plugins.records();
        let summaries = records
            .iter()
            .map(|record| summary(&plugins, record, &kind));
        summaries.collect()
    })
}

fn summary(plugins: &Registry, record: &PluginRecord, kind: &str) -> DriverSummary {
    // The file that a name leads to; others of the same name are shadowed by it.
    let leads_here = |name: &str| {
        let found = plugins.find(name);
        found.is_ok_and(|plugin| plugin.image.file == record.path)
    };
    let descriptor = record.verdict.descriptor();
    DriverSummary {
        path: record.path.clone(),
        usable: descriptor.is_some(),
        reason: record.verdict.refusal().map(|refusal| refusal.text.clone()),
        name: descriptor.map(|driver| driver.name.clone()),
        version: descriptor.map(|driver| driver.version.clone()),
        summary: descriptor.map(|driver| driver.summary.clone()),
        shadowed: descriptor.is_some_and(|driver| !leads_here(&driver.name)),
        configured: leads_here(kind),
    }
}
