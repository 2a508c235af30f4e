//! A disk whose power can be cut: ext4 in a file, mounted through a loop device, and shut down without a last flush.
//!
//! The cut is the ioctl FS_IOC_SHUTDOWN with "no log flush": from then on nothing reaches the disk, and what only
//! memory held is gone at the next mount. Safe Rust has no ioctl of one's own making, so a line of Python does it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Result;
use crate::place::PATIENCE;

/// FS_IOC_SHUTDOWN is _IOR('X', 125, u32); 2 is EXT4_GOING_FLAGS_NOLOGFLUSH (Linux, fs/ext4/ext4.h).
const CUT: &str = "import fcntl, os, struct, sys\n\
                   disk = os.open(sys.argv[1], os.O_RDONLY)\n\
                   print('ready', flush=True)\n\
                   sys.stdin.readline()\n\
                   fcntl.ioctl(disk, 0x8004587D, struct.pack('I', 2))\n";

/// Bytes of the disk.
const SIZE: u64 = 256 << 20;

/// The disk; it is unmounted when this is dropped.
pub(crate) struct Disk {
    image: PathBuf,
    mounted_at: PathBuf,
}

impl Disk {
    /// A new file system in `directory`, mounted.
    ///
    /// # Errors
    /// Without root, without loop devices, without mkfs.ext4 or Python: the text says which.
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Err("mounting a disk needs root".into());
        }
        let disk = Self {
            image: directory.join("disk.img"),
            mounted_at: directory.join("disk"),
        };
        std::fs::create_dir_all(&disk.mounted_at)?;
        std::fs::File::create(&disk.image)?.set_len(SIZE)?;
        run(
            "mkfs.ext4",
            &["-q".as_ref(), "-F".as_ref(), disk.image.as_os_str()],
        )?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where its files are.
    pub(crate) fn path(&self) -> &Path {
        &self.mounted_at
    }

    /// Makes it ready for use after a cut.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub(crate) fn mount(&self) -> Result<()> {
        let loop_option: [&std::ffi::OsStr; 2] = ["-o".as_ref(), "loop".as_ref()];
        let [o, l] = loop_option;
        run(
            "mount",
            &[o, l, self.image.as_os_str(), self.mounted_at.as_os_str()],
        )
    }

    /// Takes it away; processes that used it must be gone or going.
    ///
    /// # Errors
    /// When somebody goes on using it.
    pub(crate) fn unmount(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            match run("umount", &[self.mounted_at.as_os_str()]) {
                Err(_) if Instant::now() < until => thread::sleep(Duration::from_millis(5)),
                other => return other,
            }
        }
    }

    /// What cuts the power of this disk, armed.
    ///
    /// # Errors
    /// When Python does not start.
    pub(crate) fn arm(&self) -> Result<Cutter> {
        let mut child = Command::new("python3")
            .args(["-c", CUT])
            .arg(&self.mounted_at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python3: {error}"))?;
        let output = child.stdout.take().ok_or("python3 has no output")?;
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)?;
        Ok(Cutter { child })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, so that nothing stays mounted even after an error.
        let _ = run("umount", &["-l".as_ref(), self.mounted_at.as_os_str()]);
    }
}

/// Cuts the power when it is told.
pub(crate) struct Cutter {
    child: Child,
}

impl Cutter {
    /// Cuts the power.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn cut(mut self) -> Result<()> {
        let mut input = self.child.stdin.take().ok_or("python3 has no input")?;
        input.write_all(b"\n")?;
        drop(input);
        let status = self.child.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err("the file system does not know FS_IOC_SHUTDOWN".into()),
        }
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(program: &str, arguments: &[&std::ffi::OsStr]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )
        .into()),
    }
}
