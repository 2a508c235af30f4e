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

/// Hears how far an operation on rows is. Calls come from one thread, in this order: `begin`, `rows`, `done`; an
/// operation that starts over goes through that order again.
pub trait RowProgress: Sync {
    /// This many rows are going to be worked on.
    fn begin(&self, rows: u64);

    /// So many more rows of `table` are finished; `doing` is what was done with them: `copying`.
    fn rows(&self, doing: &str, table: &str, rows: u64);

    /// The operation is over.
    fn done(&self);
}

impl RowProgress for Silent {
    fn begin(&self, _rows: u64) {}

    fn rows(&self, _doing: &str, _table: &str, _rows: u64) {}

    fn done(&self) {}
}

/// Hears how far any operation is, whatever it counts.
pub trait WorkProgress: Progress + RowProgress {}

impl<T: Progress + RowProgress> WorkProgress for T {}

/// Hears which step of an operation begins.
pub trait StepProgress: Sync {
    /// The step with this number, from 1, of so many begins; `what` says what it does.
    fn step(&self, number: usize, of: usize, what: &str);
}

impl StepProgress for Silent {
    fn step(&self, _number: usize, _of: usize, _what: &str) {}
}
