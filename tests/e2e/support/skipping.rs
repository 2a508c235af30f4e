//! Says in one line why a test is skipped.

use std::io::Write;

/// Says it on standard error, past the test runner, which keeps what a passing test prints.
///
/// # Panics
/// Where the environment says `CI=true`: there, a skipped test would look like a passed one.
pub fn skip(why: &str) {
    let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!is_ci, "{why}");
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
