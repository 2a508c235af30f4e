//! All plugins that were found, by the names of their drivers, and those that are loaded.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use driver_api::{Driver, Placement};
use serde::Serialize;

use super::discovery::{self, Candidate, SearchDirectory, UnusableDirectories};
use super::examiner::{Examined, Examiner};
use super::last_words::Accused;
use super::memory;
use super::observed::{DriverMetrics, ObservedDriver};
use super::record::{PluginRecord, Snapshot, UsablePlugin};
use super::verdict::{Reason, Refusal, Verdict};
use crate::foundation::plugin_image::PluginImage;

/// The driver through which a DB worker is reached.
pub const PROXY: &str = "sqlite-proxy";

/// All plugins that were found.
pub struct Registry {
    examiner: Examiner,
    directories: Vec<SearchDirectory>,
    /// Replaced as a whole when the directories are looked at again.
    current: RwLock<Arc<Snapshot>>,
    /// Drivers that are loaded into this process. Nothing is ever unloaded.
    loaded: Mutex<BTreeMap<PluginImage, Arc<ObservedDriver>>>,
}

/// A driver that is loaded into this process.
#[derive(Clone, Debug, Serialize)]
pub struct LoadedVersion {
    /// Where it came from.
    pub image: PluginImage,
    /// The driver's name.
    pub name: String,
    /// The driver's version.
    pub version: String,
    /// Whether new connections use it.
    pub current: bool,
    /// Counts since it was loaded.
    pub metrics: DriverMetrics,
    /// Memory of this process that its library holds, in KiB; it is never given back.
    pub resident_kib: u64,
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
        source: Refusal,
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
        if self.known.is_empty() && self.refused.is_empty() {
            // Whoever has no driver at all has not installed, or not built, what comes with the host.
            write!(
                f,
                "; put a driver into one of them (`code-analysis-host drivers install FILE`; \
                 in a checkout `cargo build` makes those that come with the host)"
            )?;
        }
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
    /// Looks in these directories and at what is there.
    ///
    /// # Errors
    /// [`UnusableDirectories`]; a file that is no usable plugin is no error but a record.
    pub fn discover(
        directories: Vec<SearchDirectory>,
        examiner: Examiner,
    ) -> Result<Self, UnusableDirectories> {
        let registry = Self {
            examiner,
            directories,
            current: RwLock::default(),
            loaded: Mutex::default(),
        };
        registry.refresh()?;
        Ok(registry)
    }

    /// Looks again. A file whose new content is refused keeps the version that was in place.
    ///
    /// # Errors
    /// [`UnusableDirectories`]; then everything stays as it is.
    pub fn refresh(&self) -> Result<(), UnusableDirectories> {
        self.examiner.crashes().count_last_words();
        let found = discovery::discover(&self.directories)?;
        let examined = self.examine_all(&found.candidates);
        let records = found
            .candidates
            .into_iter()
            .zip(examined)
            .map(|(candidate, examined)| PluginRecord::new(candidate, examined))
            .collect();
        let next = Snapshot::new(records, found.problems, &self.snapshot());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }

    /// Every file that was found, in the order of precedence.
    pub fn records(&self) -> Vec<Arc<PluginRecord>> {
        self.snapshot().records.clone()
    }

    /// Files that are refused although a user named their directory, with the reasons: people are told
    /// without asking.
    pub fn refused_by_name(&self) -> Vec<(PathBuf, Refusal)> {
        let records = self.records();
        let unexpected = records.iter().filter_map(|record| {
            let refusal = record.unexpected_refusal()?;
            Some((record.path.clone(), refusal.clone()))
        });
        unexpected.collect()
    }

    /// Directories that could not be read and names that are claimed twice, as lines for people.
    pub fn problems(&self) -> Vec<String> {
        self.snapshot().problems.clone()
    }

    /// The directories that are looked in.
    pub fn directories(&self) -> &[SearchDirectory] {
        &self.directories
    }

    /// What looks at files.
    pub fn examiner(&self) -> &Examiner {
        &self.examiner
    }

