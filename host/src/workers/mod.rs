//! The supervised workers besides the DB worker: each is a process with one job.

mod announce;
pub mod file_watcher;
pub mod hello;
pub mod repair;
pub mod vectorization;
