//! What a run came to: counted, judged, and printed for people or programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::history::{Call, Operation, Told};

/// Findings and errors beyond these are counted, not kept.
const KEPT: usize = 10;

/// What a run came to.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// `kill`, `all`, `power full`, `power normal`.
    pub(crate) mode: String,
    /// Repeats the choices of the run.
    pub(crate) seed: u64,
    /// Wall-clock time.
    pub(crate) seconds: f64,
    /// Faults, by kind.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// Calls, by kind.
    pub(crate) calls: BTreeMap<&'static str, u64>,
    /// Calls that succeeded.
    pub(crate) acknowledged: u64,
    /// Calls whose caller was killed before it had an answer.
    pub(crate) unanswered: u64,
    /// Calls that ended in an error.
    pub(crate) errors: u64,
    /// Some of those errors.
    pub(crate) first_errors: Vec<String>,
    /// Broken promises: losses, doubles, reads that no order explains, damage.
    pub(crate) broken: u64,
    /// Some of them.
    pub(crate) first_broken: Vec<String>,
    /// From a kill of the DB worker to the next one's announcement, in milliseconds.
    pub(crate) worker_back_ms: Quantiles,
    /// From call to answer, in milliseconds, faults and all.
    pub(crate) calls_ms: Quantiles,
}

/// A distribution.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Quantiles {
    /// Half are at most this.
    pub p50: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The largest.
    pub(crate) max: f64,
}

impl Quantiles {
    /// The distribution of these values.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let at = |part: f64| {
            let index = (values.len().saturating_sub(1) as f64 * part).round() as usize;
            values.get(index).copied().unwrap_or(0.0)
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        }
    }
}

/// Counts while a run goes on.
#[derive(Default)]
pub(crate) struct Tally {
    report: Report,
    back: Vec<f64>,
    calls: Vec<f64>,
}

impl Tally {
    /// Counts for a run of this kind.
    pub(crate) fn new(mode: &str, seed: u64) -> Self {
        Self {
            report: Report {
                mode: mode.to_owned(),
                seed,
                ..Report::default()
            },
            ..Self::default()
        }
    }

    /// One fault.
    pub(crate) fn fault(&mut self, kind: &'static str) {
        *self.report.faults.entry(kind).or_default() += 1;
    }

    /// A worker came back after so many milliseconds.
    pub(crate) fn back_after(&mut self, milliseconds: f64) {
        self.back.push(milliseconds);
    }

    /// The calls of a round.
    pub(crate) fn operations(&mut self, operations: &[Operation]) {
        for operation in operations {
            *self.report.calls.entry(kind(&operation.call)).or_default() += 1;
            let Some((at, told)) = &operation.told else {
                self.report.unanswered += 1;
                continue;
            };
            self.calls.push((at - operation.asked) as f64 / 1e6);
            if let Told::Failed { error, .. } = told {
                self.report.errors += 1;
                keep(
                    &mut self.report.first_errors,
                    format!("{:?}: {error}", operation.call),
                );
            } else {
                self.report.acknowledged += 1;
            }
        }
    }

    /// Broken promises.
    pub(crate) fn broken(&mut self, found: Vec<String>) {
        self.report.broken += found.len() as u64;
        for text in found {
            keep(&mut self.report.first_broken, text);
        }
    }

    /// How many promises were found broken so far.
    pub(crate) fn count_broken(&self) -> u64 {
        self.report.broken
    }

    /// The report.
    pub(crate) fn finish(mut self, seconds: f64) -> Report {
        self.report.seconds = seconds;
        self.report.worker_back_ms = Quantiles::of(self.back);
        self.report.calls_ms = Quantiles::of(self.calls);
        self.report
    }
}

fn keep(list: &mut Vec<String>, text: String) {
    if list.len() < KEPT {
        list.push(text);
    }
}

fn kind(call: &Call) -> &'static str {
    match call {
        Call::Insert { .. } => "execute",
        Call::InsertReturning { .. } => "query that writes",
        Call::InsertMany { .. } => "execute_many",
        Call::Transfer { .. } => "transfer",
        Call::Sum => "sum",
        Call::Lists(_) => "lists",
        Call::Look(_) => "snapshot",
    }
}

impl Report {
    /// The report as lines of a table.
    pub(crate) fn to_text(&self) -> String {
        let counted = |counts: &BTreeMap<&str, u64>| {
            let parts: Vec<_> = counts
                .iter()
                .map(|(kind, count)| format!("{count} {kind}"))
                .collect();
            parts.join(", ")
        };
        let spread = |quantiles: &Quantiles| {
            format!(
                "p50 {:.1}, p99 {:.1}, longest {:.1} ms",
                quantiles.p50, quantiles.p99, quantiles.max
            )
        };
        let rows = [
            ("mode", self.mode.clone()),
            ("seed", self.seed.to_string()),
            ("seconds", format!("{:.0}", self.seconds)),
            ("faults", counted(&self.faults)),
            ("calls", counted(&self.calls)),
            ("acknowledged", self.acknowledged.to_string()),
            ("unanswered (caller killed)", self.unanswered.to_string()),
            ("errors that callers saw", self.errors.to_string()),
            ("broken promises", self.broken.to_string()),
            (
                "worker killed to next announced",
                spread(&self.worker_back_ms),
            ),
            ("call to answer", spread(&self.calls_ms)),
        ];
        let mut text = String::new();
        for (name, value) in rows {
            if self.worker_back_ms.max == 0.0 && name.starts_with("worker killed") {
                continue;
            }
            text.push_str(&format!("{name:<32} {value}\n"));
        }
        for line in self.first_broken.iter().chain(&self.first_errors) {
            text.push_str(&format!("    {line}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_of_the_list() {
        let quantiles = Quantiles::of((1..=101).map(f64::from).collect());
        assert_eq!(
            (quantiles.p50, quantiles.p99, quantiles.max),
            (51.0, 100.0, 101.0)
        );
        assert_eq!(Quantiles::of(Vec::new()).max, 0.0);
    }
}
