//! `bench-drivers`: each server driver, as the host loads it, beside its raw client crate on one server in one run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot go on says where"
)]
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod cancelling;
mod loaded;
mod mariadb;
mod postgresql;
mod rounds;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use test_installed::{MARIADB, POSTGRESQL};

use rounds::{Sizes, Table};

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    Point,
    Scan,
    Bulk,
    Cancel,
}

/// Point query, scan and bulk insert: the loaded plugin against the raw client crate; and how fast a call is cancelled.
#[derive(Parser)]
struct Arguments {
    /// Directory with the built plugins; by default that of this program.
    #[arg(long)]
    plugins: Option<PathBuf>,
    /// Rounds of each work; in each the raw client and the plugin take turns.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Rows of the scanned table and of each bulk insert.
    #[arg(long, default_value_t = 1_000_000)]
    rows: i64,
    /// Only this work; may be repeated.
    #[arg(long)]
    only: Vec<Work>,
    /// Point queries of a round.
    #[arg(long, default_value_t = 5_000)]
    points: usize,
}

fn main() {
    let arguments = Arguments::parse();
    let plugins = arguments.plugins.unwrap_or_else(|| {
        let program = std::env::current_exe().unwrap();
        program.parent().unwrap().to_owned()
    });
    let sizes = Sizes {
        rounds: arguments.rounds,
        rows: arguments.rows,
        points: arguments.points,
    };
    let works = match &arguments.only[..] {
        [] => Work::value_variants(),
        some => some,
    };
    let mut table = Table::new(works);
    match POSTGRESQL.missing() {
        None => postgresql::measure(&plugins, sizes, &mut table),
        Some(missing) => println!("skipped: {missing}"),
    }
    match MARIADB.missing() {
        None => mariadb::measure(&plugins, sizes, &mut table),
        Some(missing) => println!("skipped: {missing}"),
    }
    println!("{}", table.show(sizes));
}
