//! The Python package `mcp`, unmodified, as a client.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::foreign_tools::{pins, python_client};
use crate::cli::indexed_shop;
use crate::support::sandbox::{Sandbox, executable, finish};

/// Files of the tree that is indexed while the client listens: so many that it can be cancelled.
const FILES: usize = 4000;

fn large_tree(sandbox: &Sandbox) -> PathBuf {
    let tree = sandbox.work().join("large");
    fs::create_dir(&tree).unwrap();
    for number in 0..FILES {
        let functions =
            (0..12).map(|each| format!("def f{each}(a, b):\n    return g(a) + b * {number}\n"));
        let text: String = functions.collect();
        fs::write(tree.join(format!("m{number}.py")), text).unwrap();
    }
    tree
}

/// Runs the script in the environment of the sandbox.
fn client(sandbox: &Sandbox, python: PathBuf, target: &[&str]) {
    let tree = large_tree(sandbox);
    let mut command = Command::new(python);
    command
        .arg(pins().join("client.py"))
        .arg(tree)
        .arg(FILES.to_string())
        .args(target)
        .env_clear()
        .envs(
            sandbox
                .command(&[])
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    let output = finish(&mut command).ok();
    assert_eq!(output.stdout, "ok\n");
}

#[test]
fn the_python_client_works_over_http() {
    let Some(python) = python_client() else {
        return;
    };
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let address = format!("{}/mcp?toolset=all", server.url);
    client(&sandbox, python, &[&address]);
}

#[test]
fn the_python_client_works_over_standard_input_without_a_server() {
    let Some(python) = python_client() else {
        return;
    };
    let sandbox = indexed_shop();
    let program = executable().to_str().unwrap();
    client(&sandbox, python, &[program, "mcp", "--toolset", "all"]);
}

#[test]
fn the_python_client_works_over_standard_input_with_a_server() {
    let Some(python) = python_client() else {
        return;
    };
    let sandbox = indexed_shop();
    let _server = sandbox.serve(&[]);
    let program = executable().to_str().unwrap();
    client(&sandbox, python, &[program, "mcp", "--toolset", "all"]);
}
