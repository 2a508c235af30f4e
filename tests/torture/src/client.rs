//! A client process: threads that call the database without a pause worth mentioning, and write down what they were told.

use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::Args;
use code_analysis_host::app::App;
use code_analysis_host::config::types::Config;
use code_analysis_host::driver::database::Database;
use fastrand::Rng;

use crate::failure::Result;
use crate::history::Recorder;
use crate::workload::{next, perform, prepare};

/// Threads of one client; they share the connections of one pool, as an embedding program's would.
const THREADS: u64 = 2;

/// Values that one call may use.
const VALUES_A_CALL: u64 = 16;

/// Arguments of a client process that makes the tables and ends.
#[derive(Debug, Args)]
pub(crate) struct PrepareArguments {
    /// The configuration of the host
    #[arg(long)]
    config: PathBuf,
}

/// Makes the tables.
///
/// # Errors
/// When they cannot be made.
pub(crate) fn make_tables(arguments: &PrepareArguments) -> Result<()> {
    let app = App::of_worker(Config::load(Some(&arguments.config))?, &[])?;
    Ok(prepare(app.database()?.raw_database())?)
}

/// Arguments of a client process.
#[derive(Debug, Args)]
pub(crate) struct ClientArguments {
    /// The configuration of the host
    #[arg(long)]
    config: PathBuf,
    /// Where its history goes
    #[arg(long)]
    history: PathBuf,
    /// Its number, unique in the round
    #[arg(long)]
    number: u64,
    /// What its choices follow from
    #[arg(long)]
    seed: u64,
    /// Longest pause between two calls of a thread, in microseconds
    #[arg(long)]
    pause_us: u64,
}

/// Works until standard input ends.
///
/// # Errors
/// When the host library cannot be started. What calls of the database come to is in the history.
pub(crate) fn run(arguments: &ClientArguments) -> Result<()> {
    let config = Config::load(Some(&arguments.config))?;
    // As a worker of a host is: it uses the DB worker that the host under torture keeps, and starts none.
    let app = App::of_worker(config, &[])?;
    let driver = app.database()?;
    let recorder = Recorder::open(&arguments.history)?;
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|index| {
                let (ended, recorder, database) = (&ended, &recorder, driver.raw_database());
                scope.spawn(move || work(arguments, index, database, recorder, ended))
            })
            .collect();
        // Whoever started this process closes the pipe, or is gone.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ended.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| "a thread panicked")??;
        }
        Ok(())
    })
}

fn work(
    arguments: &ClientArguments,
    index: u64,
    database: &Database,
    recorder: &Recorder,
    ended: &AtomicBool,
) -> Result<()> {
    let thread = arguments.number * THREADS + index;
    let mut random = Rng::with_seed(arguments.seed ^ thread.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut count = 0;
    while !ended.load(Ordering::Relaxed) {
        count += 1;
        // The number of the call is unique in the file, its values in the round.
        let op = count * THREADS + index;
        let value = (thread << 32) + count * VALUES_A_CALL;
        let call = next(&mut random, value.cast_signed());
        recorder.asked(op, &call)?;
        let told = perform(database, &call);
        recorder.told(op, told)?;
        thread::sleep(Duration::from_micros(random.u64(0..=arguments.pause_us)));
    }
    Ok(())
}
