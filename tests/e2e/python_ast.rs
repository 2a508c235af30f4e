//! The counts of entities against Python's own parser, on a package of its standard library.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::repository;
use crate::support::sandbox::{executable, plugins_dir};

/// The package `email` of the Python that is here; none where there is no Python.
fn email_package() -> Option<PathBuf> {
    let code = "import email; print(email.__path__[0])";
    let output = Command::new("python3").args(["-c", code]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| Path::new(path.trim()).to_owned())
}

#[test]
fn counts_agree_with_pythons_own_parser() {
    let Some(package) = email_package() else {
        assert!(std::env::var_os("CI").is_none(), "python3 is missing");
        println!("skipped: there is no python3 to compare with");
        return;
    };
    plugins_dir();
    let output = Command::new("python3")
        .arg(repository().join("tests/scripts/compare_python_ast.py"))
        .arg(executable())
        .arg(package)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // The whole package was compared, not nothing with nothing.
    let methods: u32 = printed
        .lines()
        .find_map(|line| {
            line.strip_prefix("methods")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap();
    assert!(methods > 300, "{printed}");
}
