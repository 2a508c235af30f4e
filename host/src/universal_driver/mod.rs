//! The lifecycle of a database: reached through its driver, made to exist, given its schema, closed.

pub mod connectors;
pub mod driver;
pub mod error;
pub mod identity;
pub mod maintenance;
