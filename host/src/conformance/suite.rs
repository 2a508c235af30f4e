//! Runs cases on a plugin, several at the same time, and collects what came of them.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use driver_api::Placement;
use driver_api::testkit::{Case, Need, Outcome};

use super::case_process::CaseProcess;
use super::place::Place;
use super::report::{CaseReport, Report};
use super::run_case::CaseRequest;
use super::target::Target;
use crate::foundation::cancellation::Cancellation;

/// A run of cases on one plugin.
pub struct Suite {
    /// The plugin.
    pub target: Target,
    /// Its database.
    pub place: Place,
    /// The program that children are started from.
    pub executable: PathBuf,
    /// Longest time for one case.
    pub timeout: Duration,
    /// Cases that run at the same time.
    pub jobs: NonZeroUsize,
}

impl Suite {
    /// Runs the cases; `each` hears of every one that has ended. Once `cancellation` is asked for, no further
    /// case begins.
    pub fn run(
        &self,
        cases: &[&'static Case],
        each: &(dyn Fn(&CaseReport) + Sync),
        cancellation: &Cancellation,
    ) -> Report {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(cases.len()));
        let work = || {
            while !cancellation.is_cancelled() {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(case) = cases.get(index) else { return };
                let report = self.run_case(case);
                each(&report);
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.push((index, report));
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.jobs.get().min(self.place.most_at_once()) {
                scope.spawn(work);
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(index, _)| *index);
        Report {
            descriptor: self.target.descriptor.clone(),
            library: self.target.image.file.clone(),
            cases: done.into_iter().map(|(_, report)| report).collect(),
        }
    }

    fn run_case(&self, case: &'static Case) -> CaseReport {
        let begin = Instant::now();
        let undeclared = case.undeclared(&self.target.descriptor);
        let outcome = if undeclared.is_empty() {
            self.run_in_child(case)
        } else {
            Outcome::NotDeclared {
                needs: undeclared.iter().map(Need::to_string).collect(),
            }
        };
        CaseReport {
            case,
            outcome,
            took: begin.elapsed(),
        }
    }

    fn run_in_child(&self, case: &Case) -> Outcome {
        let process = CaseProcess {
            executable: &self.executable,
            as_worker: self.target.descriptor.placement == Placement::Worker,
            timeout: self.timeout,
        };
        process.run(&CaseRequest {
            plugin: self.target.image.clone(),
            case: case.name().to_owned(),
            options: self.place.options_for(case.name()),
        })
    }
}
