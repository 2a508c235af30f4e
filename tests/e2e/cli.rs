//! The command line: what people and scripts get for right and wrong arguments, and the exit codes.

mod calls;
mod settings;
mod statements;
mod trees;

use crate::support::sandbox::{Output, Sandbox};
use crate::support::{copy_tree, fixture};

/// A sandbox whose database holds the shop, which lies in its working directory.
pub fn indexed_shop() -> Sandbox {
    let sandbox = Sandbox::new();
    copy_tree(&fixture("shop"), &sandbox.work().join("shop"));
    sandbox.host(&["index", "shop"]).ok();
    sandbox
}

/// The run must fail with this exit code and one line on standard error that holds these parts.
pub fn assert_failure(output: &Output, status: i32, parts: &[&str]) {
    assert_eq!(
        output.status, status,
        "stdout: {}\nstderr: {}",
        output.stdout, output.stderr
    );
    let errors: Vec<&str> = output
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{}", output.stderr);
    for part in parts {
        assert!(errors[0].contains(part), "{part:?} is not in {}", errors[0]);
    }
}
