//! The files of a tree, to be found by the ends of their paths.

use std::collections::HashMap;
use std::sync::Arc;

use super::path::{directory, ends_at, stem};

/// A package of more files than this is taken for a coincidence of names.
const LARGEST_PACKAGE: usize = 500;

/// The files of a tree by their relative paths. Answers name them by their place in the order in which they were given.
#[derive(Default)]
pub struct SourceTree {
    paths: Vec<Arc<str>>,
    by_path: HashMap<Arc<str>, usize>,
    /// By the last part of their path without its extension.
    by_stem: HashMap<Box<str>, Vec<usize>>,
    by_directory: HashMap<Arc<str>, Vec<usize>>,
    /// Directories by the last part of their path.
    by_directory_name: HashMap<Box<str>, Vec<Arc<str>>>,
}

impl SourceTree {
    /// Takes the relative paths of the tree's files.
    pub fn new<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        let mut tree = Self::default();
        for (place, path) in paths.into_iter().enumerate() {
            let path: Arc<str> = path.into();
            tree.by_path.insert(Arc::clone(&path), place);
            match tree.by_stem.get_mut(stem(&path)) {
                Some(places) => places.push(place),
                None => {
                    tree.by_stem.insert(stem(&path).into(), vec![place]);
                }
            }
            tree.add_to_directory(directory(&path), place);
            tree.paths.push(path);
        }
        tree
    }

    fn add_to_directory(&mut self, path: &str, place: usize) {
        if let Some(places) = self.by_directory.get_mut(path) {
            places.push(place);
            return;
        }
        let path: Arc<str> = path.into();
        let name = path.rsplit('/').next().unwrap_or_default().into();
        let named = self.by_directory_name.entry(name).or_default();
        named.push(Arc::clone(&path));
        self.by_directory.insert(path, vec![place]);
    }

    /// The path of the file at a place.
    pub(super) fn path(&self, place: usize) -> &str {
        &self.paths[place]
    }

    /// The place of a path.
    pub(super) fn place(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// The files whose name without its extension is this.
    pub(super) fn with_stem(&self, stem: &str) -> impl Iterator<Item = usize> + '_ {
        self.by_stem.get(stem).into_iter().flatten().copied()
    }

    /// The directories that hold files and have this name.
    pub(super) fn directories_named(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.by_directory_name.get(name).into_iter().flatten();
        named.map(|path| &**path)
    }

    /// The files of the only directory whose path ends so.
    pub(super) fn directory_at(&self, wanted: &str) -> Vec<usize> {
        if let Some(exact) = self.by_directory.get(wanted) {
            return exact.clone();
        }
        let name = wanted.rsplit('/').next().unwrap_or(wanted);
        let named = self.directories_named(name);
        let files = named
            .filter(|directory| ends_at(directory, wanted))
            .filter_map(|directory| self.by_directory.get(directory))
            .filter(|files| files.len() <= LARGEST_PACKAGE);
        let mut ending = files.take(2);
        match (ending.next(), ending.next()) {
            (Some(files), None) => files.clone(),
            _ => Vec::new(),
        }
    }

    /// Of several files of the same name, the one whose directory has most in common with that of `from`.
    pub(super) fn nearest(&self, from: &str, mut places: Vec<usize>) -> Vec<usize> {
        let common = |place: &usize| {
            let parts = self.path(*place).split('/').zip(from.split('/'));
            parts.take_while(|(a, b)| a == b).count()
        };
        places.sort_by_key(|place| (usize::MAX - common(place), self.path(*place)));
        places.truncate(1);
        places
    }

    /// The first of these paths that is there.
    pub(super) fn first(&self, paths: &[String]) -> Vec<usize> {
        let found = paths.iter().find_map(|path| self.place(path));
        found.into_iter().collect()
    }
}
