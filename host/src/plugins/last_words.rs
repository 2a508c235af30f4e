//! The last words of a process that a driver in it ended: written as the signal comes, counted by the next host.

use std::ffi::CString;
use std::fs;
use std::io::{self, IoSlice, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use rustix::fs::{Mode, OFlags};
use signal_hook::low_level::signal_name;

use super::crash_log::Crash;
use super::loader::fault_signals::tell_of_faults;
use super::observed::{Running, running};
use crate::foundation::plugin_image::PluginImage;

/// How the files end that wait to be counted.
const ENDING: &str = "last-words";

/// Room for the text about a call. A handler has no more than some kilobytes of stack.
const LONGEST_CALL: usize = 128;

/// The file for this process.
static FILE: OnceLock<CString> = OnceLock::new();

/// Whom a fault during a call is put down to; lives as long as the process, as its driver does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accused {
    /// The driver's name.
    driver: &'static str,
    /// Its plugin's hash, a line, and its plugin's path.
    image: &'static str,
}

impl Accused {
    /// The driver of this name in this plugin.
    pub(super) fn new(driver: &str, image: &PluginImage) -> Self {
        let text = format!("{}\n{}", image.hash, image.file.display());
        Self {
            driver: driver.to_owned().leak(),
            image: text.leak(),
        }
    }
}

/// From now on a driver's fault in this process leaves words in this directory, which is there.
///
/// # Errors
/// The system's.
pub(super) fn keep_in(directory: &Path) -> io::Result<()> {
    let file = directory.join(format!("{}.{ENDING}", std::process::id()));
    let file = CString::new(file.as_os_str().as_bytes())?;
    // Another call has set the same.
    let _ = FILE.set(file);
    tell_of_faults(speak)
}

/// Runs in the handler of a signal: no allocation, no lock.
fn speak(signal: i32) {
    let Some(Running {
        accused: Some(accused),
        what,
        id,
    }) = running()
    else {
        return;
    };
    let (mut number, mut call) = ([0; 16], [0; LONGEST_CALL]);
    let number = written(&mut number, |out| write!(out, "{signal}"));
    let call = written(&mut call, |out| {
        write!(
            out,
            "{what} (call {}, connection {})",
            id.query, id.connection
        )
    });
    let (driver, image) = (accused.driver.as_bytes(), accused.image.as_bytes());
    // Nobody is left to hear of a failure.
    let _ = say(
        rustix::stdio::stderr(),
        [
            b"the driver ",
            driver,
            b" ends this process by signal ",
            number,
            b" in its call ",
            call,
            b"\n",
        ],
    );
    let Some(file) = FILE.get() else { return };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(file.as_c_str(), flags, Mode::RUSR | Mode::WUSR) {
        let _ = say(&file, [number, b"\n", driver, b"\n", call, b"\n", image]);
    }
}

/// Writes the parts in one call, because the stack has no room for their text.
fn say(file: impl AsFd, parts: [&[u8]; 7]) -> rustix::io::Result<usize> {
    rustix::io::writev(file, &parts.map(IoSlice::new))
}

/// What `write` has written into `room`; what does not fit is left out.
fn written(room: &mut [u8], write: impl FnOnce(&mut &mut [u8]) -> io::Result<()>) -> &[u8] {
    let length = room.len();
    let mut rest = &mut *room;
    let _ = write(&mut rest);
    let left = rest.len();
    &room[..length - left]
}

/// A crash that was not counted yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Untold {
    pub(super) image: PluginImage,
    pub(super) driver: String,
    pub(super) crash: Crash,
}

/// Takes the words that lie in this directory, so that each is counted by one host.
pub(super) fn take_all(directory: &Path) -> Vec<Untold> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    files
        .filter(|file| file.extension().is_some_and(|ending| ending == ENDING))
        .filter_map(|file| take(&file))
        .collect()
}

fn take(file: &Path) -> Option<Untold> {
    // Whoever renames it first counts it.
    let mine = file.with_extension(format!("taken-by-{}", std::process::id()));
    fs::rename(file, &mine).ok()?;
    let text = fs::read_to_string(&mine).ok();
    let at = fs::metadata(&mine).and_then(|found| found.modified()).ok();
    // One that stays has another ending, and is not counted again.
    let _ = fs::remove_file(&mine);
    read(&text?, at.unwrap_or(SystemTime::UNIX_EPOCH))
}

fn read(text: &str, at: SystemTime) -> Option<Untold> {
    let mut lines = text.splitn(5, '\n');
    let signal: i32 = lines.next()?.parse().ok()?;
    let driver = lines.next()?.to_owned();
    let call = lines.next()?.to_owned();
    let hash = lines.next()?.to_owned();
    let file = PathBuf::from(lines.next()?);
    let name = signal_name(signal).unwrap_or("unknown");
    let at = at.duration_since(SystemTime::UNIX_EPOCH);
    Some(Untold {
        image: PluginImage { file, hash },
        driver,
        crash: Crash {
            at: at.map_or(0, |since| since.as_secs()),
            how: format!("ended by signal {name} ({signal})"),
            last_call: Some(call),
        },
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn words_are_taken_once_and_damaged_ones_are_passed_over() {
        let place = tempfile::tempdir().unwrap();
        let words = "11\nmine\nquery (call 7, connection 2)\naa\n/p/lib with\nline.so";
        fs::write(place.path().join("1.last-words"), words).unwrap();
        for (name, text) in [
            ("2", ""),
            ("3", "eleven\nmine\nx\naa\n/p"),
            ("4", "11\nmine"),
        ] {
            fs::write(place.path().join(format!("{name}.last-words")), text).unwrap();
        }
        fs::write(place.path().join("aa.json"), "{}").unwrap();
        let taken = take_all(place.path());
        let [
            Untold {
                image,
                driver,
                crash,
            },
        ] = &taken[..]
        else {
            panic!("{taken:?}")
        };
        assert_eq!((image.hash.as_str(), driver.as_str()), ("aa", "mine"));
        assert_eq!(image.file, Path::new("/p/lib with\nline.so"));
        assert_eq!(crash.how, "ended by signal SIGSEGV (11)");
        assert_eq!(
            crash.last_call.as_deref(),
            Some("query (call 7, connection 2)")
        );
        assert_eq!(take_all(place.path()), []);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut room = [0; 4];
        assert_eq!(written(&mut room, |out| write!(out, "abcdef")), b"abcd");
        assert_eq!(written(&mut room, |out| write!(out, "x")), b"x");
        let text = "6\nd\nping\nh\n/p";
        let read = read(text, SystemTime::UNIX_EPOCH + Duration::from_secs(9)).unwrap();
        assert_eq!(
            (read.crash.at, read.crash.how.as_str()),
            (9, "ended by signal SIGABRT (6)")
        );
    }
}
