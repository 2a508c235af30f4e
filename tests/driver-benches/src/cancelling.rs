//! How long a query runs on after another thread asked for its end.

use std::thread;
use std::time::{Duration, Instant};

use driver_api::{ErrorClass, RowBlock, RowRef, RowSink};

use crate::loaded::{Loaded, Reader};
use crate::rounds::median;

/// Queries that are cancelled.
const TIMES: usize = 21;

/// What a query has run for when it is cancelled: the server is at it by then.
const AFTER: Duration = Duration::from_millis(200);

/// Cancels the query several times; a sentence of how long it took from the request to the error that ends the call.
pub(crate) fn measure(sql: &str, plugin: &mut Loaded) -> String {
    let times: Vec<f64> = (0..TIMES).map(|_| milliseconds(sql, plugin)).collect();
    let worst = times.iter().copied().fold(0.0, f64::max);
    format!(
        "a `{sql}` ended {:.1} ms after it was cancelled (median), {worst:.1} ms (worst of {TIMES})",
        median(times.iter().copied())
    )
}

fn milliseconds(sql: &str, plugin: &mut Loaded) -> f64 {
    let handle = plugin.connection.cancel_handle().unwrap();
    let asked = thread::spawn(move || {
        thread::sleep(AFTER);
        let asked = Instant::now();
        handle.cancel().unwrap();
        asked
    });
    let mut block = RowBlock::default();
    let mut reader = Reader { each: &mut |_| {} };
    let mut sink = RowSink::new(&mut block, &mut reader);
    let query = plugin.connection.query(sql, RowRef::EMPTY, &mut sink);
    let ended = Instant::now();
    assert_eq!(query.unwrap_err().class(), ErrorClass::Cancelled);
    let asked = asked.join().unwrap();
    ended.duration_since(asked).as_secs_f64() * 1e3
}
