//! `drivers test NAME|FILE`: the conformance cases on one driver, as a table or as JSON.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::app::driver_tests::DriverTest;
use crate::cli::arguments::GlobalArguments;
use crate::cli::exit_code::Exit;
use crate::cli::failure::{CliError, Failure};
use crate::cli::host;
use crate::cli::interruption::cancelled_by_signals;
use crate::cli::output::Output;

use super::measured;

/// Arguments of `drivers test`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TestArguments {
    /// A driver's name, or a plugin's file
    #[arg(value_name = "NAME|FILE")]
    driver: String,
    /// An option of its connections; may be repeated. Without `path`, a driver with a database file gets new ones
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// A JSON file with an object of further options: the place for a password, which arguments would show to others
    #[arg(long, value_name = "FILE")]
    options_file: Option<PathBuf>,
    /// Only these cases: a group (`types`), the first parts of names, or a pattern with `*`; may be repeated
    #[arg(long = "case", value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Longest time for one case, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Cases that run at the same time
    #[arg(long, value_name = "N", default_value = "2")]
    jobs: NonZeroUsize,
}

/// Runs the cases. It is a failure that one fails.
pub(in crate::cli) fn run(
    global: &GlobalArguments,
    arguments: &TestArguments,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let app = host::build(global, host::configuration(global)?)?;
    let base_dir = std::env::current_dir().map_err(|error| {
        let message = format!("the current directory is gone: {error}");
        Failure::new(Exit::Failed, "SYSTEM", message)
    })?;
    let test = DriverTest {
        driver: &arguments.driver,
        options: &arguments.options,
        options_file: arguments.options_file.as_deref(),
        patterns: &arguments.patterns,
        timeout: Duration::from_secs(arguments.timeout),
        jobs: arguments.jobs,
    };
    let cancellation = cancelled_by_signals("stopping once the running cases have ended")?;
    let (suite, cases) = app.prepare_driver_test(&test, &base_dir)?;
    let bar = bar(cases.len() as u64);
    let report = suite.run(
        &cases,
        &|done| {
            bar.set_message(done.case.name());
            bar.inc(1);
        },
        &cancellation,
    );
    bar.finish_and_clear();
    if output.is_json() {
        output.document(&report.to_json())?;
    } else {
        output.lines(&measured::lines(&report.to_json(), output.width()))?;
    }
    Ok(match report.counts().failed {
        _ if cancellation.is_cancelled() => Exit::Interrupted,
        0 => Exit::Ok,
        _ => Exit::Failed,
    })
}

/// A bar on standard error; nothing where that is not a terminal.
fn bar(cases: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(cases), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
