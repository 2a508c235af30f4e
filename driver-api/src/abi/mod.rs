//! The binary interface between host and plugins, on abi_stable: the only code that names it.
//!
//! Not part of the public promise; authors use [`export_driver!`](crate::export_driver), the host
//! uses [`host`].

pub mod host;
mod log;
mod panics;
pub mod plugin;
pub mod types;

/// What `export_driver!` expands to needs abi_stable by name; nobody else does.
#[doc(hidden)]
pub use abi_stable;

/// The `driver-api` version that this build speaks; plugins carry it, the host checks it.
pub const API_VERSION: &str = env!("CARGO_PKG_VERSION");
