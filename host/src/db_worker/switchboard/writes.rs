//! Single writes that have come at the same time.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use driver_api::wire::frame::FramePlace;
use rustix::event::epoll::{self, Event};

use super::{AT_ONCE, NOBODYS_TURN, Next, Session, State, Switchboard, spawn};
use crate::db_worker::write_records::WriteId;

/// Conversations whose next request is a single write, with the write's name and where it lies.
pub(super) type Writers = Vec<(Box<Session>, WriteId, FramePlace)>;

/// The last commit that several clients shared.
#[derive(Clone, Copy, Default)]
pub(super) struct Commit {
    writers: usize,
    took: Duration,
}

/// Whoever waits for others waits for at most this part of what a commit takes.
const PART_OF_A_COMMIT: u32 = 4;

/// And never longer than this.
const LONGEST_WAIT_FOR_OTHERS: Duration = Duration::from_micros(100);

impl Switchboard {
    /// Those who shared a commit have heard of it at the same time, and are about to write again: whoever comes first
    /// waits a moment for the others, so that they share the next one, too.
    pub(super) fn wait_for_others(&self, events: &mut Vec<Event>, last: Commit) {
        let limit = (last.took / PART_OF_A_COMMIT).min(LONGEST_WAIT_FOR_OTHERS);
        let begun = Instant::now();
        while events.len() < last.writers && begun.elapsed() < limit {
            thread::yield_now();
            let _ = self.heard(events, Some(&AT_ONCE));
        }
    }

    /// Begins to wait for those whose writes the turn before has left.
    pub(super) fn take_over_writers(&self, state: &mut State) {
        let State {
            writers, answering, ..
        } = state;
        writers.retain(|(session, ..)| {
            let (number, stream) = (session.number(), session.stream());
            let heard = self.listen(number, stream);
            if let Err(error) = &heard {
                tracing::warn!(session = number, %error, "a client cannot be waited for");
            }
            answering.push((number, Arc::clone(stream)));
            heard.is_ok()
        });
    }

    /// Carries out single writes that have come together, for whoever has the turn of that number.
    pub(super) fn serve_writers(self: &Arc<Self>, number: u64) -> Commit {
        let mut writers = {
            let mut state = self.lock();
            if !state.has(number) {
                return Commit::default();
            }
            std::mem::take(&mut state.writers)
        };
        let Some((first, ..)) = writers.first() else {
            return Commit::default();
        };
        let service = Arc::clone(first.service());
        if let [(session, id, request)] = &mut writers[..] {
            let next = session.write_alone(*id, *request);
            writers
                .into_iter()
                .for_each(|(session, ..)| self.park(number, session, next));
            return Commit::default();
        }
        let writes: Option<Vec<_>> = writers
            .iter()
            .map(|(session, id, request)| session.write(*id, *request))
            .collect();
        // They were read before, so that all are there; whoever got no answer asks again.
        let begun = Instant::now();
        let results = match writes {
            Some(writes) => service.writer.write_together(&writes),
            None => Some(Vec::new()),
        };
        let Some(results) = results else {
            self.write_apart(number, writers);
            return Commit::default();
        };
        let commit = Commit {
            writers: writers.len(),
            took: begun.elapsed(),
        };
        let mut results = results.into_iter();
        for (mut session, ..) in writers {
            let next = results
                .next()
                .map_or(Next::Never, |result| session.finish_write(result));
            self.park(number, session, next);
        }
        commit
    }

    /// Somebody keeps the writer: each waits in a thread of its own, so that a cancel of one ends its wait.
    fn write_apart(self: &Arc<Self>, number: u64, writers: Writers) {
        for (mut session, id, request) in writers {
            self.stop_hearing(number, &session);
            let board = Arc::clone(self);
            let wait = move || {
                let next = session.write_alone(id, request);
                board.park(NOBODYS_TURN, session, next);
            };
            if let Err(error) = spawn(wait) {
                // Its client has lost the conversation, and asks again.
                tracing::warn!(%error, "no thread can be started for a write that waits");
            }
        }
    }

    /// Another thread answers this client, and parks it.
    fn stop_hearing(&self, number: u64, session: &Session) {
        let mut state = self.lock();
        if state.has(number) {
            let other = |answered: u64| answered != session.number();
            state.answering.retain(|(answered, _)| other(*answered));
            // Where that fails the client is gone.
            let _ = epoll::delete(&self.epoll, &**session.stream());
        }
    }
}
