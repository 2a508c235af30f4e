//! What every answer about code says of itself: how fresh it is, and what it lacks.

use std::collections::BTreeSet;
use std::fs;
use std::time::UNIX_EPOCH;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis;
use crate::code_db::database::CodeDatabase;
use crate::code_db::error::Result;
use crate::code_db::freshness::IndexedFile;
use crate::code_graph::hierarchy::Hierarchy;

/// Said where [`Users::is_cut`](crate::code_graph::calls::Users::is_cut).
pub(super) const NOT_ALL_USAGES: &str =
    "a name is used so often that not all of its usages were looked at; name a class or file";

/// Most files that are looked at on disk for one answer.
const MOST_FILES: usize = 200;

/// Most files that one reason names.
const MOST_NAMES: usize = 5;

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
        Ok(Self::seen(
            &code.indexed_files(&some)?,
            all.len() - some.len(),
        ))
    }

    /// Of an answer that rests on the files at these absolute paths.
    pub(super) fn of_paths<'p>(
        code: &CodeDatabase,
        paths: impl IntoIterator<Item = &'p str>,
    ) -> Result<Self> {
        let all: BTreeSet<&str> = paths.into_iter().collect();
        let some: BTreeSet<&str> = all.iter().copied().take(MOST_FILES).collect();
        Ok(Self::seen(
            &code.indexed_paths(&some)?,
            all.len() - some.len(),
        ))
    }

    /// Adds a reason why the answer is less than it could be.
    pub(super) fn lacks(&mut self, reason: impl Into<String>) {
        self.degraded.push(reason.into());
    }

    /// Names the files that could not be read or parsed.
    pub(super) fn unread(&mut self, paths: &[&str]) {
        self.names("these files could not be read or parsed", paths);
    }

    /// Says which bases of classes are told by their names alone.
    pub(super) fn unsure_bases(&mut self, hierarchy: &Hierarchy) {
        let names: Vec<&str> = hierarchy.unsure().collect();
        if !names.is_empty() {
            self.lacks(format!(
                "several classes have the name of a base, and all of them are told: {}",
                names.join(", ")
            ));
        }
    }

    /// Of an answer that rests on these files, and on as many more as were not looked at.
    fn seen(files: &[IndexedFile], unseen: usize) -> Self {
        let seconds = |day: f64| (day - EPOCH) * 86_400.0;
        let days = files.iter().filter_map(|file| file.indexed_at);
        let changed = files.iter().filter(|file| has_changed(file));
        let mut freshness = Self {
            indexed_at: days.map(seconds).reduce(f64::min),
            stale_files: changed.map(|file| file.relative_path.clone()).collect(),
            degraded: Vec::new(),
        };
        if unseen > 0 {
            freshness.lacks(format!(
                "{unseen} of its files were not compared with the disk"
            ));
        }
        let unsound = files.iter().filter(|file| file.has_errors);
        freshness.names("parts of these files do not parse", &paths(unsound));
        let is_older = |file: &&IndexedFile| file.analysis != Some(analysis::VERSION);
        freshness.names(
            "these files were indexed by an earlier version, which found less; update_indexes reads them again",
            &paths(files.iter().filter(is_older)),
        );
        freshness
    }

    fn names(&mut self, reason: &str, paths: &[&str]) {
        let (named, rest) = paths.split_at(paths.len().min(MOST_NAMES));
        let more = match rest.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        if !named.is_empty() {
            self.lacks(format!("{reason}: {}{more}", named.join(", ")));
        }
    }
}

fn paths<'f>(files: impl Iterator<Item = &'f IndexedFile>) -> Vec<&'f str> {
    files.map(|file| file.relative_path.as_str()).collect()
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
            analysis: Some(analysis::VERSION),
        };
        let freshness = Freshness::seen(std::slice::from_ref(&file), 0);
        assert_eq!(freshness.indexed_at, Some(86_400.0));
        assert_eq!(freshness.stale_files, [] as [&str; 0]);
        assert_eq!(
            freshness.degraded,
            ["parts of these files do not parse: a.py"]
        );
        file.size = Some(7);
        assert!(has_changed(&file));
        file.path.push('x');
        assert!(has_changed(&file));
    }

    #[test]
    fn files_of_an_earlier_analysis_are_named_as_far_as_that_helps() {
        let file = |name: usize| IndexedFile {
            path: "/nowhere".into(),
            relative_path: format!("{name}.py"),
            size: None,
            last_modified: None,
            has_errors: false,
            indexed_at: None,
            analysis: None,
        };
        let files: Vec<IndexedFile> = (0..7).map(file).collect();
        let degraded = Freshness::seen(&files, 3).degraded;
        assert_eq!(
            degraded[0],
            "3 of its files were not compared with the disk"
        );
        assert!(
            degraded[1].ends_with(": 0.py, 1.py, 2.py, 3.py, 4.py and 2 more"),
            "{degraded:?}"
        );
    }
}
