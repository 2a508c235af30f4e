//! All jobs of a queue: those that run are counted, those that wait stand in line, those that ended are remembered.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::cell::Cell;
use super::journal::{Begun, Journal};
use super::queue::Limits;
use super::retention::{self, Ended};
use super::state::{JobState, Outcome, StopReason};
use crate::commands::error::{CommandError, ErrorCode};
use crate::commands::prepared::Work;

/// All jobs of a queue.
pub(super) struct Jobs {
    pub(super) limits: Limits,
    pub(super) all: HashMap<Arc<str>, Entry>,
    /// The number of the next job.
    next: u64,
    pub(super) long: Lane,
    pub(super) short: Lane,
    pub(super) ended: Ended,
    journal: Option<Journal>,
    /// Set when the server ends: nothing is taken any more.
    pub(super) is_closed: bool,
}

/// A job in its place.
pub(super) struct Entry {
    /// In the order of submission.
    pub(super) number: u64,
    pub(super) cell: Arc<Cell>,
}

/// Jobs that have their turns together.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) running: usize,
    pub(super) waiting: VecDeque<Turn>,
}

/// A job that is to run.
pub(super) struct Turn {
    pub(super) cell: Arc<Cell>,
    pub(super) work: Work,
}

impl Jobs {
    /// None but those that an earlier server lost, which `journal` names.
    pub(super) fn new(limits: Limits, journal: Option<Journal>) -> Self {
        let lost = journal
            .as_ref()
            .map_or_else(Vec::new, |journal| journal.lost().to_vec());
        let mut jobs = Self {
            limits,
            all: HashMap::new(),
            next: 0,
            long: Lane::default(),
            short: Lane::default(),
            ended: Ended::new(limits.kept_for),
            journal,
            is_closed: false,
        };
        for begun in lost {
            jobs.insert_lost(&begun);
        }
        jobs
    }

    /// The jobs that have their turns together with long commands, or with others.
    pub(super) fn lane(&mut self, is_long: bool) -> &mut Lane {
        if is_long {
            &mut self.long
        } else {
            &mut self.short
        }
    }

    /// Whether another job may run.
    pub(super) fn has_turn(&mut self, is_long: bool) -> bool {
        let most = match is_long {
            true => self.limits.long,
            false => self.limits.short,
        };
        self.lane(is_long).running < most
    }

    /// The job that runs next, and is counted as running, where one waits and there is room.
    pub(super) fn next_turn(&mut self, is_long: bool) -> Option<Turn> {
        if !self.has_turn(is_long) {
            return None;
        }
        let lane = self.lane(is_long);
        let next = lane.waiting.pop_front()?;
        lane.running += 1;
        Some(next)
    }

    /// Other limits hold.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.ended.keep_for(limits.kept_for);
    }

    /// Whether another job can be taken.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`], [`ErrorCode::JobExists`].
    pub(super) fn check_room(&mut self, is_long: bool, id: &str) -> Result<(), CommandError> {
        if self.is_closed {
            let message = "the server is ending and takes no more jobs";
            return Err(CommandError::new(ErrorCode::Busy, message));
        }
        if self.all.contains_key(id) {
            let message = format!("there is a job {id} already; choose another job_id, or none");
            return Err(CommandError::new(ErrorCode::JobExists, message).with("job_id", id));
        }
        if self.lane(is_long).waiting.len() >= self.limits.waiting {
            let message = "too many jobs wait already; try again in a moment";
            return Err(CommandError::new(ErrorCode::Busy, message));
        }
        Ok(())
    }

    /// The job of this id.
    ///
    /// # Errors
    /// [`ErrorCode::JobNotFound`].
    pub(super) fn find(&self, id: &str) -> Result<Arc<Cell>, CommandError> {
        let entry = self.all.get(id);
        entry.map(|entry| Arc::clone(&entry.cell)).ok_or_else(|| {
            let message = format!(
                "there is no job {id}; jobs are forgotten some time after their end, `queue_list_jobs` lists those \
                 that are known"
            );
            CommandError::new(ErrorCode::JobNotFound, message).with("job_id", id)
        })
    }

    /// Takes a job.
    pub(super) fn insert(&mut self, cell: Arc<Cell>) {
        if let Some(journal) = &mut self.journal {
            let state = cell.state.borrow();
            journal.begun(
                &state.id,
                &state.command,
                state.request_id.as_deref(),
                state.created,
            );
        }
        self.number(cell);
    }

    fn insert_lost(&mut self, begun: &Begun) {
        let message = "the server ended before the job did; run the command again";
        let mut state = JobState::new(
            begun.id.as_str().into(),
            begun.command.as_str().into(),
            begun.request_id.as_deref().map(Into::into),
        );
        state.created = begun.created();
        state.end(Some(Err(CommandError::new(ErrorCode::JobLost, message))));
        tracing::warn!(
            job_id = begun.id,
            command = begun.command,
            "a job was lost with the server that ran it"
        );
        let cell = Arc::new(Cell::new(state));
        self.ended.push(Arc::clone(&cell.id), 0, Instant::now());
        self.number(cell);
    }

    fn number(&mut self, cell: Arc<Cell>) {
        let number = self.next;
        self.next += 1;
        self.all
            .insert(Arc::clone(&cell.id), Entry { number, cell });
    }

    /// Whether a job waited; then it does no longer.
    pub(super) fn take_waiting(&mut self, id: &str) -> bool {
        [&mut self.long, &mut self.short].into_iter().any(|lane| {
            let place = lane.waiting.iter().position(|turn| &*turn.cell.id == id);
            place.and_then(|place| lane.waiting.remove(place)).is_some()
        })
    }

    /// Notes that a job has ended.
    pub(super) fn end(&mut self, cell: &Cell, outcome: Option<Outcome>) {
        let bytes = retention::size(outcome.as_ref());
        cell.state.send_modify(|state| state.end(outcome));
        let is_lost = cell.state.borrow().stop == Some(StopReason::Shutdown);
        if let Some(journal) = &mut self.journal
            && !is_lost
        {
            journal.ended(&cell.id);
        }
        self.ended.push(Arc::clone(&cell.id), bytes, Instant::now());
        self.forget_old();
    }

    /// Forgets what has been remembered for long enough.
    pub(super) fn forget_old(&mut self) {
        let now = Instant::now();
        while let Some(id) = self.ended.pop(now) {
            self.remove(&id);
        }
    }

    /// Forgets a job.
    pub(super) fn remove(&mut self, id: &str) {
        self.all.remove(id);
        if let Some(journal) = &mut self.journal {
            journal.ended(id);
        }
    }
}
