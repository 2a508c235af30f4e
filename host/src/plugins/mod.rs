//! From a `.so` file to a driver: discovery, probe, policy, loading, registry.

pub mod call_note;
pub mod child_process;
pub mod crash_log;
pub mod discovery;
mod driver_log;
mod elf;
pub mod examiner;
mod last_words;
pub mod loader;
pub mod lock_file;
pub mod manifest;
pub mod memory;
pub mod observed;
pub mod option_text;
pub mod plugin_file;
pub mod policy;
pub mod private_copy;
pub mod probe;
pub mod record;
pub mod registry;
pub mod resolve;
pub mod signature;
pub mod verdict;
pub mod verdict_cache;
