//! What the system allows this process: descriptors for all clients, and files of a limited size.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::SIGXFSZ;

/// Takes as many descriptors as the system gives, and lives on when a file reaches its limit.
pub(super) fn set_up() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, all) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
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
