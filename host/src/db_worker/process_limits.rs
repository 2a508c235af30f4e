//! What the system allows this process: descriptors for all clients, and files of a limited size.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Resource, getrlimit};
use signal_hook::consts::SIGXFSZ;

use crate::foundation::descriptor_limit;

/// Takes as many descriptors as the system gives, and lives on when a file reaches its limit.
pub(super) fn set_up() {
    descriptor_limit::raise();
    // With a handler, whatever it does, the write that is too long fails instead of killing the
    // process.
    if let Err(error) = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))) {
        tracing::warn!(%error, "a file that reaches its size limit would end the worker");
    }
}

/// Whether a failed write may be one beyond the largest size of a file (`ulimit -f`), which is not a
/// fault of the storage.
pub(super) fn limits_file_size() -> bool {
    getrlimit(Resource::Fsize).current.is_some()
}
