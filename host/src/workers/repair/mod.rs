//! The repair worker: looks for drift between files, rows and full text at leisure, and repairs what is safe.
//!
//! It shares the work with those of other hosts by leases, and gives way to whoever indexes.

mod rounds;
mod status;
mod worker;

pub use worker::run;
