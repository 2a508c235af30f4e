//! The jobs of one server: who runs, who waits, who has ended, and how each is watched and stopped.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;
use uuid::Uuid;

use super::cell::Cell;
use super::journal::Journal;
use super::state::{JobState, JobStatus, Outcome, StopReason};
use super::table::{Entry, Jobs, Turn};
use crate::commands::error::{CommandError, ErrorCode};
use crate::commands::prepared::Prepared;

/// How much a queue takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Long commands that run at once.
    pub long: usize,
    /// Other commands that run at once. They have turns of their own, so that long ones never keep them waiting.
    pub short: usize,
    /// Jobs that wait, for long commands and for others each.
    pub waiting: usize,
    /// How long a job is remembered after its end.
    pub kept_for: Duration,
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JobTotals {
    /// Jobs that wait for their turn.
    pub pending: usize,
    /// Jobs that run.
    pub running: usize,
    /// Jobs that have ended and are remembered.
    pub ended: usize,
    /// Those of them that an earlier server lost when it ended.
    pub lost: usize,
    /// Most long commands that run at once.
    pub long_limit: usize,
}

/// The jobs of one server. Clones are the same queue.
#[derive(Clone)]
pub struct JobQueue {
    shared: Arc<Shared>,
}

struct Shared {
    jobs: Mutex<Jobs>,
    /// Wakes those who wait for the end of a job.
    ended: Condvar,
}

impl JobQueue {
    /// A queue without jobs but for those that an earlier server lost, which `journal` names.
    pub fn new(limits: Limits, journal: Option<Journal>) -> Self {
        let shared = Shared {
            jobs: Mutex::new(Jobs::new(limits, journal)),
            ended: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Takes a job, which runs when it is its turn whatever becomes of the caller. `id` is for callers that have one.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when too many wait, or the server ends; [`ErrorCode::JobExists`] for an `id` that another
    /// job has.
    pub fn submit(
        &self,
        prepared: Prepared,
        id: Option<&str>,
        request_id: Option<&str>,
    ) -> Result<watch::Receiver<JobState>, CommandError> {
        let Prepared {
            command,
            is_long,
            work,
            ..
        } = prepared;
        let id: Arc<str> = id.map_or_else(|| Uuid::new_v4().to_string().into(), Into::into);
        let mut jobs = self.shared.lock();
        jobs.forget_old();
        jobs.check_room(is_long, &id)?;
        let state = JobState::new(Arc::clone(&id), command, request_id.map(Into::into));
        let cell = Arc::new(Cell::new(state));
        let watched = cell.state.subscribe();
        let turn = Turn {
            cell: Arc::clone(&cell),
            work,
        };
        if jobs.has_turn(is_long) {
            Shared::start(&self.shared, is_long, turn)?;
            jobs.lane(is_long).running += 1;
        } else {
            jobs.lane(is_long).waiting.push_back(turn);
        }
        jobs.insert(cell);
        Ok(watched)
    }

    /// What is known of a job, now and whenever it changes.
    ///
    /// # Errors
    /// [`ErrorCode::JobNotFound`].
    pub fn watch(&self, id: &str) -> Result<watch::Receiver<JobState>, CommandError> {
        let mut jobs = self.shared.lock();
        jobs.forget_old();
        Ok(jobs.find(id)?.state.subscribe())
    }

    /// What is known of a job.
    ///
    /// # Errors
    /// [`ErrorCode::JobNotFound`].
    pub fn state(&self, id: &str) -> Result<JobState, CommandError> {
        Ok(self.watch(id)?.borrow().clone())
    }

    /// All jobs, the latest first.
    pub fn states(&self) -> Vec<JobState> {
        let mut jobs = self.shared.lock();
        jobs.forget_old();
        let mut entries: Vec<&Entry> = jobs.all.values().collect();
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.number));
        entries
            .into_iter()
            .map(|entry| entry.cell.state.borrow().clone())
            .collect()
    }

    /// Asks a job to stop. One that waits has ended then; one that runs ends when its command comes to it.
    ///
    /// # Errors
    /// [`ErrorCode::JobNotFound`]; [`ErrorCode::JobStateInvalid`] for one that has ended.
    pub fn stop(&self, id: &str, reason: StopReason) -> Result<JobState, CommandError> {
        let mut jobs = self.shared.lock();
        let cell = jobs.find(id)?;
        let status = cell.state.borrow().status;
        if status.is_final() {
            return Err(has_ended(id, status));
        }
        cell.ask_to_stop(reason);
        if jobs.take_waiting(id) {
            jobs.end(&cell, None);
            self.shared.ended.notify_all();
        }
        Ok(cell.state.borrow().clone())
    }

    /// Waits until a job has ended, or `patience` has passed, and gives what is known of it then.
    ///
    /// # Errors
    /// [`ErrorCode::JobNotFound`].
    pub fn wait(&self, id: &str, patience: Duration) -> Result<JobState, CommandError> {
        let jobs = self.shared.lock();
        let cell = jobs.find(id)?;
        let runs = |_: &mut Jobs| !cell.state.borrow().status.is_final();
        drop(self.shared.ended.wait_timeout_while(jobs, patience, runs));
        Ok(cell.state.borrow().clone())
    }

