//! What a user does with plugin files: has them looked at, puts them where hosts look, takes them away.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::App;
use crate::plugins::discovery::{Origin, SearchDirectory};
use crate::plugins::lock_file::{self, PLATFORM};
use crate::plugins::plugin_file::PluginFile;
use crate::plugins::record::PluginRecord;
use crate::plugins::verdict::{Refusal, Verdict};
use crate::plugins::{manifest, policy};

/// Why nothing is done with a file.
#[derive(Debug, thiserror::Error)]
pub enum DriverFileError {
    /// No file was found that holds such a driver, or did.
    #[error("there is no driver `{name}`; there are: {}; looked in: {}", .known.join(", "), .searched.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The drivers that are known.
        known: Vec<String>,
        /// The directories that are looked in.
        searched: Vec<String>,
    },
    /// The file is no usable plugin.
    #[error("{} is not installed: {refusal}", .file.display())]
    Refused {
        /// The file.
        file: PathBuf,
        /// Why.
        refusal: Refusal,
    },
    /// The directory says itself what is loaded from it.
    #[error(
        "{} has a {}, which says what is loaded from it: name another directory with --plugins-dir, or put the file \
         there yourself and list it",
        .0.display(), manifest::FILE_NAME
    )]
    ListedDirectory(PathBuf),
    /// The file is part of the release, or of the system.
    #[error("{} was not put there by `drivers install`: remove it as it came", .0.display())]
    NotInstalled(PathBuf),
    /// The system refuses it.
    #[error("{}: {source}", .path.display())]
    System {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DriverFileError {
    /// Whether something that was named does not exist.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

fn system(path: &Path) -> impl Fn(io::Error) -> DriverFileError {
    move |source| DriverFileError::System {
        path: path.to_owned(),
        source,
    }
}

impl App {
    /// Everything that is known of a driver or a file, without loading it; a file that hosts do not find is probed.
    ///
    /// # Errors
    /// [`DriverFileError::Unknown`].
    pub fn inspect_driver(&self, name_or_file: &str) -> Result<Value, DriverFileError> {
        let record = self.driver_record(name_or_file)?;
        Ok(self.describe(&record))
    }

    /// Looks at a driver's file, or at every file, as if for the first time.
    ///
    /// # Errors
    /// [`DriverFileError::Unknown`].
    pub fn verify_drivers(&self, names_or_files: &[String]) -> Result<Vec<Value>, DriverFileError> {
        if names_or_files.is_empty() {
            let records = self.plugins.records();
            return Ok(records.iter().map(|record| self.verify(record)).collect());
        }
        names_or_files
            .iter()
            .map(|name| Ok(self.verify(&self.driver_record(name)?)))
            .collect()
    }

    fn verify(&self, record: &PluginRecord) -> Value {
        let examined = self
            .plugins
            .examiner()
            .examine_anew(&record.path, record.origin);
        let mut found = record.clone();
        found.image = examined.image;
        found.locked = examined.locked;
        // Another file that has the name already is no matter of this one's bytes.
        if examined.verdict.descriptor().is_none() || record.verdict.descriptor().is_some() {
            found.verdict = examined.verdict;
        }
        self.describe(&found)
    }

    /// Probes a file, copies it into a plugins directory, and locks it there.
    ///
    /// # Errors
    /// [`DriverFileError`]; then nothing is changed.
    pub fn install_driver(&self, file: &Path) -> Result<Value, DriverFileError> {
        let path = std::path::absolute(file).map_err(system(file))?;
        let refused = |refusal| DriverFileError::Refused {
            file: path.clone(),
            refusal,
        };
        let read = PluginFile::read(&path).map_err(refused)?;
        if let Verdict::Refused(refusal) = self.plugins.examiner().probe(&read).map_err(refused)? {
            return Err(refused(refusal));
        }
        let directory = self.install_directory()?;
        let name = path.file_name().unwrap_or_default();
        let target = directory.path.join(name);
        copy_whole(&read.bytes, &target).map_err(system(&target))?;
        copy_signature(&path, &target)?;
        let lock = self.plugins.examiner().lock_file();
        lock_file::lock(lock, &name.to_string_lossy(), &read.bytes).map_err(system(lock))?;
        let examined = self
            .plugins
            .examiner()
            .examine_anew(&target, directory.origin);
        Ok(self.describe(&PluginRecord {
            path: target,
            origin: directory.origin,
            image: examined.image,
            locked: examined.locked,
            verdict: examined.verdict,
            rejected: None,
        }))
    }

    /// Takes a driver's file away, with its lock.
    ///
    /// # Errors
    /// [`DriverFileError`].
    pub fn remove_driver(&self, name_or_file: &str) -> Result<Value, DriverFileError> {
        let record = self.driver_record(name_or_file)?;
        if matches!(record.origin, Origin::Executable | Origin::System) {
            return Err(DriverFileError::NotInstalled(record.path));
        }
        fs::remove_file(&record.path).map_err(system(&record.path))?;
        let lock = self.plugins.examiner().lock_file();
        let name = record
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        lock_file::unlock(lock, &name).map_err(system(lock))?;
        Ok(json!({"removed": record.path}))
    }

    /// Forgets the crashes of a driver, so that it is used again; and that its probe did not end well.
    ///
    /// # Errors
    /// [`DriverFileError`].
    pub fn clear_quarantine(&self, name_or_file: &str) -> Result<Value, DriverFileError> {
        let record = self.driver_record(name_or_file)?;
        let crashes = self.plugins.examiner().crashes();
        let cleared = match &record.image {
            Some(image) => crashes.clear(&image.hash).map_err(system(&record.path))?,
            None => false,
        };
        Ok(json!({"file": record.path, "cleared": cleared}))
    }

    /// The record of a driver, also one that is refused; a file that hosts do not find is probed.
    fn driver_record(&self, name_or_file: &str) -> Result<PluginRecord, DriverFileError> {
        let records = self.plugins.records();
        if name_or_file.contains('/') || name_or_file.ends_with(".so") {
            let path =
                std::path::absolute(name_or_file).map_err(system(Path::new(name_or_file)))?;
            let known = records.iter().find(|record| record.path == path);
            return Ok(known.map_or_else(|| self.stray_record(&path), |record| (**record).clone()));
        }
        let crashes = self.plugins.examiner().crashes();
        let found = self.plugins.find(name_or_file).ok();
        let is_meant = |record: &&_| {
            let record: &PluginRecord = record;
            let image = record.image.as_ref();
            let is_found = found
                .as_ref()
                .is_some_and(|found| Some(&found.image) == image);
            let crashed = || image.and_then(|image| crashes.of(&image.hash));
            is_found || crashed().is_some_and(|crashed| crashed.driver == name_or_file)
        };
        let record = records.iter().map(|record| &**record).find(is_meant);
        record.cloned().ok_or_else(|| DriverFileError::Unknown {
            name: name_or_file.to_owned(),
            known: records
                .iter()
                .filter_map(|record| Some(record.verdict.descriptor()?.name.clone()))
                .collect(),
            searched: self
                .plugins
                .directories()
                .iter()
                .map(|directory| directory.path.display().to_string())
                .collect(),
        })
    }

    fn stray_record(&self, path: &Path) -> PluginRecord {
        let examined = self.plugins.examiner().examine_anew(path, Origin::Flag);
        PluginRecord {
            path: path.to_owned(),
            origin: Origin::Flag,
            image: examined.image,
            locked: examined.locked,
            verdict: examined.verdict,
            rejected: None,
        }
    }

    /// The first directory that the user named, else the user's own.
    fn install_directory(&self) -> Result<&SearchDirectory, DriverFileError> {
        let own = |directory: &&SearchDirectory| {
            matches!(
                directory.origin,
                Origin::Flag | Origin::Config | Origin::User
            )
        };
        let directories = self.plugins.directories();
        let Some(directory) = directories.iter().find(own) else {
            let path = Path::new("plugins").to_owned();
            let source = io::Error::other("there is no directory for plugins");
            return Err(DriverFileError::System { path, source });
        };
        if directory.path.join(manifest::FILE_NAME).exists() {
            return Err(DriverFileError::ListedDirectory(directory.path.clone()));
        }
        fs::create_dir_all(&directory.path).map_err(system(&directory.path))?;
        Ok(directory)
    }

    /// A record as a document for people and programs.
    pub fn describe(&self, record: &PluginRecord) -> Value {
        let mut entry = json!({
            "path": record.path,
            "origin": record.origin,
            "usable": record.verdict.descriptor().is_some(),
            "locked": record.locked,
        });
        if let Some(image) = &record.image {
            entry["blake3"] = image.hash.as_str().into();
            entry["crashes"] = json!(self.plugins.examiner().crashes().of(&image.hash));
        }
        if let Verdict::Usable(found) = &record.verdict {
            let descriptor = &found.descriptor;
            entry["name"] = descriptor.name.as_str().into();
            entry["aliases"] = descriptor.aliases.clone().into();
            entry["version"] = descriptor.version.as_str().into();
            entry["summary"] = descriptor.summary.as_str().into();
            entry["driver_api"] =
                json!({"built_with": found.api_version, "accepted": policy::accepted_api()});
            entry["placement"] = json!(descriptor.placement);
            entry["dialect"] = json!(descriptor.dialect);
            entry["capabilities"] = json!(descriptor.capabilities);
            entry["column_types"] = json!(descriptor.column_types);
            entry["options"] = json!(descriptor.options);
        }
        for (key, refusal) in [
            ("refused", record.verdict.refusal()),
            ("rejected", record.rejected.as_ref()),
        ] {
            if let Some(refusal) = refusal {
                entry[key] = json!(refusal);
            }
        }
        entry["platform"] = PLATFORM.into();
        entry
    }
}

/// Whether a text can be the name of a driver.
pub fn is_driver_name(name: &str) -> bool {
    policy::is_name(name)
}

/// Under another name first, so that a host that looks at the directory finds the whole file or none.
fn copy_whole(bytes: &[u8], target: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let directory = target.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(target)?;
    Ok(())
}

/// The signature goes where the plugin goes, if there is one.
fn copy_signature(from: &Path, to: &Path) -> Result<(), DriverFileError> {
    let beside = |path: &Path| PathBuf::from(format!("{}.minisig", path.display()));
    let (from, to) = (beside(from), beside(to));
    match fs::read(&from) {
        Ok(bytes) => copy_whole(&bytes, &to).map_err(system(&to)),
        Err(_) => Ok(()),
    }
}
