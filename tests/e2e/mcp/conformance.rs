//! The official conformance tool on the real server, for every revision of the protocol that is spoken.
//!
//! What does not apply to this server is listed in `tests/mcp/not-applicable-*.yml` with the reason; the tool fails
//! when something else fails, and when something that is listed passes.

use super::foreign_tools::{conformance_tool, pins};
use crate::cli::indexed_shop;

fn conforms(revision: &str) {
    let Some(mut tool) = conformance_tool() else {
        return;
    };
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    tool.args(["server", "--url", &format!("{}/mcp", server.url)])
        .args(["--requirements", revision, "--expected-failures"])
        .arg(pins().join(format!("not-applicable-{revision}.yml")))
        .arg("--output-dir")
        .arg(sandbox.path().join("results"))
        .current_dir(sandbox.path());
    let output = tool.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains("Baseline check passed"),
        "nothing was tried: {said}"
    );
}

#[test]
fn the_server_conforms_to_2025_11_25() {
    conforms("2025-11-25");
}

#[test]
fn the_server_conforms_to_2026_07_28() {
    conforms("2026-07-28");
}
