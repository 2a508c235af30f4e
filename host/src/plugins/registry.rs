//! All plugins that were found, by the names of their drivers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use driver_api::{Driver, DriverDescriptor, Placement};
use serde::Serialize;

use super::discovery::{self, Candidate, Origin, SearchDirectory, UnusableDirectories};
use super::loader::{LoadError, Loader};
use super::probe;
use super::verdict::Verdict;

/// The driver through which a DB worker is reached.
pub const PROXY: &str = "sqlite-proxy";

/// A file that was found, and what is known of it.
#[derive(Clone, Debug, Serialize)]
pub struct PluginRecord {
    /// The file.
    pub path: PathBuf,
    /// Who named its directory.
    pub origin: Origin,
    /// Whether it is usable.
    pub verdict: Verdict,
}

/// All plugins that were found.
pub struct Registry {
    loader: Loader,
    directories: Vec<SearchDirectory>,
    records: Vec<PluginRecord>,
    problems: Vec<String>,
    /// Name or alias to the index of its record; the first directory wins.
    names: BTreeMap<String, usize>,
    /// Drivers that are loaded into this process, by the index of their record.
    loaded: Mutex<BTreeMap<usize, Arc<dyn Driver>>>,
}

/// Why a driver is not available in this process.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No usable plugin has a driver of this name.
    #[error(transparent)]
    Unknown(Box<UnknownDriver>),
    /// The driver may be loaded only by a DB worker.
    #[error(
        "the driver `{0}` is used only inside a DB worker process; name it as `database.type` and the host \
         starts one"
    )]
    WorkerOnly(String),
    /// The plugin was usable when it was probed, but did not load.
    #[error("the driver `{name}` could not be loaded from {path}: {source}")]
    Load {
        /// The driver.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: LoadError,
    },
}

/// A name that no usable plugin has, and what there is; boxed, so that results stay small.
#[derive(Debug)]
pub struct UnknownDriver {
    /// The name that was asked for.
    pub name: String,
    /// The names that are known.
    pub known: Vec<String>,
    /// Files that were found but are not usable, with the reason.
    pub refused: Vec<String>,
    /// The directories that were looked in.
    pub searched: Vec<PathBuf>,
    /// As [`Registry::problems`].
    pub problems: Vec<String>,
}

impl std::error::Error for UnknownDriver {}

impl fmt::Display for UnknownDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: &[String]| {
            if items.is_empty() {
                "none".to_owned()
            } else {
                items.join(", ")
            }
        };
        let searched: Vec<String> = self
            .searched
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        write!(
            f,
            "there is no database driver `{}`; known types are: {}; looked in: {}",
            self.name,
            list(&self.known),
            list(&searched)
        )?;
        if !self.refused.is_empty() {
            write!(f, "; found but not usable: {}", self.refused.join("; "))?;
        }
        if !self.problems.is_empty() {
            write!(f, "; besides: {}", self.problems.join("; "))?;
        }
        Ok(())
    }
}

impl Registry {
    /// Looks in these directories and probes what is there, each file in a child of `executable`.
    ///
    /// # Errors
    /// [`UnusableDirectories`]; a file that is no usable plugin is no error but a record.
    pub fn discover(
        directories: Vec<SearchDirectory>,
        executable: &Path,
        loader: Loader,
    ) -> Result<Self, UnusableDirectories> {
        let found = discovery::discover(&directories)?;
        let verdicts = probe_all(executable, &found.candidates);
        let records: Vec<PluginRecord> = found
            .candidates
            .into_iter()
            .zip(verdicts)
            .map(|(candidate, verdict)| PluginRecord {
                path: candidate.path,
                origin: candidate.origin,
                verdict,
            })
            .collect();
        let (names, shadowed) = by_name(&records);
        Ok(Self {
            loader,
            directories,
            records,
            problems: found.problems.into_iter().chain(shadowed).collect(),
            names,
            loaded: Mutex::default(),
        })
    }

    /// Every file that was found, in the order of precedence.
    pub fn records(&self) -> &[PluginRecord] {
        &self.records
    }

    /// Files that are refused although a user named their directory, with the reasons: people are told
    /// without asking.
    pub fn refused_by_name(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.records.iter().filter_map(unexpected_refusal)
    }

    /// Directories that could not be read and names that are claimed twice, as lines for people.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The descriptor and file of the driver of this name or alias.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`].
    pub fn find(&self, name: &str) -> Result<(&DriverDescriptor, &Path), RegistryError> {
        self.index_of(name)
            .map(|(_, descriptor, path)| (descriptor, path))
    }

