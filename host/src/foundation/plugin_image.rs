//! Which plugin is meant: its file, and the hash of the bytes that were looked at.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A plugin's file, and which of the bytes that may lie there one after the other are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PluginImage {
    /// The file, absolute.
    pub file: PathBuf,
    /// BLAKE3 of its bytes, as hexadecimal digits.
    pub hash: String,
}
