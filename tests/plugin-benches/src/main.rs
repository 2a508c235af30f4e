//! What the plugin boundary costs a point query, and what a start with four plugins costs: one table.
//!
//! `cargo build --release && cargo run --release -p plugin-benches`. Nothing fails for being slow.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use driver_sqlite::SqliteDriver;
use plugin_benches::{Asker, Result, WORKER_VARIABLE, compare, loaded, median};

const ROUNDS: usize = 15;
const STARTS: usize = 30;

fn main() -> Result<()> {
    let directory = executable_directory()?;
    if std::env::var_os(WORKER_VARIABLE).is_none() {
        start_of_the_host(&directory)?;
        // A process of its own, in which the driver opens a file.
        let status = Command::new(std::env::current_exe()?)
            .env(WORKER_VARIABLE, "1")
            .status()?;
        return status
            .success()
            .then_some(())
            .ok_or_else(|| "the measuring process failed".into());
    }
    point_query(&directory)
}

fn executable_directory() -> Result<PathBuf> {
    let executable = std::env::current_exe()?;
    Ok(executable.parent().ok_or("no directory")?.to_owned())
}

#[allow(clippy::print_stdout, reason = "a program talks to its user")]
fn point_query(directory: &Path) -> Result<()> {
    let place = tempfile::tempdir()?;
    let file = place.path().join("points.db");
    let library = directory.join("libdriver_sqlite.so");
    let plugin = loaded(&library, &place.path().join("copies"))?;
    let mut linked = Asker::open(&SqliteDriver, &file)?;
    linked.fill()?;
    let mut loaded = Asker::open(&*plugin, &file)?;
    let times = compare(
        ROUNDS,
        &mut [&mut || linked.points(), &mut || loaded.points()],
    )?;
    let ratio = times[1] / times[0];
    let met = if ratio <= 1.05 { "yes" } else { "NO" };
    println!(
        "point query, linked {:.3} us, plugin {:.3} us, ratio {ratio:.3}, wanted 1.05, met: {met}",
        times[0], times[1]
    );
    Ok(())
}

/// From the start of the process to its end: directories looked at, four plugins read and hashed, their verdicts found.
#[allow(clippy::print_stdout, reason = "a program talks to its user")]
fn start_of_the_host(directory: &Path) -> Result<()> {
    let home = tempfile::tempdir()?;
    let start = || -> Result<f64> {
        let begin = Instant::now();
        let status = Command::new(directory.join("code-analysis-host"))
            .args(["drivers", "list"])
            .env("HOME", home.path())
            .env("XDG_DATA_HOME", home.path())
            .stdout(Stdio::null())
            .status()?;
        let took = begin.elapsed().as_secs_f64() * 1e3;
        status
            .success()
            .then_some(took)
            .ok_or_else(|| "the host failed".into())
    };
    let cold = start()?;
    let warm = (0..STARTS).map(|_| start()).collect::<Result<Vec<_>>>()?;
    let (worst, middle) = (warm.iter().copied().fold(0.0, f64::max), median(warm));
    let met = if middle < 50.0 { "yes" } else { "NO" };
    println!(
        "start with four plugins, first {cold:.1} ms, known verdicts {middle:.1} ms (worst of {STARTS}: {worst:.1}), wanted 50, met: {met}"
    );
    Ok(())
}