    /// The driver of this name or alias.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`].
    pub fn find(&self, name: &str) -> Result<UsablePlugin, RegistryError> {
        let snapshot = self.snapshot();
        snapshot
            .find(name)
            .ok_or_else(|| self.unknown(&snapshot, name))
    }

    /// The driver of this name or alias, loaded into this process now if it was not.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn direct(&self, name: &str) -> Result<Arc<dyn Driver>, RegistryError> {
        let UsablePlugin {
            descriptor, image, ..
        } = self.find(name)?;
        if descriptor.placement == Placement::Worker {
            return Err(RegistryError::WorkerOnly(descriptor.name));
        }
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = loaded.get(&image) {
            return Ok(Arc::clone(driver) as _);
        }
        let plugin = self
            .examiner
            .loader()
            .load(&image)
            .map_err(|source| RegistryError::Load {
                name: descriptor.name.clone(),
                path: image.file.clone(),
                source,
            })?;
        self.examiner.crashes().hear_last_words();
        let accused = Accused::new(&descriptor.name, &image);
        let driver = Arc::new(ObservedDriver::answering(plugin.driver, accused));
        loaded.insert(image, Arc::clone(&driver));
        Ok(driver)
    }

    /// The drivers that are loaded into this process, also those that newer ones have replaced.
    pub fn loaded(&self) -> Vec<LoadedVersion> {
        let current: Vec<PluginImage> = self
            .records()
            .iter()
            .filter_map(|record| record.usable().map(|plugin| plugin.image))
            .collect();
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let version = |(image, driver): (&PluginImage, &Arc<ObservedDriver>)| {
            let descriptor = driver.descriptor();
            LoadedVersion {
                image: image.clone(),
                name: descriptor.name,
                version: descriptor.version,
                current: current.contains(image),
                metrics: driver.metrics(),
                resident_kib: memory::resident_kib(&image.hash),
            }
        };
        loaded.iter().map(version).collect()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A file's verdict comes from a process of its own, so all are asked at the same time.
    fn examine_all(&self, candidates: &[Candidate]) -> Vec<Examined> {
        let lock = self.examiner.lock();
        let examine = |candidate: &Candidate| {
            self.examiner
                .examine(&candidate.path, candidate.origin, &lock)
        };
        thread::scope(|scope| {
            let examining: Vec<_> = candidates
                .iter()
                .map(|candidate| scope.spawn(|| examine(candidate)))
                .collect();
            examining
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| lost()))
                .collect()
        })
    }

    fn unknown(&self, snapshot: &Snapshot, name: &str) -> RegistryError {
        let refused = snapshot.records.iter().filter_map(|record| {
            let refusal = record.verdict.refusal()?;
            Some(format!("{}: {refusal}", record.path.display()))
        });
        // The proxy is how workers are reached; nobody configures it.
        let proxy = snapshot.names.get(PROXY);
        let known = snapshot
            .names
            .iter()
            .filter(|(_, index)| Some(*index) != proxy);
        RegistryError::Unknown(Box::new(UnknownDriver {
            name: name.to_owned(),
            known: known.map(|(name, _)| name.clone()).collect(),
            refused: refused.collect(),
            searched: self
                .directories
                .iter()
                .map(|directory| directory.path.clone())
                .collect(),
            problems: snapshot.problems.clone(),
        }))
    }
}

fn lost() -> Examined {
    let text = "it could not be probed: a thread of this host ended";
    Examined {
        image: None,
        locked: false,
        verdict: Verdict::Refused(Refusal::new(Reason::NotProbed, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn without_any_driver_the_error_tells_how_to_get_one() {
        let error = UnknownDriver {
            name: "sqlite".into(),
            known: Vec::new(),
            refused: Vec::new(),
            searched: vec!["/p".into()],
            problems: Vec::new(),
        };
        assert_eq!(
            error.to_string(),
            "there is no database driver `sqlite`; known types are: none; looked in: /p; put a driver into one of them \
             (`code-analysis-host drivers install FILE`; in a checkout `cargo build` makes those that come with the host)"
        );
    }
}
