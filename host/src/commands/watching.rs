//! How work on a whole database hears that its job was asked to stop.

use super::job::Job;
use crate::code_db::backup::save::Watch;
use crate::foundation::progress::Silent;

/// Stops with the job. Progress of jobs counts files; that of rows has no place in it.
pub(super) fn rows_of(job: &Job<'_>) -> Watch<'static> {
    Watch {
        progress: &Silent,
        cancellation: job.cancellation.clone(),
    }
}
