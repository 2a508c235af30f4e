//! Backups: the pages of one snapshot go into a file that gets its name when it is complete, checked and on the disk.
//!
//! The copy is made from a connection that only reads, inside of a read transaction. So nobody who writes waits for
//! it, and nothing that is written meanwhile makes the engine begin anew, which it does without a transaction. The
//! price is that the log grows by what is written until the copy is made.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use driver_api::{
    BackupPhase, BackupProgress, BackupWatch, DriverError, ErrorClass, Flow, Result,
    TransactionMode,
};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::cancel::Cancel;
use crate::copy_file::CopyFile;
use crate::error::{IntoDriverResult, from_sqlite};
use crate::transaction;

/// Pages that are copied between two looks at whether to go on: some milliseconds of work.
const PAGES_A_STEP: i32 = 256;

/// Bytes after which the copy so far is brought to the disk. All of it at the end would keep the disk busy for
/// seconds, and with it every write that waits for its own.
const BYTES_A_SYNC: u64 = 4 << 20;

/// How often whoever waits hears of the check.
const LOOK_AT_CHECK: Duration = Duration::from_millis(50);

/// Copies the database that `source` is connected to into the new file `target`.
pub(crate) fn backup(
    source: &Connection,
    cancel: &Cancel,
    target: &Path,
    watch: &mut BackupWatch<'_>,
) -> Result<()> {
    if !source.is_autocommit() {
        return Err(transaction::state(
            "a backup cannot be made inside a transaction",
            "25001",
        ));
    }
    let file = CopyFile::create(target)?;
    let mut copy = open_copy(&file)?;
    let mut watch = Watch { watch, cancel };
    transaction::begin(source, TransactionMode::ReadOnly)?;
    let copied = copy_pages(source, &mut copy, &file, &mut watch);
    transaction::abandon(source);
    check(copy, copied?, &mut watch)?;
    file.publish(target)
}

/// Whoever waits, and whoever may cancel.
struct Watch<'w, 'a> {
    watch: &'w mut BackupWatch<'a>,
    cancel: &'w Cancel,
}

impl Watch<'_, '_> {
    /// Tells how far the backup is; fails once it is to stop.
    fn tell(&mut self, phase: BackupPhase, done: u64, total: u64) -> Result<()> {
        self.cancel.check()?;
        match (self.watch)(BackupProgress { phase, done, total }) {
            Flow::Continue => Ok(()),
            Flow::Stop => Err(stopped()),
        }
    }
}

fn open_copy(file: &CopyFile) -> Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(file.path(), access).driver_result()?;
    // A copy that is cut off is thrown away, so that it needs no journal; `CopyFile` brings it to the disk. Alone
    // with its file the engine needs no memory that it would share.
    copy.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;",
    )
    .driver_result()?;
    Ok(copy)
}

/// Copies all pages; answers how many bytes they are.
fn copy_pages(
    source: &Connection,
    copy: &mut Connection,
    file: &CopyFile,
    watch: &mut Watch<'_, '_>,
) -> Result<u64> {
    let page: u32 = source
        .query_row("PRAGMA page_size", [], |row| row.get(0))
        .driver_result()?;
    let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * u64::from(page);
    let backup = Backup::new(source, copy).driver_result()?;
    let mut synced = 0;
    loop {
        let step = backup.step(PAGES_A_STEP).driver_result()?;
        let at = backup.progress();
        let (total, done) = (bytes(at.pagecount), bytes(at.pagecount - at.remaining));
        watch.tell(BackupPhase::Copying, done, total)?;
        if done - synced >= BYTES_A_SYNC {
            file.sync()?;
            synced = done;
        }
        match step {
            StepResult::Done => return Ok(total),
            StepResult::More => {}
            // A read transaction is open, and nobody else knows the copy.
            _ => {
                return Err(
                    DriverError::new(ErrorClass::Busy, "the database is locked").retryable()
                );
            }
        }
    }
}

/// Reads the copy, to see whether its pages fit together, and closes it.
fn check(copy: Connection, bytes: u64, watch: &mut Watch<'_, '_>) -> Result<()> {
    let interrupt = copy.get_interrupt_handle();
    let (sender, ended) = mpsc::channel();
    // In another thread, because the engine has no word for whoever waits.
    thread::Builder::new()
        .name("backup-check".into())
        .spawn(move || {
            // The one who waits is there until it has heard this.
            let _ = sender.send(read_and_close(copy));
        })
        .map_err(|error| no_thread(&error))?;
    let mut stop = None;
    loop {
        match ended.recv_timeout(LOOK_AT_CHECK) {
            Ok(found) => return stop.map_or(found, Err),
            Err(RecvTimeoutError::Disconnected) => return Err(check_broke_off()),
            Err(RecvTimeoutError::Timeout) => {
                if stop.is_none() {
                    stop = watch.tell(BackupPhase::Checking, bytes, bytes).err();
                }
                // Again and again: the engine forgets one that comes before its first step.
                if stop.is_some() {
                    interrupt.interrupt();
                }
            }
        }
    }
}

