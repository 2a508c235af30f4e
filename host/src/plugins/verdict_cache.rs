//! Verdicts that were reached before, by the content of the file and the build of the host.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::verdict::Verdict;

/// A verdict of before is reached anew after this time, so that the cache does not grow for ever.
const KEEP_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A directory with one file for each content.
#[derive(Clone, Debug)]
pub struct VerdictCache {
    directory: PathBuf,
    /// Which host reached the verdicts that count.
    build: String,
}

/// What is in a file.
#[derive(Serialize, Deserialize)]
struct Entry {
    build: String,
    verdict: Verdict,
}

impl VerdictCache {
    /// The verdicts of the program `executable` in this directory.
    ///
    /// Another build of the program is another file, of another size or time: it may know other types.
    pub fn new(directory: PathBuf, executable: &Path) -> Self {
        let found = fs::metadata(executable).ok();
        let file = found.map(|found| (found.len(), found.ino(), found.mtime(), found.mtime_nsec()));
        let build = format!("{} {file:?}", env!("CARGO_PKG_VERSION"));
        Self { directory, build }
    }

    /// The verdict on the content with this hash. What is damaged, old, or of another host counts as absent.
    pub fn get(&self, hash: &str) -> Option<Verdict> {
        let path = self.path(hash);
        let made = fs::metadata(&path)
            .and_then(|found| found.modified())
            .ok()?;
        let old = SystemTime::now()
            .duration_since(made)
            .is_ok_and(|age| age > KEEP_FOR);
        let entry: Entry = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
        (!old && entry.build == self.build).then_some(entry.verdict)
    }

    /// Keeps a verdict, if it follows from the content. Where that fails the file is only probed again.
    pub fn put(&self, hash: &str, verdict: &Verdict) {
        if !verdict.follows_from_content() {
            return self.forget(hash);
        }
        let entry = Entry {
            build: self.build.clone(),
            verdict: verdict.clone(),
        };
        if let Err(error) = self.write(hash, &entry) {
            tracing::debug!(%error, "a verdict on a plugin is not kept");
        }
    }

    /// Takes a verdict away.
    pub fn forget(&self, hash: &str) {
        // One that is not there is as good.
        let _ = fs::remove_file(self.path(hash));
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.directory.join(format!("{hash}.json"))
    }

    /// Under another name first, so that nobody reads half of it.
    fn write(&self, hash: &str, entry: &Entry) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&serde_json::to_vec(entry)?)?;
        file.persist(self.path(hash))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::verdict::{Reason, Refusal};
    use super::*;

    fn refused(reason: Reason) -> Verdict {
        Verdict::Refused(Refusal::new(reason, "no"))
    }

    #[test]
    fn a_verdict_is_kept_for_its_content_and_its_host() {
        let place = tempfile::tempdir().unwrap();
        let (one, two) = (place.path().join("one"), place.path().join("two"));
        fs::write(&one, "1").unwrap();
        fs::write(&two, "22").unwrap();
        let at = |executable: &Path| VerdictCache::new(place.path().join("cache"), executable);
        let hung = refused(Reason::Hung);
        at(&one).put("aa", &hung);
        assert_eq!(at(&one).get("aa"), Some(hung));
        assert_eq!((at(&one).get("bb"), at(&two).get("aa")), (None, None));
        at(&one).put("aa", &refused(Reason::MissingLibrary));
        assert_eq!(at(&one).get("aa"), None);
    }

    #[test]
    fn a_damaged_cache_is_made_anew() {
        let place = tempfile::tempdir().unwrap();
        let cache = VerdictCache::new(place.path().join("cache"), place.path());
        let hung = refused(Reason::Hung);
        cache.put("aa", &hung);
        let file = place.path().join("cache/aa.json");
        let whole = fs::read(&file).unwrap();
        for damaged in [&whole[..whole.len() / 2], b"", b"[]", b"\xff\xff"] {
            fs::write(&file, damaged).unwrap();
            assert_eq!(cache.get("aa"), None);
            cache.put("aa", &hung);
            assert_eq!(cache.get("aa"), Some(hung.clone()));
        }
    }
}
