//! Changed files through several analysing threads into one writer, with a bound on what is in flight.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::budget::Budget;
use super::changes::Job;
use super::crash_notes::{CrashNotes, Verdict};
use super::indexer::IndexOptions;
use super::prepare::{Prepared, passed_over, prepare};
use crate::analysis::Analyzer;

/// Files between the analysing threads and the writer. Bytes are bounded by the budget; this bounds the number.
const QUEUE: usize = 64;

/// A file's source takes up to this many times its size while it waits: its text, and what was found in it.
const BYTES_PER_BYTE: usize = 6;

/// What a file takes beyond that.
const BYTES_PER_FILE: usize = 16 * 1024;

/// What came of one job.
pub(super) struct Delivery<'j> {
    pub(super) job: &'j Job,
    pub(super) prepared: Prepared,
    /// What it takes of the budget until it is stored.
    pub(super) bytes: usize,
}

/// What comes out of the analysing threads, in no order.
pub(super) struct Deliveries<'j, 'b> {
    receiver: Receiver<Delivery<'j>>,
    budget: &'b Budget,
}

impl<'j> Deliveries<'j, '_> {
    /// The next delivery; `None` when all is delivered.
    pub(super) fn next(&self) -> Option<Delivery<'j>> {
        self.receiver.recv().ok()
    }

    /// Says that deliveries of this many bytes are stored.
    pub(super) fn stored(&self, bytes: usize) {
        self.budget.give_back(bytes);
    }
}

/// Prepares all jobs on several threads, while `write` takes what comes out of them on this one.
///
/// When `write` returns early, the threads stop after the file that each has in hand.
pub(super) fn run<'j, T>(
    root: &Path,
    jobs: &'j [Job],
    options: &IndexOptions,
    write: impl FnOnce(&Deliveries<'j, '_>) -> T,
) -> T {
    let budget = Budget::new(budget_bytes(options));
    let notes = CrashNotes::open(options.crash_notes.as_deref());
    let (suspects, jobs): (Vec<_>, Vec<_>) = jobs
        .iter()
        .map(|job| (notes.verdict(&job.found), job))
        .partition(|(verdict, _)| *verdict == Verdict::Suspect);
    let (sender, receiver) = sync_channel(QUEUE);
    let analysing = Analysing {
        root,
        next: AtomicUsize::new(0),
        budget: &budget,
        notes: &notes,
        options,
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads.min(jobs.len()))
            .map(|_| {
                let (sender, jobs, analysing) = (sender.clone(), &jobs, &analysing);
                scope.spawn(move || {
                    analysing.all(&sender, || {
                        jobs.get(analysing.next.fetch_add(1, Ordering::Relaxed))
                            .copied()
                    });
                })
            })
            .collect();
        if suspects.is_empty() {
            drop(sender);
        } else {
            let analysing = &analysing;
            scope.spawn(move || {
                // One that ends the process must be the only one in hand.
                for thread in threads {
                    let _ = thread.join();
                }
                let mut suspects = suspects.into_iter();
                analysing.all(&sender, || suspects.next());
            });
        }
        let deliveries = Deliveries {
            receiver,
            budget: &budget,
        };
        let result = write(&deliveries);
        // Whoever still waits for room or for the queue must not wait for a writer that has left.
        budget.close();
        drop(deliveries);
        result
    })
}

/// What the analysing threads have in common.
struct Analysing<'a> {
    root: &'a Path,
    /// The place of the next job.
    next: AtomicUsize,
    budget: &'a Budget,
    notes: &'a CrashNotes,
    options: &'a IndexOptions,
}

impl Analysing<'_> {
    /// Prepares what `next` gives until nothing comes, or nobody wants it any more.
    fn all<'j>(
        &self,
        sender: &SyncSender<Delivery<'j>>,
        mut next: impl FnMut() -> Option<(Verdict, &'j Job)>,
    ) {
        let options = self.options;
        let mut analyzer = Analyzer::new();
        let note = self.notes.of_thread();
        while let Some((verdict, job)) = next() {
            let bytes = bytes_in_flight(job.found.size);
            if options.cancellation.is_cancelled() || !self.budget.take(bytes) {
                return;
            }
            note.write(&job.found);
            let prepared = match verdict {
                Verdict::Guilty => passed_over(job),
                _ => prepare(
                    &mut analyzer,
                    self.root,
                    job,
                    options.largest_file,
                    options.force,
                ),
            };
            if verdict == Verdict::Suspect {
                self.notes.acquit(&job.found);
            }
            let delivery = Delivery {
                job,
                prepared,
                bytes,
            };
            if sender.send(delivery).is_err() {
                return;
            }
        }
    }
}

fn bytes_in_flight(size: u64) -> usize {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    size.saturating_mul(BYTES_PER_BYTE)
        .saturating_add(BYTES_PER_FILE)
}

/// Room for a group that the writer collects and for one more file of the greatest size: with less, writer and
/// threads could wait for each other.
fn budget_bytes(options: &IndexOptions) -> usize {
    let least = options
        .group_bytes
        .saturating_add(bytes_in_flight(options.largest_file));
    options.memory_bytes.max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_always_has_room_for_a_group_and_the_greatest_file() {
        let options = IndexOptions {
            memory_bytes: 1,
            largest_file: 1 << 30,
            ..IndexOptions::default()
        };
        assert_eq!(
            budget_bytes(&options),
            options.group_bytes + bytes_in_flight(1 << 30)
        );
    }
}
