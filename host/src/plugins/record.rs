//! What is known of every plugin file at one time: records, the names of their drivers, and what is amiss.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use driver_api::DriverDescriptor;

use super::discovery::{Candidate, Origin};
use super::examiner::Examined;
use super::verdict::{Reason, Refusal, Verdict};
use crate::foundation::plugin_image::PluginImage;

/// A file that was found, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginRecord {
    /// The file.
    pub path: PathBuf,
    /// Who named its directory.
    pub origin: Origin,
    /// The content that the verdict is about; none where it could not be read.
    pub image: Option<PluginImage>,
    /// Whether that content is in the lock file.
    pub locked: bool,
    /// Whether it is usable.
    pub verdict: Verdict,
    /// Why the file's newer content is not used, where an earlier one stays in place.
    pub rejected: Option<Refusal>,
}

/// A driver that can be loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct UsablePlugin {
    /// What the driver says of itself.
    pub descriptor: DriverDescriptor,
    /// What is to be loaded.
    pub image: PluginImage,
    /// Who named its directory.
    pub origin: Origin,
}

/// Everything at one time.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub(super) records: Vec<Arc<PluginRecord>>,
    /// Directories that could not be read and aliases that are claimed twice, as lines for people.
    pub(super) problems: Vec<String>,
    /// Name or alias to the index of its record; the first directory wins.
    pub(super) names: BTreeMap<String, usize>,
}

impl PluginRecord {
    pub(super) fn new(candidate: Candidate, examined: Examined) -> Self {
        let Examined {
            image,
            locked,
            verdict,
        } = examined;
        Self {
            path: candidate.path,
            origin: candidate.origin,
            image,
            locked,
            verdict,
            rejected: None,
        }
    }

    /// The driver, if the file is usable.
    pub fn usable(&self) -> Option<UsablePlugin> {
        Some(UsablePlugin {
            descriptor: self.verdict.descriptor()?.clone(),
            image: self.image.clone()?,
            origin: self.origin,
        })
    }

    /// The reason, if the file is refused and a user named its directory.
    pub(super) fn unexpected_refusal(&self) -> Option<&Refusal> {
        self.origin.named_by()?;
        self.verdict.refusal().or(self.rejected.as_ref())
    }

    /// Keeps what was usable before in place of a newer content that is not.
    fn or_earlier(mut self, earlier: &PluginRecord) -> Self {
        if let Verdict::Refused(refusal) = &self.verdict
            && refusal.reason != Reason::Missing
            && earlier.verdict.descriptor().is_some()
        {
            self.rejected = Some(refusal.clone());
            self.verdict = earlier.verdict.clone();
            self.image = earlier.image.clone();
            self.locked = earlier.locked;
        }
        self
    }
}

impl Snapshot {
    /// Puts the records under their names; what `earlier` had in place of refused files stays.
    pub(super) fn new(records: Vec<PluginRecord>, problems: Vec<String>, earlier: &Self) -> Self {
        let mut snapshot = Self {
            records: Vec::with_capacity(records.len()),
            problems,
            names: BTreeMap::new(),
        };
        for record in records {
            let before = earlier
                .records
                .iter()
                .find(|known| known.path == record.path);
            let record = match before {
                Some(before) => record.or_earlier(before),
                None => record,
            };
            snapshot.add(record);
        }
        snapshot
    }

    fn add(&mut self, mut record: PluginRecord) {
        let index = self.records.len();
        if let Some(descriptor) = record.verdict.descriptor() {
            match self.owner(&descriptor.name) {
                Some(owner) => {
                    let text = format!(
                        "its driver calls itself `{}`, as that of {} does, which is looked at first: remove one of \
                         them",
                        descriptor.name,
                        owner.display()
                    );
                    record.verdict = Verdict::Refused(Refusal::new(Reason::NameTaken, text));
                }
                None => self.claim_names(&descriptor.clone(), &record.path, index),
            }
        }
        self.records.push(Arc::new(record));
    }

    fn claim_names(&mut self, descriptor: &DriverDescriptor, path: &Path, index: usize) {
        self.names.insert(descriptor.name.clone(), index);
        for alias in &descriptor.aliases {
            if let Some(owner) = self.owner(alias) {
                let (path, owner) = (path.display(), owner.display());
                let line = format!("{path} also claims the name `{alias}`; {owner} is used");
                self.problems.push(line);
            } else {
                self.names.insert(alias.clone(), index);
            }
        }
    }

