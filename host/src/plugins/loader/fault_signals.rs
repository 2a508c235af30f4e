//! Hears of the signals that end a process for a fault of its own code, in the moment before they do.

use std::io;
use std::ptr;
use std::sync::OnceLock;

use libc::{SA_ONSTACK, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, c_int, sigaction};

/// The faulting instruction runs again after the handler, so that the process ends as it would have ended.
const FAULTS: [c_int; 5] = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT];

/// What a signal finds.
struct Listening {
    /// Called once with the number of the signal, in its handler: it may neither allocate nor lock.
    tell: fn(c_int),
    /// What was to happen before; that of `SIGSEGV` and `SIGBUS` tells of a stack that is full.
    before: [sigaction; FAULTS.len()],
}

static LISTENING: OnceLock<Listening> = OnceLock::new();

/// Has `tell` called with the number of the signal by which this process is about to end for a fault of its code; only
/// the first call of this function counts.
///
/// # Errors
/// The system's.
#[allow(
    unsafe_code,
    reason = "drivers are foreign code, and nothing else tells of their faults"
)]
pub(in crate::plugins) fn tell_of_faults(tell: fn(c_int)) -> io::Result<()> {
    // SAFETY: every field of it is a number or an optional function, for which zeros are right.
    let nothing: sigaction = unsafe { std::mem::zeroed() };
    let mut before = [nothing; FAULTS.len()];
    for (fault, before) in FAULTS.iter().zip(&mut before) {
        // SAFETY: without a new action it only writes the present one to `before`, which is valid.
        checked(unsafe { sigaction(*fault, ptr::null(), before) })?;
    }
    if LISTENING.set(Listening { tell, before }).is_err() {
        return Ok(());
    }
    let mut action = nothing;
    action.sa_sigaction = heard as *const () as libc::sighandler_t;
    // On the stack that the standard library has for this, because the usual one may be full.
    action.sa_flags = SA_ONSTACK;
    for fault in FAULTS {
        // SAFETY: `action` is whole, and `heard` does only what a handler may do.
        checked(unsafe { sigaction(fault, &action, ptr::null_mut()) })?;
    }
    Ok(())
}

#[allow(unsafe_code, reason = "as above")]
extern "C" fn heard(signal: c_int) {
    let Some(listening) = LISTENING.get() else {
        return;
    };
    for (fault, before) in FAULTS.iter().zip(&listening.before) {
        // SAFETY: `before` is what the system gave. A second fault, be it in `tell`, ends the process at once.
        unsafe { sigaction(*fault, before, ptr::null_mut()) };
    }
    (listening.tell)(signal);
}

fn checked(result: c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
