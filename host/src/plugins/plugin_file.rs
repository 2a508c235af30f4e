//! A file that may be a plugin: its bytes, and what can be said of it before any loader touches it.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::elf;
use super::verdict::{Reason, Refusal};
use crate::foundation::plugin_image::PluginImage;

/// The largest file that is taken for a plugin.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// Others than owner and group may write.
const OTHERS_WRITE: u32 = 0o002;
/// In such a directory only the owner of a file may replace it, whoever may write.
const STICKY: u32 = 0o1000;

/// The bytes of a file.
#[derive(Debug)]
pub struct PluginFile {
    /// Its path and its content.
    pub image: PluginImage,
    /// What was hashed.
    pub bytes: Vec<u8>,
}

impl PluginFile {
    /// Reads a file that only its owner may change, and looks at its form.
    ///
    /// # Errors
    /// A [`Refusal`] that tells what is in its place, or what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, Refusal> {
        let bytes = read(path)?;
        let image = PluginImage {
            file: path.to_owned(),
            hash: hash(&bytes),
        };
        Ok(Self { image, bytes })
    }

    /// Whether it has the form of a library that this machine can load.
    ///
    /// # Errors
    /// [`Reason::Empty`], [`Reason::NotElf`], [`Reason::Truncated`], [`Reason::WrongMachine`].
    pub fn check_form(&self) -> Result<(), Refusal> {
        elf::check(&self.bytes)
    }
}

/// The name of some bytes.
pub(super) fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    let unreadable = |error: io::Error| refusal_of(path, &error);
    // Opening a FIFO would wait for a writer otherwise; what it is is asked of the open file, so that nobody
    // puts something else in its place meanwhile.
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if !found.is_file() {
        return Err(not_a_file(kind(found.file_type())));
    }
    require_own(path, &file)?;
    if found.len() > MAX_BYTES {
        let text = format!(
            "it has {} bytes; a plugin has at most {MAX_BYTES}",
            found.len()
        );
        return Err(Refusal::new(Reason::TooLarge, text));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn refusal_of(path: &Path, error: &io::Error) -> Refusal {
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        let text = "it is a symbolic link that leads to itself: remove it, or link it to a library";
        return Refusal::new(Reason::LinkLoop, text);
    }
    match error.kind() {
        io::ErrorKind::NotFound if fs::symlink_metadata(path).is_ok() => {
            let text =
                "it is a symbolic link to a file that does not exist: remove it, or link it anew";
            Refusal::new(Reason::Missing, text)
        }
        io::ErrorKind::NotFound => {
            let text = "there is no such file: put it there, or take it off what names it";
            Refusal::new(Reason::Missing, text)
        }
        // A socket cannot be opened.
        _ if is_socket(path) => not_a_file("a socket"),
        _ => {
            let text = format!("it cannot be read: {error}; check its owner and mode");
            Refusal::new(Reason::Unreadable, text)
        }
    }
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

fn not_a_file(kind: &str) -> Refusal {
    Refusal::new(
        Reason::NotAFile,
        format!("it is {kind}, not a file: take it away from the plugins"),
    )
}

fn kind(found: FileType) -> &'static str {
    if found.is_dir() {
        "a directory"
    } else if found.is_fifo() {
        "a FIFO"
    } else {
        "a device"
    }
}

/// Whoever may write to a plugin, or put another in its place, runs code in the host.
fn require_own(path: &Path, file: &File) -> Result<(), Refusal> {
    let open_to_all = |mode: u32| mode & OTHERS_WRITE != 0;
    let mode = file
        .metadata()
        .map_err(|error| refusal_of(path, &error))?
        .mode();
    if open_to_all(mode) {
        return Err(writable(path));
    }
    // The directories of the file itself, wherever links lead.
    let real = path
        .canonicalize()
        .map_err(|error| refusal_of(path, &error))?;
    for directory in real.ancestors().skip(1) {
        let found = fs::metadata(directory).map_err(|error| refusal_of(directory, &error))?;
        let mode = found.permissions().mode();
        if open_to_all(mode) && mode & STICKY == 0 {
            return Err(writable(directory));
        }
    }
    Ok(())
}

fn writable(path: &Path) -> Refusal {
    let shown = path.display();
    Refusal::new(
        Reason::WritableByOthers,
        format!(
            "everybody may write to {shown}, and so have the host run anything: take that away (`chmod o-w {shown}`)"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(path: &Path) -> Reason {
        PluginFile::read(path).unwrap_err().reason
    }

    #[test]
    fn what_is_no_file_is_told_apart() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::os::unix::fs::symlink(at("loop"), at("loop")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert_eq!(reason(&at("nowhere")), Reason::Missing);
        assert_eq!(reason(&at("dangling")), Reason::Missing);
        assert_eq!(reason(&at("loop")), Reason::LinkLoop);
        assert_eq!(reason(place.path()), Reason::NotAFile);
        assert_eq!(reason(&at("socket")), Reason::NotAFile);
        assert_eq!(reason(Path::new("/dev/null")), Reason::NotAFile);
    }

    #[test]
    fn what_everybody_may_change_is_refused_with_its_place() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().canonicalize().unwrap().join("d");
        fs::create_dir(&directory).unwrap();
        let file = directory.join("x.so");
        fs::write(&file, "x").unwrap();
        let set =
            |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        assert!(PluginFile::read(&file).is_ok());
        set(&directory, 0o777);
        let refusal = PluginFile::read(&file).unwrap_err();
        assert_eq!(refusal.reason, Reason::WritableByOthers);
        assert!(
            refusal
                .text
                .contains(&format!("chmod o-w {}`", directory.display())),
            "{refusal}"
        );
        // As in /tmp, where everybody has files of their own.
        set(&directory, 0o1777);
        assert!(PluginFile::read(&file).is_ok());
        set(&file, 0o646);
        let refusal = PluginFile::read(&file).unwrap_err();
        assert!(
            refusal
                .text
                .contains(&format!("chmod o-w {}`", file.display())),
            "{refusal}"
        );
    }
}