fn read_and_close(copy: Connection) -> Result<()> {
    let fault: String = copy
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .driver_result()?;
    copy.close().map_err(|(_, error)| from_sqlite(error))?;
    if fault == "ok" {
        return Ok(());
    }
    Err(DriverError::new(
        ErrorClass::Corrupt,
        "the copy is not sound: the database, or the storage of the copy, is damaged",
    )
    .with_detail(fault))
}

fn stopped() -> DriverError {
    DriverError::new(ErrorClass::Cancelled, "the backup was stopped").with_sqlstate("57014")
}

fn no_thread(error: &std::io::Error) -> DriverError {
    DriverError::new(ErrorClass::Unavailable, "the copy cannot be checked")
        .with_detail(error.to_string())
        .retryable()
}

fn check_broke_off() -> DriverError {
    DriverError::new(ErrorClass::Internal, "the check of the copy broke off")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use driver_api::{Connection as _, Value};

    use super::*;
    use crate::testing::TestDatabase;

    const FILL: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 4000) \
                        INSERT INTO t SELECT randomblob(2000) FROM n";

    /// Some megabytes, so that the backup has several steps.
    fn filled() -> (TestDatabase, PathBuf) {
        let mut database = TestDatabase::new();
        database.execute("CREATE TABLE t(a)", []).unwrap();
        database.execute(FILL, []).unwrap();
        let target = database.options.path.with_file_name("copy.db");
        (database, target)
    }

    fn others(target: &Path) -> Vec<String> {
        let entries = fs::read_dir(target.parent().unwrap()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("copy")).collect()
    }

    #[test]
    fn what_is_written_meanwhile_neither_waits_nor_comes_into_the_copy() {
        let (mut database, target) = filled();
        let mut reader = database.connect(|options| options.read_only = true);
        let mut told = Vec::new();
        let mut written = 0;
        reader
            .connection
            .backup(&target, &mut |at| {
                told.push(at);
                // The engine would begin anew for each of these, if the backup did not hold its snapshot.
                written += 1;
                let added = database.execute("INSERT INTO t VALUES ('later')", []);
                assert_eq!(added.unwrap().rows_affected, 1);
                Flow::Continue
            })
            .unwrap();
        let copying: Vec<_> = told
            .iter()
            .filter(|at| at.phase == BackupPhase::Copying)
            .collect();
        assert!(copying.len() > 5, "{told:?}");
        assert!(copying.is_sorted_by_key(|at| at.done), "{told:?}");
        let last = copying.last().unwrap();
        assert_eq!(last.done, last.total);
        assert_eq!(last.total, fs::metadata(&target).unwrap().len());
        let mode = fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(others(&target), ["copy.db"]);
        let count = "SELECT count(*) FROM t";
        assert_eq!(database.value(count, []), Value::I64(4000 + written));
        let mut copy = database.connect(|options| options.path = target);
        assert_eq!(copy.value(count, []), Value::I64(4000));
        assert_eq!(copy.value("PRAGMA integrity_check", []), "ok".into());
    }

    #[test]
    fn a_stopped_backup_leaves_nothing_and_holds_no_snapshot() {
        let (mut database, target) = filled();
        let error = database
            .connection
            .backup(&target, &mut |at| {
                Flow::from_wants_more(at.done < at.total / 2)
            })
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Cancelled);
        assert_eq!(others(&target), Vec::<String>::new());
        database.execute("INSERT INTO t VALUES (1)", []).unwrap();
        let log = database.value("PRAGMA journal_mode", []);
        assert_eq!(log, "wal".into());
    }

    #[test]
    fn a_cancel_handle_stops_it() {
        let (mut database, target) = filled();
        let handle = database.connection.cancel_handle().unwrap();
        let error = database
            .connection
            .backup(&target, &mut |_| {
                handle.cancel().unwrap();
                Flow::Continue
            })
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Cancelled);
        assert_eq!(others(&target), Vec::<String>::new());
    }

    #[test]
    fn a_damaged_database_gives_no_copy() {
        let (mut database, target) = filled();
        database.execute("CREATE INDEX i ON t(a)", []).unwrap();
        let path = database.options.path.clone();
        let root: i64 =
            match database.value("SELECT rootpage FROM sqlite_schema WHERE name = 'i'", []) {
                Value::I64(page) => page,
                other => panic!("{other:?}"),
            };
        database.connection.close().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let start = usize::try_from(root - 1).unwrap() * 4096;
        bytes[start..start + 512].fill(0xee);
        fs::write(&path, bytes).unwrap();
        let mut damaged = database.connect(|_| {});
        let error = damaged
            .connection
            .backup(&target, &mut |_| Flow::Continue)
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Corrupt, "{error}");
        assert_eq!(others(&target), Vec::<String>::new());
    }
}
