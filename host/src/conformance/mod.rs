//! The conformance cases of `driver-api`, run on a plugin: each case in a child process of its own.

mod case_process;
pub mod error;
pub mod place;
pub mod report;
pub mod run_case;
pub mod selection;
pub mod suite;
pub mod target;
