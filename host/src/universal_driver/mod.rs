//! The lifecycle of a database: reached through its driver, made to exist, given its schema, closed.

pub mod connectors;
mod crash_account;
pub mod driver;
pub mod error;
pub mod identity;
pub mod maintenance;
