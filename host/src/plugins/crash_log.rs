//! Crashes of drivers while they were in use, counted by content: one that crashes too often is not used again.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::last_words::{self, Untold};
use super::verdict::{Reason, Refusal};
use crate::foundation::plugin_image::PluginImage;

/// Crashes that lie further apart are not one trouble.
const WITHIN: Duration = Duration::from_secs(60 * 60);

/// Most crashes that are kept of one plugin.
const KEPT: usize = 20;

/// A directory with one file for each plugin that has crashed.
#[derive(Clone, Debug)]
pub struct CrashLog {
    directory: PathBuf,
    /// So many crashes within an hour are too many.
    limit: usize,
}

/// One crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// Seconds since 1970.
    pub at: u64,
    /// How the process ended, as one line.
    pub how: String,
    /// The last call of the driver, where it was noted.
    pub last_call: Option<String>,
}

/// What is known of a plugin that has crashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashRecord {
    /// The file, as it was called.
    pub file: PathBuf,
    /// The name of its driver.
    pub driver: String,
    /// The last crashes, oldest first.
    pub crashes: Vec<Crash>,
    /// Whether it is not used any more.
    pub quarantined: bool,
}

impl CrashLog {
    /// The crashes that are noted in this directory, of which `limit` within an hour are too many.
    pub fn new(directory: PathBuf, limit: usize) -> Self {
        Self { directory, limit }
    }

    /// What is known of these bytes. A damaged record counts as none.
    pub fn of(&self, hash: &str) -> Option<CrashRecord> {
        serde_json::from_slice(&fs::read(self.path(hash)).ok()?).ok()
    }

    /// Why these bytes are not to be used.
    ///
    /// # Errors
    /// [`Reason::Quarantined`].
    pub fn check(&self, hash: &str) -> Result<(), Refusal> {
        let Some(record) = self.of(hash).filter(|record| record.quarantined) else {
            return Ok(());
        };
        let last = record.crashes.last().map_or_else(String::new, |crash| {
            let call = crash.last_call.as_deref().unwrap_or("not noted");
            format!(" (last: {}; the last call was {call})", crash.how)
        });
        let text = format!(
            "it ended its process {} times{last} and is in quarantine: put a better version in its place, or use it \
             all the same with `drivers quarantine clear {}`",
            record.crashes.len(),
            record.driver
        );
        Err(Refusal::new(Reason::Quarantined, text))
    }

    /// Notes a crash, and answers the record, in quarantine if this was one too many.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn note(&self, image: &PluginImage, driver: &str, crash: Crash) -> io::Result<CrashRecord> {
        let mut record = self.of(&image.hash).unwrap_or_else(|| CrashRecord {
            file: image.file.clone(),
            driver: driver.to_owned(),
            crashes: Vec::new(),
            quarantined: false,
        });
        let since = crash.at.saturating_sub(WITHIN.as_secs());
        record.crashes.push(crash);
        let excess = record.crashes.len().saturating_sub(KEPT.max(self.limit));
        record.crashes.drain(..excess);
        let recent = record
            .crashes
            .iter()
            .filter(|crash| crash.at >= since)
            .count();
        record.quarantined |= recent >= self.limit;
        self.write(&image.hash, &record)?;
        Ok(record)
    }

    /// From now on a driver that ends this process leaves word of it here.
    pub(super) fn hear_last_words(&self) {
        let kept = self
            .make_directory()
            .and_then(|()| last_words::keep_in(&self.directory));
        if let Err(error) = kept {
            tracing::warn!(%error, "a driver that ends this process would not be known afterwards");
        }
    }

    /// Counts what drivers have done to processes that could not say more.
    pub(super) fn count_last_words(&self) {
        for Untold {
            image,
            driver,
            crash,
        } in last_words::take_all(&self.directory)
        {
            tracing::warn!(
                driver,
                how = crash.how,
                call = crash.last_call,
                "a driver has ended an earlier process"
            );
            if let Err(error) = self.note(&image, &driver, crash) {
                tracing::warn!(driver, %error, "a crash of a driver cannot be noted");
            }
        }
    }

    /// Forgets the crashes of these bytes; answers whether there were any.
    ///
    /// # Errors
    /// When the note cannot be removed.
    pub fn clear(&self, hash: &str) -> io::Result<bool> {
        match fs::remove_file(self.path(hash)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.directory.join(format!("{hash}.json"))
    }

    fn make_directory(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&self.directory)
    }

    fn write(&self, hash: &str, record: &CrashRecord) -> io::Result<()> {
        self.make_directory()?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&serde_json::to_vec_pretty(record)?)?;
        file.persist(self.path(hash))?;
        Ok(())
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crash(at: u64) -> Crash {
        Crash {
            at,
            how: "ended by signal SIGSEGV (11)".into(),
            last_call: Some("query".into()),
        }
    }

    #[test]
    fn too_many_crashes_within_an_hour_are_a_quarantine_until_it_is_cleared() {
        let place = tempfile::tempdir().unwrap();
        let log = CrashLog::new(place.path().join("crashes"), 3);
        let image = PluginImage {
            file: "/p/x.so".into(),
            hash: "aa".into(),
        };
        let note = |at| log.note(&image, "x", crash(at)).unwrap().quarantined;
        assert!(!note(0) && !note(10_000) && !note(10_001));
        assert_eq!(log.check("aa"), Ok(()));
        assert!(note(10_002));
        let refusal = log.check("aa").unwrap_err();
        assert_eq!(refusal.reason, Reason::Quarantined);
        assert_eq!(
            refusal.text,
            "it ended its process 4 times (last: ended by signal SIGSEGV (11); the last call was query) and is in \
             quarantine: put a better version in its place, or use it all the same with `drivers quarantine clear x`"
        );
        // Other bytes are another driver.
        assert_eq!(log.check("bb"), Ok(()));
        assert!(log.clear("aa").unwrap());
        assert!(!log.clear("aa").unwrap());
        assert_eq!(log.check("aa"), Ok(()));
    }
}
