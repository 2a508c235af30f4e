//! What every answer about code says of itself: how fresh it is, and what it lacks.

use std::collections::BTreeSet;
use std::fs;
use std::time::UNIX_EPOCH;

use schemars::JsonSchema;
use serde::Serialize;

use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;
use crate::code_db::freshness::IndexedFile;

/// Most files that are looked at on disk for one answer.
const MOST_FILES: usize = 200;

/// The Julian day of 1970-01-01 00:00 UTC.
const EPOCH: f64 = 2_440_587.5;

/// How fresh an answer is, and what it lacks.
#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(super) struct Freshness {
    /// When the oldest of the files in the answer was indexed, in seconds since 1970; none without files.
    indexed_at: Option<f64>,
    /// Files in the answer that have changed on disk since, or are gone; `update_indexes` brings them up to date.
    stale_files: Vec<String>,
    /// What makes the answer less than it could be; empty where nothing does.
    degraded: Vec<String>,
}

impl Freshness {
    /// Of an answer that rests on these files.
    pub(super) fn of(code: &CodeDatabase, file_ids: impl IntoIterator<Item = i64>) -> Result<Self> {
        let all: BTreeSet<i64> = file_ids.into_iter().collect();
        let some: BTreeSet<i64> = all.iter().copied().take(MOST_FILES).collect();
        let mut freshness = Self::default();
        if all.len() > some.len() {
            let unseen = all.len() - some.len();
            freshness.lacks(format!(
                "{unseen} of its files were not compared with the disk"
            ));
        }
        for file in code.indexed_files(&some)? {
            freshness.add(&file);
        }
        Ok(freshness)
    }

    /// Adds a reason why the answer is less than it could be.
    pub(super) fn lacks(&mut self, reason: impl Into<String>) {
        self.degraded.push(reason.into());
    }

    fn add(&mut self, file: &IndexedFile) {
        if let Some(day) = file.indexed_at {
            let seconds = (day - EPOCH) * 86_400.0;
            self.indexed_at = Some(
                self.indexed_at
                    .map_or(seconds, |oldest| oldest.min(seconds)),
            );
        }
        if has_changed(file) {
            self.stale_files.push(file.relative_path.clone());
        }
        if file.has_errors {
            self.lacks(format!("parts of {} do not parse", file.relative_path));
        }
    }
}

fn has_changed(file: &IndexedFile) -> bool {
    let Ok(metadata) = fs::metadata(&file.path) else {
        return true;
    };
    let size_differs = file
        .size
        .is_some_and(|size| u64::try_from(size).ok() != Some(metadata.len()));
    let modified = metadata.modified().ok();
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let time_differs = match (modified, file.last_modified) {
        (Some(now), Some(then)) => (now.as_secs_f64() - then).abs() > 0.001,
        _ => true,
    };
    size_differs || time_differs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_or_went_is_stale() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.py");
        fs::write(&path, "x = 1\n").unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let mut file = IndexedFile {
            path: path.to_str().unwrap().to_owned(),
            relative_path: "a.py".into(),
            size: Some(6),
            last_modified: Some(modified.duration_since(UNIX_EPOCH).unwrap().as_secs_f64()),
            has_errors: true,
            indexed_at: Some(EPOCH + 1.0),
        };
        let mut freshness = Freshness::default();
        freshness.add(&file);
        assert_eq!(freshness.indexed_at, Some(86_400.0));
        assert_eq!(freshness.stale_files, [] as [&str; 0]);
        assert_eq!(freshness.degraded, ["parts of a.py do not parse"]);
        file.size = Some(7);
        assert!(has_changed(&file));
        file.path.push('x');
        assert!(has_changed(&file));
    }
}
