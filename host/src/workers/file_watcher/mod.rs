//! The file watcher: keeps the index in step with the watched directories.

mod change_batch;
mod projects;
mod status;
mod watcher;
mod watches;

pub use watcher::run;
