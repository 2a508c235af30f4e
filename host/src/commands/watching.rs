//! How work on a whole database tells its job how far it is, and hears that it was asked to stop.

use super::job::Job;
use crate::code_db::backup::save::Watch;

/// Counts rows where other commands count files, and stops with the job.
pub(super) fn rows_of<'j>(job: &Job<'j>) -> Watch<'j> {
    Watch {
        progress: job.progress,
        cancellation: job.cancellation.clone(),
    }
}
