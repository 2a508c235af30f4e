//! Processes that write at the same time, each write a commit that reaches the disk.

use crate::Result;
use crate::clients::{NOTES, Work, together};
use crate::place::{Place, raw};
use crate::scale::Scale;
use crate::table::Row;

/// So many processes through the host, against as many on the file itself with a busy time-out.
pub(crate) fn writes(scale: &Scale, processes: usize) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let host = place.host()?;
    host.make(&[NOTES])?;
    raw(&place.peers_file())?.execute(NOTES, [])?;
    let ours = together(&place, Work::Write, processes, scale.together, 0)?;
    drop(host);
    let theirs = together(&place, Work::WriteDirectly, processes, scale.together, 0)?;
    let rate = |calls: u64| calls as f64 / scale.together.as_secs_f64();
    let least = if processes > 8 { 10.0 } else { 4.0 };
    let work =
        format!("autocommit writes, FULL, {processes} processes, against the same on the file");
    let mut rows = vec![Row::compared(
        &work,
        format!("{:.0}/s, {} failed", rate(ours.calls), ours.failed),
        format!("{:.0}/s, {} failed", rate(theirs.calls), theirs.failed),
        ours.calls as f64 / theirs.calls.max(1) as f64,
        least,
    )];
    rows.push(Row::compared(
        &format!("the same, worst wait of {processes} processes"),
        format!("{:.1} ms", ours.longest * 1e3),
        format!("{:.1} ms", theirs.longest * 1e3),
        theirs.longest / ours.longest.max(1e-9),
        20.0,
    ));
    Ok(rows)
}
