//! What host and worker cost while nobody asks anything.

use std::fs;
use std::thread;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

use crate::Result;
use crate::place::{Place, memory_kib};
use crate::scale::Scale;
use crate::serving::Serving;
use crate::table::Row;

/// Time for what a start leaves to do.
const SETTLE: Duration = Duration::from_secs(2);

/// The real host, serving nobody.
pub(crate) fn host_and_worker(scale: &Scale) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let host = Serving::start(&place)?;
    thread::sleep(SETTLE);
    let processes = host.family()?;
    let ticks = || -> Result<u64> { processes.iter().map(|pid| cpu_ticks(*pid)).sum() };
    let before = ticks()?;
    thread::sleep(scale.idle);
    let used = (ticks()? - before) as f64 / clock_ticks_per_second() as f64;
    let percent = 100.0 * used / scale.idle.as_secs_f64();
    let kib: u64 = processes
        .iter()
        .map(|pid| memory_kib(*pid, "VmRSS"))
        .sum::<Result<u64>>()?;
    Ok(vec![
        Row::alone(
            &format!(
                "idle host and worker, {} processes, processor",
                processes.len()
            ),
            format!("{percent:.2} % of one core"),
            "under 0.5 %",
            percent < 0.5,
        ),
        Row::alone(
            "idle host and worker, resident memory",
            format!("{:.1} MB", kib as f64 / 1024.0),
            "under 40 MB",
            kib < 40 * 1024,
        ),
    ])
}

/// Time that a process has run, in ticks of the clock.
fn cpu_ticks(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything; user and system time are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(") ").ok_or("no process")?;
    let mut times = fields.split(' ').skip(11).take(2);
    let mut next = || -> Result<u64> { Ok(times.next().ok_or("no times")?.parse()?) };
    Ok(next()? + next()?)
}
