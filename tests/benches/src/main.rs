//! Measures the DB worker against raw SQLite in process, processes that share the file, and PostgreSQL: one table.
//!
//! `cargo build --release && cargo run --release -p benches`. Nothing here fails for being slow: the table says what
//! was met. Every ratio is of two measurements of the same run.

mod backup;
mod bulk;
mod clients;
mod idle;
mod load;
mod machine;
mod many;
mod place;
mod point;
mod postgres;
mod quality;
mod recovery;
mod scale;
mod serving;
mod table;

use std::io::Write;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

use clients::ClientArguments;
use scale::Scale;
use table::Row;

/// Anything that ends the program.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

/// Measures the DB worker of code-analysis-host against its alternatives.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only the benchmarks whose name contains this: point, processes, scan, bulk, writes-8, writes-64, recovery, load, heartbeats,
    /// idle, backup, quality
    #[arg(long)]
    only: Option<String>,
    /// A hundredth of the work: shows that it runs, and nothing more
    #[arg(long)]
    quick: bool,
    /// Print the rows as JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    #[command(hide = true)]
    Client(ClientArguments),
}

/// Set for the process that measures, whose state then lies in a directory of its own.
const PREPARED: &str = "BENCHES_PREPARED";

#[allow(clippy::print_stderr, reason = "a program talks to its user")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.role {
        Some(Role::Client(client)) => clients::run(client).map(|()| ExitCode::SUCCESS),
        None if std::env::var_os(PREPARED).is_some() => {
            measure(&arguments).map(|()| ExitCode::SUCCESS)
        }
        None => in_a_place_of_its_own(),
    };
    done.unwrap_or_else(|failure| {
        eprintln!("benches: {failure}");
        ExitCode::FAILURE
    })
}

/// Runs this program again with state and sockets in a temporary directory.
fn in_a_place_of_its_own() -> Result<ExitCode> {
    // Socket paths are short of room, so the name is short.
    let directory = tempfile::Builder::new().prefix("bench").tempdir()?;
    std::fs::create_dir(directory.path().join("run"))?;
    let status = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(PREPARED, directory.path())
        .env("XDG_DATA_HOME", directory.path().join("data"))
        .env("XDG_RUNTIME_DIR", directory.path().join("run"))
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

type Benchmark = fn(&Scale) -> Result<Vec<Row>>;

#[allow(clippy::print_stderr, reason = "a program talks to its user")]
fn measure(arguments: &Arguments) -> Result<()> {
    let scale = Scale::new(arguments.quick);
    let all: [(&str, Benchmark); 12] = [
        ("point", point::one_client),
        ("processes", point::eight_processes),
        ("scan", bulk::scan),
        ("bulk", bulk::execute_many),
        ("writes-8", |scale| many::writes(scale, 8)),
        ("writes-64", |scale| many::writes(scale, 64)),
        ("recovery", recovery::killed_worker),
        ("load", load::clients),
        ("heartbeats", load::heartbeats),
        ("idle", idle::host_and_worker),
        ("backup", backup::under_writes),
        ("quality", quality::search),
    ];
    let mut rows = Vec::new();
    for (name, benchmark) in all {
        if arguments
            .only
            .as_deref()
            .is_none_or(|only| name.contains(only))
        {
            eprintln!("{name} ...");
            rows.extend(benchmark(&scale)?);
        }
    }
    let mut output = std::io::stdout().lock();
    if arguments.json {
        writeln!(output, "{}", serde_json::to_string(&rows)?)?;
    } else {
        writeln!(output, "{}", table::render(&rows))?;
    }
    Ok(())
}
