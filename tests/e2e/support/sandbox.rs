//! A home of its own for one test: state, sockets and logs of the program lie in a temporary directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::cargo::cargo;

/// The program under test.
pub fn executable() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_code-analysis-host"))
}

/// The directory of the built plugins. `cargo test` does not build them, so they are built here, once.
pub fn plugins_dir() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let directory = executable().parent().unwrap().to_owned();
        let mut cargo = cargo();
        cargo.args(["build", "--quiet"]);
        for package in [
            "driver-sqlite",
            "driver-sqlite-proxy",
            "driver-postgres",
            "driver-mysql",
            "panicking-driver",
        ] {
            cargo.args(["--package", package]);
        }
        if directory.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo
            .arg("--target-dir")
            .arg(directory.parent().unwrap())
            .status()
            .unwrap();
        assert!(status.success(), "the plugins do not build");
        directory
    })
}

/// A temporary home. The program is always started with it, never with the user's own.
pub struct Sandbox {
    directory: TempDir,
}

/// What a run of the program left.
pub struct Output {
    /// The exit code; 128 and the signal's number when a signal ended it.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "no JSON ({error}): {}\nstderr: {}",
                self.stdout, self.stderr
            )
        })
    }

    /// The same output, which must be that of a success.
    pub fn ok(self) -> Self {
        assert_eq!(
            self.status, 0,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self
    }
}

impl Sandbox {
    pub fn new() -> Self {
        plugins_dir();
        // Socket paths are short of room, so the name is short.
        let directory = tempfile::Builder::new().prefix("cah").tempdir().unwrap();
        for name in ["home", "run", "data", "work"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        Self { directory }
    }

    /// The root of everything that the test and the program write.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A place for trees that the test makes.
    pub fn work(&self) -> PathBuf {
        self.path().join("work").canonicalize().unwrap()
    }

    /// Where the program keeps its state without a config file.
    pub fn state(&self) -> PathBuf {
        self.path().join("data/code-analysis-host")
    }

    /// Where sockets lie.
    pub fn sockets(&self) -> PathBuf {
        self.path().join("run/code-analysis-host")
    }

    /// The database that is used without a config file.
    pub fn database(&self) -> PathBuf {
        self.state().join("code_analysis.db")
    }

    /// The program with these arguments, not yet started, in the environment of this sandbox.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(executable());
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path().join("home"))
            .env("XDG_DATA_HOME", self.path().join("data"))
            .env("XDG_RUNTIME_DIR", self.path().join("run"))
            .current_dir(self.path().join("work"))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn host(&self, arguments: &[&str]) -> Output {
        finish(&mut self.command(arguments))
    }

    /// Writes a config file and answers its path.
    pub fn config(&self, code_analysis: &Value) -> String {
        let path = self.path().join("config.json");
        let text = serde_json::json!({ "code_analysis": code_analysis }).to_string();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Output {
    use std::os::unix::process::ExitStatusExt;
    let output = command.output().unwrap();
    Output {
        status: output
            .status
            .code()
            .unwrap_or_else(|| 128 + output.status.signal().unwrap()),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
