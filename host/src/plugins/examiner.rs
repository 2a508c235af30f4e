//! From a file to its verdict: read, its origin trusted, not in quarantine, and found usable now or before.

use std::path::{Path, PathBuf};

use super::crash_log::CrashLog;
use super::discovery::Origin;
use super::loader::Loader;
use super::lock_file::Lock;
use super::plugin_file::PluginFile;
use super::verdict::{Refusal, Verdict};
use super::verdict_cache::VerdictCache;
use super::{private_copy, probe, signature};
use crate::config::types::{PluginsConfig, UnlockedPlugins};
use crate::foundation::plugin_image::PluginImage;

/// Looks at files.
pub struct Examiner {
    /// The program that probes are started from.
    executable: PathBuf,
    loader: Loader,
    cache: VerdictCache,
    crashes: CrashLog,
    lock_file: PathBuf,
    /// What plugins have to show of where they come from.
    config: PluginsConfig,
}

/// What was found out about a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    /// Its content; none where it could not be read.
    pub image: Option<PluginImage>,
    /// Whether the lock file has an entry for it, which fits.
    pub locked: bool,
    /// Whether it is usable.
    pub verdict: Verdict,
}

impl Examiner {
    /// `state` is the user's directory for what is kept between runs: copies of plugins, verdicts, crashes.
    pub fn new(executable: PathBuf, state: &Path, config: PluginsConfig) -> Self {
        Self {
            loader: Loader::new(state.join("plugin-copies")),
            cache: VerdictCache::new(state.join("plugin-verdicts"), &executable),
            crashes: CrashLog::new(state.join("plugin-crashes"), config.crash_limit),
            executable,
            lock_file: config
                .lock_file
                .clone()
                .unwrap_or_else(|| state.join("plugins.lock")),
            config,
        }
    }

    /// What loads the files that are usable.
    pub fn loader(&self) -> &Loader {
        &self.loader
    }

    /// The crashes of drivers in use.
    pub fn crashes(&self) -> &CrashLog {
        &self.crashes
    }

    /// The path of the lock file.
    pub fn lock_file(&self) -> &Path {
        &self.lock_file
    }

    /// The lock file as it is now.
    pub fn lock(&self) -> Lock {
        Lock::read(&self.lock_file)
    }

    /// Looks at a file, of whose content the verdict may be known.
    pub fn examine(&self, path: &Path, origin: Origin, lock: &Lock) -> Examined {
        self.look(path, origin, lock, |file| self.cache.get(&file.image.hash))
    }

    /// Looks at a file as if for the first time.
    pub fn examine_anew(&self, path: &Path, origin: Origin) -> Examined {
        self.look(path, origin, &self.lock(), |_| None)
    }

    /// What a file is whoever it comes from: for one that is about to be locked.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub fn probe(&self, file: &PluginFile) -> Result<Verdict, Refusal> {
        file.check_form()?;
        // The child opens what was hashed.
        private_copy::make(file, self.loader.copies())?;
        let verdict = probe::probe(&self.executable, &file.image, probe::TIMEOUT);
        self.cache.put(&file.image.hash, &verdict);
        Ok(verdict)
    }

    fn look(
        &self,
        path: &Path,
        origin: Origin,
        lock: &Lock,
        known: impl FnOnce(&PluginFile) -> Option<Verdict>,
    ) -> Examined {
        let refused = |image, locked, refusal| Examined {
            image,
            locked,
            verdict: Verdict::Refused(refusal),
        };
        let file = match PluginFile::read(path) {
            Ok(file) => file,
            Err(refusal) => return refused(None, false, refusal),
        };
        let image = Some(file.image.clone());
        let locked = match self.trust(&file, origin, lock) {
            Ok(locked) => locked,
            Err(refusal) => return refused(image, false, refusal),
        };
        if let Err(refusal) = self.crashes.check(&file.image.hash) {
            return refused(image, locked, refusal);
        }
        let verdict = known(&file).map_or_else(|| self.probe(&file), Ok);
        Examined {
            image,
            locked,
            verdict: verdict.unwrap_or_else(Verdict::Refused),
        }
    }

    /// Whether the bytes are those that the user means; answers whether they are locked.
    fn trust(&self, file: &PluginFile, origin: Origin, lock: &Lock) -> Result<bool, Refusal> {
        let name = file.image.file.file_name().unwrap_or_default();
        let locked = lock.check(&name.to_string_lossy(), &file.bytes)?;
        // Whoever can replace what lies beside the executable can replace the executable.
        if origin == Origin::Executable {
            return Ok(locked);
        }
        if !locked && self.config.unlocked == UnlockedPlugins::Refuse {
            return Err(lock.refuse_unlocked(&file.bytes));
        }
        if !self.config.trusted_keys.is_empty() {
            signature::check(&file.image.file, &file.bytes, &self.config.trusted_keys)?;
        }
        Ok(locked)
    }
}
