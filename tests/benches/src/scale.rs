//! How much is done: enough to measure, or just enough to see that it runs.

use std::time::Duration;

/// Sizes and times of all benchmarks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Rows of the table that points are looked up in.
    pub(crate) points: i64,
    /// Look-ups of one client.
    pub(crate) look_ups: usize,
    /// Rows of scans and batches.
    pub(crate) rows: i64,
    /// How long several processes work at the same time.
    pub(crate) together: Duration,
    /// Kills of the worker.
    pub(crate) kills: usize,
    /// Entities of the database that many clients list.
    pub(crate) entities: usize,
    /// Heartbeats of a client.
    pub(crate) heartbeats: usize,
    /// How long nothing is done.
    pub(crate) idle: Duration,
    /// Rows of 100 kB of the database that is backed up.
    pub(crate) backup_rows: i64,
    /// Most questions that a search is asked.
    pub(crate) questions: usize,
}

impl Scale {
    pub(crate) fn new(quick: bool) -> Self {
        if quick {
            return Self {
                points: 1_000,
                look_ups: 2_000,
                rows: 10_000,
                together: Duration::from_secs(1),
                kills: 3,
                entities: 4_000,
                heartbeats: 1_000,
                idle: Duration::from_secs(3),
                backup_rows: 200,
                questions: 50,
            };
        }
        Self {
            points: 100_000,
            look_ups: 200_000,
            rows: 1_000_000,
            together: Duration::from_secs(10),
            kills: 40,
            entities: 100_000,
            heartbeats: 86_400,
            idle: Duration::from_secs(60),
            backup_rows: 10_000,
            questions: 1_500,
        }
    }
}
