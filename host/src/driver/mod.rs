//! A driver's connections as the rest of the host uses them: pooled, typed, with transactions as closures.

pub mod connector;
pub mod database;
pub mod pool;
pub mod session;