    /// The file of the driver that has this name.
    fn owner(&self, name: &str) -> Option<&Path> {
        let record = self.records.get(*self.names.get(name)?)?;
        Some(&record.path)
    }

    /// The driver of this name or alias.
    pub(super) fn find(&self, name: &str) -> Option<UsablePlugin> {
        self.records.get(*self.names.get(name)?)?.usable()
    }
}

#[cfg(test)]
mod tests {
    use driver_api::{Dialect, Placement};

    use super::super::verdict::Found;
    use super::*;

    fn record(path: &str, origin: Origin, verdict: Verdict) -> PluginRecord {
        let image = PluginImage {
            file: path.into(),
            hash: "aa".into(),
        };
        let examined = Examined {
            image: Some(image),
            locked: false,
            verdict,
        };
        PluginRecord::new(
            Candidate {
                path: path.into(),
                origin,
            },
            examined,
        )
    }

    fn usable(name: &str) -> Verdict {
        let descriptor = DriverDescriptor::new(name, "1.0.0", Placement::Direct, Dialect::Generic);
        Verdict::Usable(Found {
            api_version: "1.0.0".into(),
            descriptor: descriptor.alias("shared"),
        })
    }

    fn refused() -> Verdict {
        Verdict::Refused(Refusal::new(Reason::NotElf, "it is text"))
    }

    fn snapshot(records: Vec<PluginRecord>) -> Snapshot {
        Snapshot::new(records, Vec::new(), &Snapshot::default())
    }

    #[test]
    fn the_first_claim_to_a_name_wins_and_the_second_is_told() {
        let of = |path, name| record(path, Origin::Config, usable(name));
        let snapshot = snapshot(vec![
            of("/1/a.so", "a"),
            of("/2/b.so", "b"),
            of("/2/c.so", "a"),
        ]);
        let file = |name: &str| snapshot.find(name).unwrap().image.file;
        assert_eq!(file("a"), Path::new("/1/a.so"));
        assert_eq!(file("b"), Path::new("/2/b.so"));
        assert_eq!(file("shared"), Path::new("/1/a.so"));
        assert_eq!(
            snapshot.problems,
            ["/2/b.so also claims the name `shared`; /1/a.so is used"]
        );
        let taken = snapshot.records[2].verdict.refusal().unwrap();
        assert_eq!(taken.reason, Reason::NameTaken);
        assert!(
            taken.text.contains("`a`, as that of /1/a.so does"),
            "{taken}"
        );
    }

    #[test]
    fn a_refusal_is_unexpected_only_where_a_user_named_the_directory() {
        for origin in [Origin::Flag, Origin::Environment, Origin::Config] {
            assert!(
                record("/p/x.so", origin, refused())
                    .unexpected_refusal()
                    .is_some()
            );
        }
        for origin in [Origin::Executable, Origin::System] {
            assert!(
                record("/p/x.so", origin, refused())
                    .unexpected_refusal()
                    .is_none()
            );
        }
        assert!(
            record("/p/x.so", Origin::Flag, usable("a"))
                .unexpected_refusal()
                .is_none()
        );
    }

    #[test]
    fn a_refused_upgrade_leaves_the_old_version_in_place_and_a_removal_does_not() {
        let first = snapshot(vec![record("/p/x.so", Origin::Config, usable("a"))]);
        let worse = record("/p/x.so", Origin::Config, refused());
        let second = Snapshot::new(vec![worse.clone()], Vec::new(), &first);
        assert!(second.find("a").is_some());
        assert_eq!(
            second.records[0].unexpected_refusal().unwrap().text,
            "it is text"
        );
        // It stays however often one looks.
        let third = Snapshot::new(vec![worse], Vec::new(), &second);
        assert!(third.find("a").is_some());
        let gone = Verdict::Refused(Refusal::new(Reason::Missing, "gone"));
        let removed = record("/p/x.so", Origin::Config, gone);
        assert!(
            Snapshot::new(vec![removed], Vec::new(), &third)
                .find("a")
                .is_none()
        );
        assert!(
            Snapshot::new(Vec::new(), Vec::new(), &third)
                .find("a")
                .is_none()
        );
    }
}
