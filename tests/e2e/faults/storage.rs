//! Disks that are full, limited, read-only or broken, and programs outside that hold the file's lock.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{fs, thread};

use code_analysis_host::foundation::cancellation::Cancellation;
use driver_api::ErrorClass;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;
use tempfile::TempDir;

use super::{am_root, have, insert_bytes, restarts};
use crate::support::chain::Chain;
use crate::support::numbers::{count, insert, numbers, worker_pid};
use crate::support::server::eventually;

/// A small file system in memory; it goes when this is dropped.
struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    fn new(megabytes: u32) -> Self {
        let directory = tempfile::Builder::new().prefix("cah").tempdir().unwrap();
        let size = format!("size={megabytes}m");
        mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], directory.path());
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    fn chain(&self) -> Chain {
        let options = json!({ "path": self.path().join("code.db") });
        Chain::with_database_options(&options).unwrap()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.directory.path())
            .status();
    }
}

fn mount(options: &[&str], at: &Path) {
    let status = Command::new("mount")
        .args(options)
        .arg(at)
        .status()
        .unwrap();
    assert!(status.success(), "mount {options:?}");
}

#[test]
fn a_full_disk_is_a_typed_error_and_reads_go_on_until_there_is_space_again() {
    if !am_root() {
        return;
    }
    let disk = SmallDisk::new(8);
    let chain = disk.chain();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    // All space that is left but a little, which the log takes up soon.
    let filler = disk.path().join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    let (mut acknowledged, mut error) = (1, None);
    for n in 2..500 {
        match insert_bytes(database, n, 16 * 1024) {
            Ok(_) => acknowledged += 1,
            Err(failed) => {
                error = Some(failed);
                break;
            }
        }
    }
    let error = error.expect("the disk is full");
    assert_eq!(error.class(), ErrorClass::DiskFull, "{error}");
    assert_eq!(count(database), acknowledged);
    fs::remove_file(filler).unwrap();
    insert(database, 1000).unwrap();
    assert_eq!(count(database), acknowledged + 1);
    assert_eq!(restarts(&chain), 0);
}

#[test]
fn a_backup_to_a_full_disk_is_a_typed_error_that_leaves_nothing_there() {
    if !am_root() {
        return;
    }
    let disk = SmallDisk::new(1);
    let chain = Chain::new();
    let database = numbers(&chain);
    for n in 0..4 {
        insert_bytes(database, n, 1 << 20).unwrap();
    }
    let target = disk.path().join("copy.db");
    let error = database
        .backup(&target, |_| {}, &Cancellation::default())
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::DiskFull, "{error}");
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
    insert(database, 10).unwrap();
    assert_eq!((count(database), restarts(&chain)), (5, 0));
}

#[test]
fn a_limit_on_the_size_of_files_kills_nobody_without_a_word_and_loses_nothing() {
    let chain = Chain::new();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let log = chain.path().join("code.db-wal");
    let limit = Rlimit {
        current: Some(fs::metadata(log).unwrap().len() + 64 * 1024),
        maximum: None,
    };
    let worker = Pid::from_raw(worker_pid(&chain).cast_signed());
    prlimit(worker, Resource::Fsize, limit).unwrap();
    let mut acknowledged = 1;
    for n in 2..40 {
        match insert_bytes(database, n, 16 * 1024) {
            Ok(_) => acknowledged += 1,
            Err(error) => assert!(
                matches!(error.class(), ErrorClass::DiskFull | ErrorClass::Io),
                "{error}"
            ),
        }
    }
    assert_eq!(count(database), acknowledged);
    let status = chain.app.workers().status();
    let signal = status[0].last_exit.as_ref().and_then(|end| end.signal);
    assert_eq!(signal, None, "SIGXFSZ is 25");
}

#[test]
fn after_a_failed_fsync_the_worker_is_another_and_every_acknowledged_row_is_there() {
    if !have("strace") {
        return;
    }
    for nth in 1..=3 {
        let chain = Chain::new();
        let database = numbers(&chain);
        insert(database, 0).unwrap();
        let worker = worker_pid(&chain);
        let Some(mut strace) = fail_fsync(worker, nth) else {
            return;
        };
        let mut acknowledged = 1;
        for n in 1..=6 {
            match insert(database, n) {
                Ok(_) => acknowledged += 1,
                Err(error) => assert!(
                    matches!(error.class(), ErrorClass::Io | ErrorClass::ConnectionLost),
                    "{error}"
                ),
            }
        }
        assert_eq!(count(database), acknowledged, "at fsync number {nth}");
        assert_ne!(worker_pid(&chain), worker, "at fsync number {nth}");
        let _ = strace.kill();
        strace.wait().unwrap();
    }
}

/// Lets the `nth` fsync of a process, or fdatasync, fail with EIO; none where processes may not be traced.
fn fail_fsync(pid: u32, nth: u32) -> Option<Child> {
    let inject = format!("inject=fsync,fdatasync:error=EIO:when={nth}");
    let mut strace = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=fsync,fdatasync",
            "-e",
            &inject,
            "-o",
            "/dev/null",
        ])
        .args(["-p", &pid.to_string()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let traced = || {
        let status = fs::read_to_string(format!("/proc/{pid}/task/{pid}/status")).ok()?;
        let tracer = status
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"))?;
        (tracer.trim() != "0").then_some(())
    };
    for _ in 0..500 {
        if traced().is_some() && all_threads_traced(pid) {
            return Some(strace);
        }
        if strace.try_wait().unwrap().is_some() {
            break;
        }
        thread::sleep(std::time::Duration::from_millis(10));
    }
    super::skipped("processes may not be traced here");
    let _ = strace.kill();
    let _ = strace.wait();
    None
}

fn all_threads_traced(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return false;
    };
    tasks.flatten().all(|task| {
        fs::read_to_string(task.path().join("status"))
            .is_ok_and(|status| !status.contains("TracerPid:\t0\n"))
    })
}

#[test]
fn a_read_only_file_system_is_named_and_not_tried_again_and_again() {
    if !am_root() {
        return;
    }
    let disk = SmallDisk::new(8);
    let chain = disk.chain();
    insert(numbers(&chain), 1).unwrap();
    drop(chain);
    eventually("nobody uses the disk", || {
        let options = ["-o", "remount,ro"];
        let mut remount = Command::new("mount");
        remount.args(options).arg(disk.path()).stderr(Stdio::null());
        remount.status().unwrap().success().then_some(())
    });
    let options = json!({ "path": disk.path().join("code.db") });
    let error = Chain::with_database_options(&options).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("Read-only file system"), "{text}");
    assert!(text.contains(disk.path().to_str().unwrap()), "{text}");
}

#[test]
fn a_lock_held_outside_is_waited_for_no_longer_than_configured() {
    if !have("sqlite3") {
        return;
    }
    let chain = Chain::with_database_options(&json!({ "busy_timeout_ms": 200 })).unwrap();
    let database = numbers(&chain);
    insert(database, 1).unwrap();
    let mut outside = Command::new("sqlite3")
        .arg(chain.path().join("code.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = outside.stdin.take().unwrap();
    input
        .write_all(b"BEGIN IMMEDIATE;\nSELECT 'held';\n")
        .unwrap();
    let mut line = [0; 5];
    std::io::Read::read_exact(outside.stdout.as_mut().unwrap(), &mut line).unwrap();
    assert_eq!(&line, b"held\n");
    let error = insert(database, 2).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Busy, "{error}");
    assert_eq!(count(database), 1);
    drop(input);
    outside.wait().unwrap();
    insert(database, 2).unwrap();
    assert_eq!((count(database), restarts(&chain)), (2, 0));
}
