//! Which jobs that have ended are forgotten: old ones, and the oldest where there are many or large ones.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::state::Outcome;

/// Most jobs that are kept after their ends.
const MOST_JOBS: usize = 1000;

/// Most bytes that their results take together, as JSON. The last job to end is kept whatever its size.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Jobs that have ended, in the order of their ends.
pub(super) struct Ended {
    kept_for: Duration,
    jobs: VecDeque<Kept>,
    bytes: usize,
}

struct Kept {
    id: Arc<str>,
    since: Instant,
    bytes: usize,
}

impl Ended {
    /// Jobs are kept for so long.
    pub(super) fn new(kept_for: Duration) -> Self {
        Self {
            kept_for,
            jobs: VecDeque::new(),
            bytes: 0,
        }
    }

    /// From now on jobs are kept for so long, those that have ended included.
    pub(super) fn keep_for(&mut self, time: Duration) {
        self.kept_for = time;
    }

    /// A job has ended at `now` and its result takes this many bytes.
    pub(super) fn push(&mut self, id: Arc<str>, bytes: usize, now: Instant) {
        self.bytes += bytes;
        self.jobs.push_back(Kept {
            id,
            since: now,
            bytes,
        });
    }

    /// A job that is forgotten for another reason.
    pub(super) fn remove(&mut self, id: &str) {
        let place = self.jobs.iter().position(|kept| &*kept.id == id);
        if let Some(kept) = place.and_then(|place| self.jobs.remove(place)) {
            self.bytes -= kept.bytes;
        }
    }

    /// The next job that is to be forgotten, which is no longer among these.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Arc<str>> {
        let oldest = self.jobs.front()?;
        let is_old = now.saturating_duration_since(oldest.since) >= self.kept_for;
        let is_large = self.bytes > MOST_BYTES && self.jobs.len() > 1;
        if !is_old && !is_large && self.jobs.len() <= MOST_JOBS {
            return None;
        }
        let oldest = self.jobs.pop_front()?;
        self.bytes -= oldest.bytes;
        Some(oldest.id)
    }
}

/// The bytes that a result takes as JSON.
pub(super) fn size(outcome: Option<&Outcome>) -> usize {
    struct Counted(usize);
    impl io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(0);
    if let Some(Ok(data)) = outcome {
        // Counting cannot fail, and values that serde_json made can be written.
        let _ = serde_json::to_writer(&mut counted, data);
    }
    counted.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn forgotten(ended: &mut Ended, now: Instant) -> usize {
        std::iter::from_fn(|| ended.pop(now)).count()
    }

    #[test]
    fn old_many_and_large_ones_are_forgotten() {
        let start = Instant::now();
        let mut ended = Ended::new(Duration::from_secs(60));
        ended.push("a".into(), 1, start);
        ended.push("b".into(), 1, start + Duration::from_secs(30));
        assert_eq!(forgotten(&mut ended, start + Duration::from_secs(59)), 0);
        assert_eq!(
            ended.pop(start + Duration::from_secs(60)).as_deref(),
            Some("a")
        );
        ended.remove("b");
        assert_eq!(forgotten(&mut ended, start + Duration::from_secs(600)), 0);
        for number in 0..MOST_JOBS + 3 {
            ended.push(number.to_string().into(), 0, start);
        }
        assert_eq!(forgotten(&mut ended, start), 3);
        ended.push("large".into(), MOST_BYTES + 1, start);
        assert_eq!(forgotten(&mut ended, start), MOST_JOBS);
        assert_eq!(ended.jobs.len(), 1);
    }

    #[test]
    fn a_result_is_measured_as_its_json() {
        let data = json!({"a": [1, 2, "three"]});
        assert_eq!(size(Some(&Ok(data.clone()))), data.to_string().len());
        assert_eq!(size(None), 0);
    }
}
