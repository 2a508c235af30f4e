//! A copy of the sample shop that a test may change.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::{copy_tree, fixture};

/// The shop in a directory of its own, which goes with what is returned first, and its root.
pub fn own_shop() -> (TempDir, PathBuf) {
    let place = TempDir::new().unwrap();
    let root = place.path().canonicalize().unwrap().join("shop");
    copy_tree(&fixture("shop"), &root);
    (place, root)
}

/// The shop, old enough for the times of its files to be taken for what they are.
pub fn own_old_shop() -> (TempDir, PathBuf) {
    let (place, root) = own_shop();
    for file in ["__init__", "cart", "discounts", "models"] {
        age(&root.join(format!("shop/{file}.py")));
    }
    (place, root)
}

/// Makes a file old.
pub fn age(path: &Path) {
    let long_ago = SystemTime::now() - Duration::from_secs(3_600);
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(long_ago).unwrap();
}
