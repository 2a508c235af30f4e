//! Private database servers for tests: started from the installed binaries, stopped, killed and cut off at will.
//!
//! A server has its own data directory and its own loopback port, so that a server of the machine is never
//! touched. Everything here panics when the server does not do what it is told: a test cannot go on then.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only tests use this crate"
)]

mod certificates;
mod daemon;
pub mod mariadb;
mod place;
pub mod postgres;
pub mod relay;
pub mod server;
