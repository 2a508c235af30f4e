//! Tortures the DB worker and checks every acknowledgement: kills, power cuts, and everything mixed.
//!
//! The host is the real program, which keeps its worker running; the clients are processes that embed the host
//! library. Seeds repeat the choices of faults and calls; how the machine interleaves them is its own affair.

mod client;
mod disk;
mod failure;
mod faults;
mod history;
mod ledger;
mod list_append;
mod place;
mod power;
mod report;
mod workload;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};

use client::{ClientArguments, PrepareArguments};
use failure::Result;
use faults::{Fault, Setup, Until};
use report::{Report, Tally};

/// Tortures the DB worker of code-analysis-host and checks every acknowledgement that it gave.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Kills the DB worker with SIGKILL again and again
    Kill {
        /// How often
        #[arg(long, default_value_t = 5_000)]
        cycles: u64,
        #[command(flatten)]
        common: Common,
    },
    /// Cuts the power of the disk under the database; needs root and loop devices
    Power {
        /// How often with synchronous=FULL, which must lose nothing
        #[arg(long, default_value_t = 200)]
        cuts: u64,
        /// How often at most with synchronous=NORMAL, which must lose something: the test can fail
        #[arg(long, default_value_t = 40)]
        normal_cuts: u64,
        #[command(flatten)]
        common: Common,
    },
    /// Mixes faults of all kinds but power cuts
    All {
        /// For how long
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        #[command(flatten)]
        common: Common,
    },
    #[command(hide = true)]
    Client(ClientArguments),
    #[command(hide = true)]
    Prepare(PrepareArguments),
}

#[derive(Debug, Args)]
struct Common {
    /// Repeats the choices of an earlier run; random without it
    #[arg(long)]
    seed: Option<u64>,
    /// Client processes
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    clients: u64,
    /// Longest pause between two calls of a client's thread, in microseconds
    #[arg(long, default_value_t = 6_000)]
    pause_us: u64,
    /// The program under torture; without it, code-analysis-host beside this one
    #[arg(long)]
    program: Option<PathBuf>,
    /// Keep everything in this directory instead of a temporary one
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[allow(clippy::print_stderr, reason = "a program talks to its user")]
fn main() -> ExitCode {
    let done = match Arguments::parse().mode {
        Mode::Client(arguments) => client::run(&arguments).map(|()| true),
        Mode::Prepare(arguments) => client::make_tables(&arguments).map(|()| true),
        Mode::Kill { cycles, common } => common.run(|setup, seed| kill(setup, seed, cycles)),
        Mode::All { minutes, common } => common.run(|setup, seed| all(setup, seed, minutes)),
        Mode::Power {
            cuts,
            normal_cuts,
            common,
        } => common.run(|setup, seed| power(setup, seed, cuts, normal_cuts)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("torture: {failure}");
            ExitCode::from(2)
        }
    }
}

/// What a run came to, and whether it is as it should be.
type Judged = Vec<(Report, bool)>;

impl Common {
    /// Runs in a directory of its own, prints the reports, and says whether all is as it should be.
    #[allow(
        clippy::print_stderr,
        clippy::print_stdout,
        reason = "a program talks to its user"
    )]
    fn run(self, torture: impl FnOnce(&Setup<'_>, u64) -> Result<Judged>) -> Result<bool> {
        let program = match self.program {
            Some(program) => program,
            None => std::env::current_exe()?.with_file_name("code-analysis-host"),
        };
        let program = program.canonicalize().map_err(|error| {
            format!(
                "{}: {error}; build it: cargo build --release",
                program.display()
            )
        })?;
        // Socket paths are short of room, so the name is short.
        let temporary = tempfile::Builder::new().prefix("tort").tempdir()?;
        let directory: &Path = self.keep.as_deref().unwrap_or(temporary.path());
        std::fs::create_dir_all(directory)?;
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
        eprintln!("seed {seed}");
        let setup = Setup {
            program: &program,
            clients: self.clients,
            directory: &directory.canonicalize()?,
            pause_us: self.pause_us,
        };
        let judged = torture(&setup, seed)?;
        let mut output = std::io::stdout().lock();
        for (report, fine) in &judged {
            if self.json {
                writeln!(output, "{}", serde_json::to_string(report)?)?;
            } else {
                let verdict = if *fine {
                    "as it should be"
                } else {
                    "NOT AS IT SHOULD BE"
                };
                writeln!(output, "{}{:<32} {verdict}\n", report.to_text(), "verdict")?;
            }
        }
        Ok(judged.iter().all(|(_, fine)| *fine))
    }
}

fn kill(setup: &Setup<'_>, seed: u64, cycles: u64) -> Result<Judged> {
    let until = Until {
        faults: cycles,
        deadline: None,
    };
    let only_kill = |_: &mut fastrand::Rng| Fault::WorkerKilled;
    faults("kill", setup, seed, &until, only_kill)
}

fn all(setup: &Setup<'_>, seed: u64, minutes: u64) -> Result<Judged> {
    let until = Until {
        faults: u64::MAX,
        deadline: Some(Instant::now() + Duration::from_secs(60 * minutes)),
    };
    faults("all", setup, seed, &until, Fault::any)
}

fn faults(
    mode: &str,
    setup: &Setup<'_>,
    seed: u64,
    until: &Until,
    choose: fn(&mut fastrand::Rng) -> Fault,
) -> Result<Judged> {
    let began = Instant::now();
    let mut tally = Tally::new(mode, seed);
    faults::run(setup, seed, until, choose, &mut tally)?;
    let report = tally.finish(began.elapsed().as_secs_f64());
    let fine = report.broken == 0 && report.errors == 0;
    Ok(vec![(report, fine)])
}

fn power(setup: &Setup<'_>, seed: u64, full: u64, normal: u64) -> Result<Judged> {
    let mut judged = Vec::new();
    for (synchronous, cuts) in [("full", full), ("normal", normal)] {
        let began = Instant::now();
        let mut tally = Tally::new(&format!("power {synchronous}"), seed);
        power::run(setup, seed, cuts, synchronous, &mut tally)?;
        let report = tally.finish(began.elapsed().as_secs_f64());
        let loses = report.broken > 0;
        judged.push((report, loses == (synchronous == "normal")));
    }
    Ok(judged)
}
