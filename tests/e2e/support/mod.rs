//! What end-to-end tests stand on: the real program with the real plugins, in a home of its own.

pub mod browser;
pub mod cargo;
pub mod chain;
pub mod dump;
pub mod embedding_service;
pub mod engines;
pub mod legacy;
pub mod libraries;
pub mod numbers;
pub mod processes;
pub mod sandbox;
pub mod server;
pub mod shop;
pub mod skipping;
pub mod wire_client;

use std::path::PathBuf;

/// A directory or file below `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    repository().join("tests/fixtures").join(name)
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Copies a directory with everything in it, so that a test can change it.
pub fn copy_tree(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
