//! How evenly the machine itself runs: on one that stands still now and then, the longest waits of all else are its own.

use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::table::{Row, quantile};

/// How long it is looked at.
const TIME: Duration = Duration::from_secs(5);

/// Time of which the speed is told.
const PIECE: Duration = Duration::from_millis(10);

/// Looks at the clock again and again on every processor, and tells in which pieces of time it could less often.
pub(crate) fn evenness() -> Result<Row> {
    let processors = thread::available_parallelism()?.get();
    let mut shares = Vec::new();
    thread::scope(|scope| {
        let lookers: Vec<_> = (0..processors).map(|_| scope.spawn(looks)).collect();
        for looker in lookers {
            let mut looks = looker.join().map_err(|_| "a thread panicked")?;
            let usual = quantile(&mut looks, 0.5);
            shares.extend(looks.into_iter().map(|looks| looks / usual));
        }
        Result::Ok(())
    })?;
    let slow = shares.iter().filter(|share| **share < 0.5).count();
    let slowest = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let ours = format!(
        "{slow} of {} pieces of 10 ms slower than half, the slowest at {:.0} % of the usual speed",
        shares.len(),
        slowest * 100.0
    );
    let work = "the machine itself, busy with nothing else";
    Ok(Row::alone(work, ours, "none slower than half", slow == 0))
}

/// How often the clock was looked at in each piece of time.
fn looks() -> Vec<f64> {
    let pieces = usize::try_from(TIME.as_millis() / PIECE.as_millis()).unwrap_or(usize::MAX);
    let mut looks = vec![0.0; pieces];
    let started = Instant::now();
    loop {
        let piece = started.elapsed().as_nanos() / PIECE.as_nanos();
        let piece = usize::try_from(piece).unwrap_or(usize::MAX);
        match looks.get_mut(piece) {
            Some(count) => *count += 1.0,
            None => return looks,
        }
    }
}
