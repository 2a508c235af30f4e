//! Counters of a DB worker, shown to operators through its heartbeats.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// Counts since the worker started.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// Requests that were answered, errors included.
    pub(super) requests: AtomicU64,
    /// Single statements that changed data.
    pub(super) writes: AtomicU64,
    /// Commits that carried those statements; fewer than `writes` when they were combined.
    pub(super) commits: AtomicU64,
    /// Interactive transactions that were rolled back because their owner was idle.
    pub(super) idle_rollbacks: AtomicU64,
}

impl Metrics {
    /// Adds one.
    pub(super) fn count(counter: &AtomicU64) {
        Self::add(counter, 1);
    }

    /// Adds several.
    pub(super) fn add(counter: &AtomicU64, by: usize) {
        // Only sums are read, so no order with other memory is needed.
        counter.fetch_add(by as u64, Ordering::Relaxed);
    }

    /// The counters as the payload of a heartbeat.
    pub(super) fn to_json(&self, sessions: usize) -> Value {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "sessions": sessions,
            "requests": read(&self.requests),
            "writes": read(&self.writes),
            "commits": read(&self.commits),
            "idle_rollbacks": read(&self.idle_rollbacks),
        })
    }
}
