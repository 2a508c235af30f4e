//! An interruption (`^C` or SIGTERM) stops an operation in good order, a second one stops the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

use super::exit_code::Exit;
use super::failure::Failure;
use super::output::note;
use crate::foundation::cancellation::Cancellation;
use crate::foundation::shutdown_signal::ShutdownSignal;

/// A request to stop that signals of the system make. `told` says what it means for the operation.
///
/// # Errors
/// `SYSTEM`, when handlers cannot be installed.
pub(super) fn cancelled_by_signals(told: &'static str) -> Result<Cancellation, Failure> {
    watch(told).map_err(|error| {
        let message = format!("signals cannot be caught: {error}");
        Failure::new(Exit::Failed, "SYSTEM", message)
    })
}

fn watch(told: &'static str) -> std::io::Result<Cancellation> {
    let (cancellation, asked) = (Cancellation::default(), Arc::new(AtomicBool::new(false)));
    for signal in [SIGINT, SIGTERM] {
        // Registered first, so that it sees only what an earlier signal has set.
        let status = i32::from(Exit::Interrupted.number());
        signal_hook::flag::register_conditional_shutdown(signal, status, Arc::clone(&asked))?;
    }
    let signals = ShutdownSignal::new();
    signals.trigger_on(&[SIGINT, SIGTERM])?;
    let requested = cancellation.clone();
    signals.on_shutdown(move |_| {
        asked.store(true, Ordering::Relaxed);
        requested.cancel();
        note(&format!("{told}; interrupt again to stop at once"));
    });
    Ok(cancellation)
}
