//! The directories of a tree that are looked at: what a watcher must watch to hear of every change.

use std::path::{Path, PathBuf};

use super::tree_walk::{Parts, is_directory, walk};

/// Every directory that indexing the tree `root` would enter, as far as it is `top` or below it.
/// Unreadable ones are left out.
pub fn entered_directories(root: &Path, top: &Path) -> Vec<PathBuf> {
    let parts = Parts::some(root, [&top.to_owned()]);
    // Walked from the root, because what is left out above `top` decides about `top`.
    walk(root, move |entry| {
        is_directory(entry) && parts.leads_to(entry.path())
    })
    .filter_map(Result::ok)
    .filter(|entry| is_directory(entry) && entry.path().starts_with(top))
    .map(ignore::DirEntry::into_path)
    .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn hidden_and_ignored_directories_are_left_out() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().join("top");
        for directory in ["src/deep", "target/debug", ".git/objects"] {
            fs::create_dir_all(top.join(directory)).unwrap();
        }
        fs::write(top.join(".gitignore"), "target/\n").unwrap();
        let expected = [top.clone(), top.join("src"), top.join("src/deep")];
        assert_eq!(entered_directories(&top, &top), expected);
        assert_eq!(entered_directories(&top, &top.join("src")), expected[1..]);
        assert_eq!(
            entered_directories(&top, &top.join("target")),
            Vec::<PathBuf>::new()
        );
    }
}
