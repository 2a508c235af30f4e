//! Care for a whole database through the real program: backups, restoration, checks, repair, safe mode.

mod backups;
mod damaged;
mod files;
mod salvaged;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::legacy::{TableRows, dump};
use crate::support::sandbox::{Output, Sandbox};

/// A home with a database file.
struct Home {
    sandbox: Sandbox,
    file: PathBuf,
    config: String,
}

impl Home {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let file = sandbox.work().join("code.db");
        let config = sandbox.config(&json!({ "database": { "path": file } }));
        Self {
            sandbox,
            file,
            config,
        }
    }

    /// With every table of the older program filled, and brought up to date.
    fn full() -> Self {
        let home = Self::new();
        crate::support::legacy::full(&home.sandbox.work(), "code");
        home.host(&["db", "migrate"]).ok();
        home
    }

    fn host(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["--config", &self.config];
        all.extend(arguments);
        self.sandbox.host(&all)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        self.host(&all).ok().json()
    }

    fn call(&self, command: &str, parameters: &Value) -> Output {
        self.host(&[
            "call",
            command,
            "--params",
            &parameters.to_string(),
            "--json",
        ])
    }

    fn rows(&self) -> Vec<TableRows> {
        dump(&self.file)
    }

    /// The newest backups, as the program lists them.
    fn backups(&self) -> Vec<Value> {
        self.json(&["db", "backups"]).as_array().unwrap().clone()
    }

    /// Overwrites the pages of the file behind its first with what is no page.
    fn damage(&self) {
        let mut bytes = std::fs::read(&self.file).unwrap();
        for byte in &mut bytes[4096..] {
            *byte ^= 0x5a;
        }
        std::fs::write(&self.file, bytes).unwrap();
    }

    fn note(&self) -> PathBuf {
        self.file.with_extension("db.quarantine")
    }
}

fn exists(path: &Path) -> bool {
    path.try_exists().unwrap()
}
