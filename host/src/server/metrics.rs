//! `GET /metrics`: what the server has done, in the text format of Prometheus (OpenMetrics 1.0).

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::commands::jobs::queue::JobTotals;
use crate::commands::service::WorkerHealth;

/// The media type of the text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the times that calls take, in seconds.
const TIMES: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0,
];

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Ending {
    /// The command succeeded.
    Success,
    /// The command ran and failed.
    Failure,
    /// The call could not be made.
    Refused,
    /// The caller hung up.
    Abandoned,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    command: String,
    ending: Ending,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkerLabel {
    worker: String,
}

/// Counters of one server.
pub(super) struct Metrics {
    calls: Family<CallLabels, Counter>,
    times: Histogram,
    jobs: Family<StatusLabel, Gauge>,
    workers: Family<WorkerLabel, Gauge>,
    restarts: Family<WorkerLabel, Gauge<i64>>,
    uptime: Gauge<f64, AtomicU64>,
    /// Held while the gauges are set and written, so that two readers do not mix theirs.
    registry: Mutex<Registry>,
}

impl Metrics {
    /// Nothing has happened yet.
    pub(super) fn new() -> Self {
        let metrics = Self {
            calls: Family::default(),
            times: Histogram::new(TIMES),
            jobs: Family::default(),
            workers: Family::default(),
            restarts: Family::default(),
            uptime: Gauge::default(),
            registry: Mutex::new(Registry::with_prefix("code_analysis_host")),
        };
        metrics.register();
        metrics
    }

    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register("calls", "Calls of commands", self.calls.clone());
        let help = "Time from a call to its answer, waiting included";
        registry.register_with_unit("call_duration", help, Unit::Seconds, self.times.clone());
        registry.register("jobs", "Background jobs by status", self.jobs.clone());
        let help = "Whether a worker does its job: 1, or 0";
        registry.register("worker_up", help, self.workers.clone());
        let help = "Times that a worker was started again";
        registry.register("worker_restarts", help, self.restarts.clone());
        let help = "Time since the start of the server";
        registry.register_with_unit("uptime", help, Unit::Seconds, self.uptime.clone());
    }

    /// Notes a call that took `time`. Only names of commands that exist, or one other, so that strangers cannot make
    /// the counters many.
    pub(super) fn call(&self, command: &str, ending: Ending, time: Duration) {
        let labels = CallLabels {
            command: command.to_owned(),
            ending,
        };
        self.calls.get_or_create(&labels).inc();
        self.times.observe(time.as_secs_f64());
    }

    /// Everything as text.
    ///
    /// # Errors
    /// None in practice: text is written into memory.
    pub(super) fn text(
        &self,
        jobs: JobTotals,
        workers: &[WorkerHealth],
        uptime: Duration,
    ) -> Result<String, fmt::Error> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        for (status, count) in [
            ("pending", jobs.pending),
            ("running", jobs.running),
            ("ended", jobs.ended),
            ("lost", jobs.lost),
        ] {
            let gauge = self.jobs.get_or_create(&StatusLabel { status });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.workers.clear();
        self.restarts.clear();
        for worker in workers {
            let label = WorkerLabel {
                worker: worker.name.clone(),
            };
            self.workers
                .get_or_create(&label)
                .set(worker.is_fine().into());
            let restarts = i64::try_from(worker.restarts).unwrap_or(i64::MAX);
            self.restarts.get_or_create(&label).set(restarts);
        }
        self.uptime.set(uptime.as_secs_f64());
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_counted() {
        let metrics = Metrics::new();
        metrics.call("list_projects", Ending::Success, Duration::from_millis(3));
        metrics.call("list_projects", Ending::Success, Duration::from_millis(30));
        let jobs = JobTotals {
            running: 2,
            ..JobTotals::default()
        };
        let text = metrics.text(jobs, &[], Duration::from_secs(5)).unwrap();
        for line in [
            "code_analysis_host_calls_total{command=\"list_projects\",ending=\"Success\"} 2",
            "code_analysis_host_call_duration_seconds_bucket{le=\"0.005\"} 1",
            "code_analysis_host_call_duration_seconds_count 2",
            "code_analysis_host_jobs{status=\"running\"} 2",
            "code_analysis_host_uptime_seconds 5.0",
            "# EOF",
        ] {
            assert!(
                text.lines().any(|each| each == line),
                "{line} is not in\n{text}"
            );
        }
    }
}
