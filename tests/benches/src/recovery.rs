//! From the death of the DB worker to the next answer.

use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::place::Place;
use crate::scale::Scale;
use crate::table::{Row, quantile};

/// Kills the worker and asks at once. Each time another host, whose worker has not ended before: one that keeps
/// ending is started again later and later.
pub(crate) fn killed_worker(scale: &Scale) -> Result<Vec<Row>> {
    let mut times = Vec::new();
    let place = Place::new()?;
    for _ in 0..scale.kills {
        let host = place.host()?;
        let ask = || {
            let asked = host.database().read(|session| {
                session.query_first("SELECT count(*) FROM projects", &[], |row| Ok(row.i64(0)?))
            });
            asked.map(drop)
        };
        ask()?;
        let worker = Pid::from_raw(host.worker()?.cast_signed()).ok_or("no worker")?;
        let began = Instant::now();
        kill_process(worker, Signal::KILL)?;
        ask()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let (half, most) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    Ok(vec![
        Row::alone(
            "worker killed to next answer, p50",
            format!("{half:.0} ms"),
            "under 60 ms",
            half < 60.0,
        ),
        Row::alone(
            "worker killed to next answer, p99",
            format!("{most:.0} ms"),
            "under 250 ms",
            most < 250.0,
        ),
    ])
}