    /// The driver of this name or alias, loaded into this process now if it was not.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn direct(&self, name: &str) -> Result<Arc<dyn Driver>, RegistryError> {
        let (index, descriptor, path) = self.index_of(name)?;
        if descriptor.placement == Placement::Worker {
            return Err(RegistryError::WorkerOnly(descriptor.name.clone()));
        }
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = loaded.get(&index) {
            return Ok(Arc::clone(driver));
        }
        let plugin = self
            .loader
            .load(path)
            .map_err(|source| RegistryError::Load {
                name: descriptor.name.clone(),
                path: path.to_owned(),
                source,
            })?;
        loaded.insert(index, Arc::clone(&plugin.driver));
        Ok(plugin.driver)
    }

    fn index_of(&self, name: &str) -> Result<(usize, &DriverDescriptor, &Path), RegistryError> {
        self.names
            .get(name)
            .and_then(|index| {
                let record = self.records.get(*index)?;
                Some((*index, record.verdict.descriptor()?, record.path.as_path()))
            })
            .ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> RegistryError {
        let refused = self
            .records
            .iter()
            .filter_map(|record| match &record.verdict {
                Verdict::Refused(reason) => Some(format!("{}: {reason}", record.path.display())),
                Verdict::Usable(_) => None,
            });
        // The proxy is how workers are reached; nobody configures it.
        let proxy = self.names.get(PROXY);
        let known = self.names.iter().filter(|(_, index)| Some(*index) != proxy);
        RegistryError::Unknown(Box::new(UnknownDriver {
            name: name.to_owned(),
            known: known.map(|(name, _)| name.clone()).collect(),
            refused: refused.collect(),
            searched: self
                .directories
                .iter()
                .map(|directory| directory.path.clone())
                .collect(),
            problems: self.problems.clone(),
        }))
    }
}

/// The file and the reason, if it is refused and a user named its directory.
fn unexpected_refusal(record: &PluginRecord) -> Option<(&Path, &str)> {
    record.origin.named_by()?;
    match &record.verdict {
        Verdict::Refused(reason) => Some((&record.path, reason)),
        Verdict::Usable(_) => None,
    }
}

/// A file's verdict comes from a process of its own, so all are asked at the same time.
fn probe_all(executable: &Path, candidates: &[Candidate]) -> Vec<Verdict> {
    std::thread::scope(|scope| {
        let probes: Vec<_> = candidates
            .iter()
            .map(|candidate| {
                scope.spawn(|| probe::probe(executable, &candidate.path, probe::TIMEOUT))
            })
            .collect();
        let lost = || Verdict::Refused("its probe could not be run".into());
        probes
            .into_iter()
            .map(|probe| probe.join().unwrap_or_else(|_| lost()))
            .collect()
    })
}

/// Names to records, and a line for each name that a later file claims too.
fn by_name(records: &[PluginRecord]) -> (BTreeMap<String, usize>, Vec<String>) {
    let mut names = BTreeMap::new();
    let mut shadowed = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let Some(descriptor) = record.verdict.descriptor() else {
            continue;
        };
        for name in std::iter::once(&descriptor.name).chain(&descriptor.aliases) {
            let first = *names.entry(name.clone()).or_insert(index);
            if first != index {
                shadowed.push(format!(
                    "{} also claims the name `{name}`; {} is used",
                    record.path.display(),
                    records[first].path.display()
                ));
            }
        }
    }
    (names, shadowed)
}

#[cfg(test)]
mod tests {
    use driver_api::Dialect;

    use super::*;

    fn record(path: &str, name: &str) -> PluginRecord {
        let descriptor = DriverDescriptor::new(name, "1.0.0", Placement::Direct, Dialect::Generic);
        PluginRecord {
            path: path.into(),
            origin: Origin::Config,
            verdict: Verdict::Usable(descriptor.alias("shared")),
        }
    }

    #[test]
    fn the_first_claim_to_a_name_wins_and_the_second_is_told() {
        let records = [record("/1/a.so", "a"), record("/2/b.so", "b")];
        let (names, shadowed) = by_name(&records);
        assert_eq!((names["a"], names["b"], names["shared"]), (0, 1, 0));
        assert_eq!(
            shadowed,
            ["/2/b.so also claims the name `shared`; /1/a.so is used"]
        );
    }

    #[test]
    fn an_unknown_type_lists_known_ones_places_and_refusals() {
        let error = RegistryError::Unknown(Box::new(UnknownDriver {
            name: "oracle".into(),
            known: vec!["sqlite".into()],
            refused: vec!["/p/x.so: it is text".into()],
            searched: vec!["/p".into()],
            problems: vec!["/q cannot be used".into()],
        }));
        assert_eq!(
            error.to_string(),
            "there is no database driver `oracle`; known types are: sqlite; looked in: /p; \
             found but not usable: /p/x.so: it is text; besides: /q cannot be used"
        );
    }

    #[test]
    fn a_refusal_is_unexpected_only_where_a_user_named_the_directory() {
        let refused = |origin| PluginRecord {
            path: "/p/x.so".into(),
            origin,
            verdict: Verdict::Refused("it is text".into()),
        };
        let told = (Path::new("/p/x.so"), "it is text");
        for origin in [Origin::Flag, Origin::Environment, Origin::Config] {
            assert_eq!(unexpected_refusal(&refused(origin)), Some(told));
        }
        for origin in [Origin::Executable, Origin::System] {
            assert_eq!(unexpected_refusal(&refused(origin)), None);
        }
        assert_eq!(unexpected_refusal(&record("/1/a.so", "a")), None);
    }
}
