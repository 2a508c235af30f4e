//! Which driver ended a worker, and in which call.

use std::path::Path;

use signal_hook::consts::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};

use super::DriverCrashes;
use crate::supervisor::exit_reason::ExitReason;

/// Signals by which a process ends for a fault of its own code. Others are sent by people, or by a system that is short
/// of memory.
const FAULTS: [i32; 7] = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP];

/// Says which driver ended a worker, and in which call; answers why there is to be no other worker.
pub(super) fn look_into(
    reason: &mut ExitReason,
    driver: &str,
    note: Option<&Path>,
    crashes: &dyn DriverCrashes,
) -> Option<String> {
    let call = note.and_then(|note| crashes.take_note(note));
    // Without a cause: a worker that this host killed is no fault of its driver.
    let exited = reason.code.is_some_and(|code| code != 0) && call.is_some();
    let fault = reason.signal.is_some_and(|signal| FAULTS.contains(&signal));
    if reason.cause.is_some() || !(fault || exited) {
        return None;
    }
    reason.doing = Some(match &call {
        Some(call) => format!("the driver {driver}, whose last call was {call}"),
        None => format!("the driver {driver}"),
    });
    if fault {
        crashes.crashed(reason, call.as_deref())
    } else {
        None
    }
}
