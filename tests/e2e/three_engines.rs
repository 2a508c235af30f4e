//! SQLite, PostgreSQL and MySQL: the same commands, the same rows, the same answers, on real servers.

mod answers;
mod extremes;
mod hosts;
mod pgvector;
mod rows;
mod vectors;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::engines::Engine;
use crate::support::{copy_tree, fixture};

const SHOP_ID: &str = "4b8a2f5e-6c1d-4e0a-9a57-0d2f6f3c9b11";

/// A tree that all engines index, and the engines.
struct Bench {
    engines: [Engine; 3],
    base: TempDir,
}

impl Bench {
    /// The shop, not indexed yet.
    fn new(label: &str) -> Self {
        let engines = Engine::all(label);
        let base = TempDir::new().unwrap();
        copy_tree(&fixture("shop"), &base.path().join("shop"));
        Self { engines, base }
    }

    /// The shop on all engines.
    fn indexed(label: &str) -> Self {
        let bench = Self::new(label);
        bench.index();
        bench
    }

    fn root(&self) -> PathBuf {
        self.base.path().canonicalize().unwrap().join("shop")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn write(&self, path: impl AsRef<Path>, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Indexes the tree on every engine; all must say the same of it.
    fn index(&self) {
        self.assert_same("index", |engine| {
            let mut summary = engine.index(&self.root());
            let projects = summary["projects"].as_array_mut().unwrap();
            for timed in projects {
                timed.as_object_mut().unwrap().remove("seconds");
            }
            summary.as_object_mut().unwrap().remove("seconds");
            summary
        });
    }

    /// Whatever `answer` gives is to be the same on all engines.
    fn assert_same<T: PartialEq + std::fmt::Debug>(
        &self,
        what: &str,
        answer: impl Fn(&Engine) -> T,
    ) -> T {
        let (first, others) = self.engines.split_first().unwrap();
        let expected = answer(first);
        for engine in others {
            assert_eq!(answer(engine), expected, "{what} on {}", engine.name);
        }
        expected
    }
}