    /// Forgets a job that has ended.
    ///
    /// # Errors
    /// [`ErrorCode::JobNotFound`]; [`ErrorCode::JobStateInvalid`] for one that has not ended.
    pub fn forget(&self, id: &str) -> Result<JobState, CommandError> {
        let mut jobs = self.shared.lock();
        let state = jobs.find(id)?.state.borrow().clone();
        if !state.status.is_final() {
            return Err(has_not_ended(id, state.status));
        }
        jobs.ended.remove(id);
        jobs.remove(id);
        Ok(state)
    }

    /// How many jobs there are.
    pub fn totals(&self) -> JobTotals {
        let mut jobs = self.shared.lock();
        jobs.forget_old();
        let mut totals = JobTotals {
            long_limit: jobs.limits.long,
            ..JobTotals::default()
        };
        for entry in jobs.all.values() {
            let state = entry.cell.state.borrow();
            match state.status {
                JobStatus::Pending => totals.pending += 1,
                JobStatus::Running => totals.running += 1,
                _ => totals.ended += 1,
            }
            let code = state.error().map(CommandError::code);
            totals.lost += usize::from(code == Some(ErrorCode::JobLost));
        }
        totals
    }

    /// From now on other limits hold. What runs goes on; what waits begins where there is room now.
    pub fn set_limits(&self, limits: Limits) {
        let mut jobs = self.shared.lock();
        jobs.set_limits(limits);
        for is_long in [true, false] {
            while let Some(turn) = jobs.next_turn(is_long) {
                let cell = Arc::clone(&turn.cell);
                if let Err(error) = Shared::start(&self.shared, is_long, turn) {
                    jobs.lane(is_long).running -= 1;
                    jobs.end(&cell, Some(Err(error)));
                }
            }
        }
        self.shared.ended.notify_all();
    }

    /// Takes no more jobs and asks all to stop, because the server ends. The next server reports them as lost.
    pub fn close(&self) {
        let mut guard = self.shared.lock();
        let jobs = &mut *guard;
        jobs.is_closed = true;
        let lanes = [&mut jobs.long, &mut jobs.short];
        let waiting: Vec<Turn> = lanes
            .into_iter()
            .flat_map(|lane| std::mem::take(&mut lane.waiting))
            .collect();
        for entry in jobs.all.values() {
            if !entry.cell.state.borrow().status.is_final() {
                entry.cell.ask_to_stop(StopReason::Shutdown);
            }
        }
        for turn in waiting {
            jobs.end(&turn.cell, None);
        }
        self.shared.ended.notify_all();
    }

    /// Waits until nothing runs; false when something still does at `deadline`.
    pub fn drain(&self, deadline: Instant) -> bool {
        let patience = deadline.saturating_duration_since(Instant::now());
        let runs = |jobs: &mut Jobs| jobs.long.running + jobs.short.running > 0;
        let jobs = self.shared.lock();
        let (mut jobs, _) = self
            .shared
            .ended
            .wait_timeout_while(jobs, patience, runs)
            .unwrap_or_else(PoisonError::into_inner);
        !runs(&mut jobs)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        // Nothing of a command runs under the lock, so nothing is left half changed.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a turn to a thread, which goes on with those that wait.
    fn start(shared: &Arc<Self>, is_long: bool, turn: Turn) -> Result<(), CommandError> {
        let shared = Arc::clone(shared);
        let started = thread::Builder::new().name("job".into()).spawn(move || {
            let mut next = Some(turn);
            while let Some(Turn { cell, work }) = next {
                let outcome = cell.run(work);
                next = shared.end_of_turn(is_long, &cell, outcome);
            }
        });
        started.map(drop).map_err(|error| {
            CommandError::new(
                ErrorCode::Busy,
                format!("no thread can be started for the job: {error}; try again later"),
            )
        })
    }

    fn end_of_turn(&self, is_long: bool, cell: &Cell, outcome: Outcome) -> Option<Turn> {
        let mut jobs = self.lock();
        jobs.end(cell, Some(outcome));
        jobs.lane(is_long).running -= 1;
        let next = jobs.next_turn(is_long);
        self.ended.notify_all();
        next
    }
}

fn has_ended(id: &str, status: JobStatus) -> CommandError {
    wrong_state(id, status, "it cannot be stopped any more")
}

fn has_not_ended(id: &str, status: JobStatus) -> CommandError {
    wrong_state(id, status, "stop it first, with `queue_stop_job`")
}

fn wrong_state(id: &str, status: JobStatus, advice: &str) -> CommandError {
    let status = status.as_str();
    CommandError::new(
        ErrorCode::JobStateInvalid,
        format!("the job {id} is {status}; {advice}"),
    )
    .with("job_id", id)
    .with("status", status)
}

#[cfg(test)]
mod tests;
