//! A database that must not be touched until somebody has looked at it: noted beside its file, for every later start.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where the note of a database lies: beside its owner file `x.db.worker`, as `x.db.quarantine`.
#[derive(Clone, Debug)]
pub struct Quarantine {
    note: PathBuf,
}

impl Quarantine {
    /// The quarantine of the database with this owner file.
    pub fn beside(owner_file: &Path) -> Self {
        Self {
            note: owner_file.with_extension("quarantine"),
        }
    }

    /// The note.
    pub fn note(&self) -> &Path {
        &self.note
    }

    /// Lifts the quarantine, where there is one.
    ///
    /// # Errors
    /// The system's.
    pub fn lift(&self) -> io::Result<()> {
        match fs::remove_file(&self.note) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Why the database is in quarantine, and what is to be done; `None` when it is not.
    ///
    /// # Errors
    /// The system's.
    pub fn reason(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(&self.note) {
            Ok(text) => Ok(Some(text.trim_end().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts the database into quarantine. The database itself stays as it is, with its log.
    pub fn impose(&self, reason: &str) {
        let text = format!(
            "{reason}. Nothing was changed since. When you have looked after it, remove {}",
            self.note.display()
        );
        tracing::error!("the database is put into quarantine: {text}");
        let written = File::create(&self.note).and_then(|mut note| {
            writeln!(note, "{text}")?;
            note.sync_all()
        });
        if let Err(error) = written {
            tracing::error!(%error, note = %self.note.display(), "the quarantine cannot be noted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarantine_lasts_until_its_note_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let quarantine = Quarantine::beside(&place.path().join("x.db.worker"));
        assert_eq!(quarantine.reason().unwrap(), None);
        quarantine.impose("the file is damaged");
        let note = place.path().join("x.db.quarantine");
        let told = quarantine.reason().unwrap().unwrap();
        assert!(told.starts_with("the file is damaged."), "{told}");
        assert!(told.ends_with(note.to_str().unwrap()), "{told}");
        quarantine.lift().unwrap();
        quarantine.lift().unwrap();
        assert!(!note.exists());
        assert_eq!(quarantine.reason().unwrap(), None);
    }
}
