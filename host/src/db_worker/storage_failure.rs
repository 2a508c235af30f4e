//! The end of the worker when the storage is not to be trusted: at once, with nothing said to anybody.

use driver_api::DriverError;

/// Exit status of a worker whose storage failed: `EX_IOERR` of sysexits.h.
const EXIT_STORAGE: i32 = 74;

/// Exit status of a worker that put its database into quarantine: `EX_DATAERR` of sysexits.h.
const EXIT_QUARANTINE: i32 = 65;

/// Ends the process.
///
/// After a failed write or fsync, what is in memory may differ from what is on disk, and SQLite
/// would go on accepting commits. The worker that is started next sees what is really there. Nobody
/// gets an answer from this one: the clients ask the next, which knows what was applied. Nothing is
/// closed either, because closing would fold a log into the database that may not be on disk.
pub(super) fn end_worker(error: &DriverError) -> ! {
    tracing::error!(%error, "the storage failed; the worker ends and is started anew");
    std::process::exit(EXIT_STORAGE)
}

/// Ends the process when its database is in quarantine. Nothing is closed, because that would change
/// the file; the worker that is started next says why it refuses.
pub(super) fn end_in_quarantine() -> ! {
    std::process::exit(EXIT_QUARANTINE)
}
