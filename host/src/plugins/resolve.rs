//! From `database.type` and its options to a driver, checked options, and the way it is reached.

use std::path::PathBuf;

use driver_api::{Dialect, DriverDescriptor, OptionProblem, Options, Placement};

use super::registry::{Registry, RegistryError};
use crate::config::types::DatabaseConfig;

/// How a database is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The driver is loaded into the process that uses it.
    Direct,
    /// A DB worker loads this library; everybody else goes through the proxy driver.
    Worker {
        /// The plugin's file.
        library: PathBuf,
    },
}

/// A database that is configured rightly.
#[derive(Clone, Debug)]
pub struct ResolvedDatabase {
    /// The driver's own name, where the config may have given an alias.
    pub driver: String,
    /// The SQL that it speaks.
    pub dialect: Dialect,
    /// The options of a connection.
    pub options: Options,
    /// How it is reached.
    pub reach: Reach,
}

/// Why a database's configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The driver is not available.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The options do not fit the driver.
    #[error("the database options for `{driver}` are wrong: {}", join(.problems))]
    Options {
        /// The driver.
        driver: String,
        /// Everything that is wrong.
        problems: Vec<OptionProblem>,
    },
    /// The config asks for what the driver's placement forbids.
    #[error(
        "the driver `{0}` must run in a DB worker: remove `worker.enabled: false` from the database section"
    )]
    WorkerNeeded(String),
}

fn join(problems: &[OptionProblem]) -> String {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

/// Looks up the driver and checks the options.
///
/// # Errors
/// See [`ResolveError`].
pub fn resolve(
    registry: &Registry,
    config: &DatabaseConfig,
) -> Result<ResolvedDatabase, ResolveError> {
    let (descriptor, library) = registry.find(&config.kind)?;
    let options = Options::check(&descriptor.options, &config.options, &config.base_dir).map_err(
        |problems| ResolveError::Options {
            driver: descriptor.name.clone(),
            problems,
        },
    )?;
    let reach = if in_worker(descriptor, config.worker.enabled)? {
        Reach::Worker {
            library: library.to_owned(),
        }
    } else {
        Reach::Direct
    };
    Ok(ResolvedDatabase {
        driver: descriptor.name.clone(),
        dialect: descriptor.dialect,
        options,
        reach,
    })
}

/// The driver's placement decides; the config may put a direct driver into a worker as well.
fn in_worker(descriptor: &DriverDescriptor, asked: Option<bool>) -> Result<bool, ResolveError> {
    match (descriptor.placement, asked) {
        (Placement::Worker, Some(false)) => {
            Err(ResolveError::WorkerNeeded(descriptor.name.clone()))
        }
        (Placement::Worker, _) => Ok(true),
        (Placement::Direct, asked) => Ok(asked == Some(true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placement_decides_and_a_direct_driver_may_be_put_into_a_worker() {
        let placed = |placement| DriverDescriptor::new("x", "1.0.0", placement, Dialect::Generic);
        assert!(in_worker(&placed(Placement::Worker), None).unwrap());
        assert!(in_worker(&placed(Placement::Worker), Some(false)).is_err());
        assert!(!in_worker(&placed(Placement::Direct), None).unwrap());
        assert!(in_worker(&placed(Placement::Direct), Some(true)).unwrap());
    }
}
