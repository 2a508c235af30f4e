//! From a `.so` file to a driver: discovery, probe, policy, loading, registry.

pub mod child_process;
pub mod discovery;
pub mod loader;
pub mod manifest;
pub mod option_text;
pub mod policy;
pub mod private_copy;
pub mod probe;
pub mod registry;
pub mod resolve;
pub mod verdict;
