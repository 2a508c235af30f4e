//! What the caller of a long operation hears while it runs, so that it can draw it.

use std::path::Path;

/// Hears how far an operation on files is. Calls come from one thread, in this order: `total`, `step`s, `done`;
/// an operation on several trees goes through that order once for each.
pub trait Progress: Sync {
    /// This many files are going to be worked on.
    fn total(&self, files: u64);

    /// This file is finished, or was passed over.
    fn step(&self, path: &Path);

    /// This part of the operation is over.
    fn done(&self);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn total(&self, _files: u64) {}

    fn step(&self, _path: &Path) {}

    fn done(&self) {}
}
