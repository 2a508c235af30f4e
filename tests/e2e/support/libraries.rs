//! Libraries that no host should be brought down by: built once, from small sources or by changing a few bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::cargo::cargo;
use super::sandbox::{executable, plugins_dir};
use super::{copy_tree, fixture, repository};

/// The driver of the fixtures, with other behaviour: `name=value` words as its source explains them.
pub fn misbehaving(words: &str) -> Vec<u8> {
    let library = plugins_dir().join("libpanicking_driver.so");
    with_words(fs::read(library).unwrap(), words)
}

/// The same, built with `panic = "abort"`.
pub fn aborting() -> Vec<u8> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let library = BUILT.get_or_init(|| {
        let library = built("aborting.so");
        let mut rustc = Command::new("rustc");
        rustc
            .args([
                "--edition=2024",
                "--crate-type=cdylib",
                "--crate-name=aborting",
                "-Cpanic=abort",
            ])
            .arg(fixture("panicking-driver/src/lib.rs"))
            .arg("-L")
            .arg(target().join("deps"))
            .arg("-o")
            .arg(&library);
        for (name, rlib) in dependencies_of_the_fixture() {
            rustc.arg("--extern").arg(format!("{name}={rlib}"));
        }
        run(&mut rustc);
        library
    });
    fs::read(library).unwrap()
}

/// A library that the system's compiler makes of a source among the fixtures.
pub fn compiled(name: &str, more: &[&str]) -> Vec<u8> {
    let library = built(&format!("{name}.so"));
    let source = fixture(&format!("libraries/{name}.c"));
    run(Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .args(more));
    fs::read(library).unwrap()
}

/// A library that needs another one, which is not there.
pub fn needing_another() -> Vec<u8> {
    let other = built("libnot_there.so");
    fs::write(&other, compiled("plain", &[])).unwrap();
    let directory = other.parent().unwrap().to_str().unwrap();
    let bytes = compiled("needs_plain", &["-L", directory, "-lnot_there"]);
    fs::remove_file(other).unwrap();
    bytes
}

/// A driver that was built with the frozen interface of driver-api 1.0: `frozen_driver`, `moved_field`, `no_layout`.
pub fn frozen(name: &str) -> Vec<u8> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let directory = BUILT.get_or_init(|| {
        // A copy, with the versions that everything else is built with, so that what is built already is used.
        let crate_dir = target().join("fixtures/driver-api-1.0");
        copy_tree(&fixture("driver-api-1.0"), &crate_dir);
        fs::copy(
            repository().join("Cargo.lock"),
            crate_dir.join("Cargo.lock"),
        )
        .unwrap();
        cargo_in(&crate_dir, &["build", "--quiet", "--offline", "--examples"]);
        target().join("examples")
    });
    fs::read(directory.join(format!("lib{name}.so"))).unwrap()
}

/// The frozen driver as if it had been built with another version of the same length.
pub fn frozen_with_version(version: &str) -> Vec<u8> {
    let mut bytes = frozen("frozen_driver");
    let found = replace_all(
        &mut bytes,
        b"driver-api;1.0.0",
        format!("driver-api;{version}").as_bytes(),
    );
    assert!(found > 0, "the library does not tell its version");
    bytes
}

/// Runs cargo on a crate outside the workspace, so that it uses what was built for the workspace.
pub fn cargo_in(crate_dir: &Path, arguments: &[&str]) -> String {
    let mut cargo = cargo();
    cargo
        .current_dir(crate_dir)
        .args(arguments)
        .arg("--target-dir")
        .arg(target().parent().unwrap())
        // As in the workspace's Cargo.toml.
        .args(["--config", "profile.dev.debug='line-tables-only'"])
        .args(["--config", "profile.dev.package.'*'.opt-level=1"]);
    if target().ends_with("release") {
        cargo.arg("--release");
    }
    run(&mut cargo)
}

/// Where the program under test and its plugins are.
pub fn target() -> &'static Path {
    executable().parent().unwrap()
}

fn built(name: &str) -> PathBuf {
    // Tests run at the same time, in threads of one process.
    let directory = target().join("fixtures");
    fs::create_dir_all(&directory).unwrap();
    let thread = format!("{:?}", std::thread::current().id());
    let digits: String = thread.chars().filter(char::is_ascii_digit).collect();
    let directory = directory.join(digits);
    fs::create_dir_all(&directory).unwrap();
    directory.join(name)
}

/// The libraries that the fixture's source names, as they were built for the workspace.
fn dependencies_of_the_fixture() -> Vec<(String, String)> {
    let mut cargo = cargo();
    cargo.args([
        "build",
        "--quiet",
        "--package",
        "panicking-driver",
        "--message-format=json",
    ]);
    if target().ends_with("release") {
        cargo.arg("--release");
    }
    let said = run(cargo.arg("--target-dir").arg(target().parent().unwrap()));
    let messages = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let libraries = messages.filter_map(|message| {
        let name = message["target"]["name"].as_str()?.to_owned();
        let rlib = message["filenames"].as_array()?.iter().find_map(|file| {
            let file = file.as_str()?;
            file.ends_with(".rlib").then(|| file.to_owned())
        })?;
        ["driver_api", "tracing"]
            .contains(&name.as_str())
            .then_some((name, rlib))
    });
    libraries.collect()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

const WORDS: &[u8] = b"behaviour of panicking-driver: ";

fn with_words(mut library: Vec<u8>, words: &str) -> Vec<u8> {
    let room = 96 - WORDS.len();
    let text = format!("{}{words:room$}", str::from_utf8(WORDS).unwrap());
    assert_eq!(text.len(), 96, "no room for {words}");
    let at: Vec<usize> = positions(&library, WORDS);
    assert!(!at.is_empty(), "the library has no words");
    for at in at {
        library[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    library
}

fn replace_all(bytes: &mut [u8], old: &[u8], new: &[u8]) -> usize {
    assert_eq!(old.len(), new.len());
    let at = positions(bytes, old);
    for at in &at {
        bytes[*at..*at + new.len()].copy_from_slice(new);
    }
    at.len()
}

fn positions(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(wanted.len()).enumerate();
    windows
        .filter(|(_, window)| *window == wanted)
        .map(|(at, _)| at)
        .collect()
}
