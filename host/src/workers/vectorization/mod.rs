//! The vectorization worker: gives all code vectors, and keeps them in step with the index.

mod status;
mod worker;

pub use worker::run;
