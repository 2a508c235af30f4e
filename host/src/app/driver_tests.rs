//! How a host measures a driver by the conformance cases.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use driver_api::testkit::Case;

use super::{App, plugin_loader};
use crate::conformance::error::ConformanceError;
use crate::conformance::place::Place;
use crate::conformance::run_case;
use crate::conformance::selection::select;
use crate::conformance::suite::Suite;
use crate::conformance::target::Target;
use crate::supervisor::executable::find_executable;

/// Why a driver cannot be measured.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DriverTestError(#[from] ConformanceError);

impl DriverTestError {
    /// Whether the arguments have to be changed, as opposed to something that may pass.
    pub fn is_usage(&self) -> bool {
        matches!(
            self.0,
            ConformanceError::NoPair(_)
                | ConformanceError::SecretArgument(_)
                | ConformanceError::OptionsFile { .. }
                | ConformanceError::Options { .. }
                | ConformanceError::NoCase { .. }
        )
    }
}

/// What is measured, and how.
#[derive(Clone, Debug)]
pub struct DriverTest<'a> {
    /// Name or alias of the driver, or the plugin's file.
    pub driver: &'a str,
    /// `key=value` texts; none of them a secret.
    pub options: &'a [String],
    /// A JSON file that holds an object with further options.
    pub options_file: Option<&'a Path>,
    /// Patterns of cases; all where there is none.
    pub patterns: &'a [String],
    /// Longest time for one case.
    pub timeout: Duration,
    /// Cases that run at the same time.
    pub jobs: NonZeroUsize,
}

impl App {
    /// Finds the plugin, checks the options, and prepares the place of the database; the suite that is answered
    /// runs the cases beside it. Relative paths start from `base_dir`.
    ///
    /// # Errors
    /// [`DriverTestError`].
    pub fn prepare_driver_test(
        &self,
        test: &DriverTest<'_>,
        base_dir: &Path,
    ) -> Result<(Suite, Vec<&'static Case>), DriverTestError> {
        let cases = select(test.patterns)?;
        let config = self.config();
        let configured = config.database.worker.executable.as_deref();
        let executable = find_executable(configured).map_err(ConformanceError::from)?;
        let target = Target::find(&self.plugins, test.driver)?;
        let options = target.read_options(test.options, test.options_file, base_dir)?;
        let place = Place::prepare(&target, options, &self.plugins, &self.config())?;
        target.check_options(&place.options_for("any"))?;
        let suite = Suite {
            target,
            place,
            executable,
            timeout: test.timeout,
            jobs: test.jobs,
        };
        Ok((suite, cases))
    }
}

/// The part of a case's child process: runs the case that standard input names.
///
/// # Errors
/// When there is no request, or nobody takes the answer.
pub fn run_driver_case() -> std::io::Result<()> {
    let loader = plugin_loader().map_err(std::io::Error::other)?;
    run_case::run_child(&loader)
}
