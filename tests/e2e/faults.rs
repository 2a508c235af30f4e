//! Faults that users meet, each brought about in the real program: disks, files, limits, processes, odd clients.

mod bombs;
mod clients;
mod files;
mod limits;
mod log;
mod processes;
mod sources;
mod storage;

use std::process::Command;

use code_analysis_host::driver::database::Database;
use driver_api::ValueRef;

use crate::support::chain::Chain;

/// Whether a program that brings about a fault is installed; says so in one line where it is not.
fn have(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    found || skipped(&format!("`{program}` is not installed"))
}

/// Whether this is root, who alone may mount.
fn am_root() -> bool {
    rustix::process::geteuid().is_root() || skipped("mounting needs root")
}

/// Says why a test is skipped. Where the environment says `CI=true` a skipped test would look like a passed one.
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped(why: &str) -> bool {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{why}"
    );
    eprintln!("skipped: {why}");
    false
}

/// Inserts a row whose text has so many bytes.
fn insert_bytes(database: &Database, n: i64, bytes: usize) -> driver_api::Result<u64> {
    let text = "x".repeat(bytes);
    let params = [ValueRef::I64(n), ValueRef::Text(&text)];
    database
        .once(|session| session.execute("INSERT INTO numbers VALUES (?, ?)", &params))
        .map(|result| result.rows_affected)
}

/// How often the chain's host has started its worker again.
fn restarts(chain: &Chain) -> u64 {
    chain.app.workers().status()[0].restarts
}
