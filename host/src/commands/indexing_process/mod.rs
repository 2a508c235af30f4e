//! Indexes a directory in a process of its own: a text that makes the parser take all memory ends that and not the server.

mod child;
mod parent;
mod report;

pub use child::run;
pub(super) use parent::index_all;
