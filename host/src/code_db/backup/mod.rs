//! The whole database in one file that any engine can be restored from: a portable, compressed form with checksums.
//!
//! The rows are read in one snapshot, while others write. A file is restored in one transaction of the target, which
//! is committed only when every table was read back with the same number of rows and the same hash; before anything
//! is changed the file was read once, to see that it is whole. `container` is the form of the file, `record` what
//! stands in it.

pub mod container;
pub mod error;
mod record;
pub mod restore;
pub mod save;
