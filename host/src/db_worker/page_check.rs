//! A look at every page of the database in the background: after an unclean end, and when a call met damage.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use driver_api::{CancelHandle, Dialect, ErrorClass, Result, RowRef};

use super::rows_in::each_row;
use super::storage_failure;
use super::store::{OpenConnection, Store};
use crate::foundation::quarantine::Quarantine;

/// A check after an unclean end is given up after this time: it is a precaution, and the disk has
/// other work. One for damage that was met takes as long as it takes.
const LONGEST_PRECAUTION: Duration = Duration::from_secs(60);

/// It begins a while after the start, when those who waited for the worker have their answers.
const BEFORE_PRECAUTION: Duration = Duration::from_secs(2);

/// Damage is looked for a second time after this pause. Where the storage fails, the worker ends meanwhile: what was seen
/// may have been in memory only, and the next worker sees what is on the disk.
const BEFORE_SECOND_LOOK: Duration = Duration::from_millis(500);

/// Gives the row `ok`, or what is wrong.
const CHECK: &str = "PRAGMA quick_check(3)";

/// Checks the pages of one database; clones share their state.
#[derive(Clone)]
pub(super) struct PageCheck {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<Store>,
    /// Whether the database knows the check, and is not damaged anyway.
    applies: bool,
    /// The database, for messages.
    shown: String,
    quarantine: Quarantine,
    /// Whether a check runs, so that there is one at a time.
    running: AtomicBool,
    /// Stops a precaution that takes too long.
    precaution: Mutex<Option<(Instant, Arc<dyn CancelHandle>)>>,
}

/// Why the pages are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The last worker did not end in good order.
    UncleanEnd,
    /// A call met what looks like damage. Not all of it is: an index of a full-text search that does
    /// not fit its content looks the same.
    MetDamage,
}

impl PageCheck {
    pub(super) fn new(
        store: Arc<Store>,
        dialect: Dialect,
        is_damaged: bool,
        shown: String,
        quarantine: Quarantine,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                applies: dialect == Dialect::Sqlite && !is_damaged,
                shown,
                quarantine,
                running: AtomicBool::new(false),
                precaution: Mutex::default(),
            }),
        }
    }

    /// Starts a check, unless one runs. When it finds damage, the worker ends.
    pub(super) fn start(&self, occasion: Occasion) {
        if !self.inner.applies || self.inner.running.swap(true, Ordering::SeqCst) {
            return;
        }
        let inner = Arc::clone(&self.inner);
        let started = thread::Builder::new()
            .name("page-check".into())
            .spawn(move || inner.check(occasion));
        if let Err(error) = started {
            tracing::error!(%error, "the pages of the database cannot be checked");
            self.inner.running.store(false, Ordering::SeqCst);
        }
    }

    /// Gives up a precaution that has taken too long.
    pub(super) fn limit(&self) {
        let mut precaution = self.inner.lock();
        if let Some((since, handle)) = &*precaution
            && since.elapsed() > LONGEST_PRECAUTION
        {
            tracing::warn!("the database is too large to be checked as a precaution");
            if let Err(error) = handle.cancel() {
                tracing::warn!(%error, "the check cannot be stopped");
            }
            *precaution = None;
        }
    }
}

impl Inner {
    fn check(&self, occasion: Occasion) {
        if occasion == Occasion::UncleanEnd {
            thread::sleep(BEFORE_PRECAUTION);
        }
        let begun = Instant::now();
        tracing::info!(?occasion, "the pages of the database are checked");
        let found = match self.find_damage(occasion) {
            Ok(None) => Ok(None),
            Err(error) if error.class() != ErrorClass::Corrupt => Err(error),
            _ => {
                thread::sleep(BEFORE_SECOND_LOOK);
                self.find_damage(occasion)
            }
        };
        match found {
            Ok(None) => tracing::info!(took = ?begun.elapsed(), "the pages are as they should be"),
            Ok(Some(damage)) => self.end(&damage),
            Err(error) if error.class() == ErrorClass::Corrupt => self.end(&error.to_string()),
            Err(error) => tracing::warn!(%error, "the pages could not be checked"),
        }
        *self.lock() = None;
        self.running.store(false, Ordering::SeqCst);
    }

    fn find_damage(&self, occasion: Occasion) -> Result<Option<String>> {
        let mut opened = self.store.open_reader()?;
        if occasion == Occasion::UncleanEnd {
            *self.lock() = opened.cancel.clone().map(|handle| (Instant::now(), handle));
        }
        let lines = first_column(&mut opened);
        opened.close();
        let lines = lines?;
        Ok((lines != ["ok"]).then(|| lines.join("; ")))
    }

    fn end(&self, damage: &str) -> ! {
        self.quarantine.impose(&format!(
            "the database {} is damaged ({damage}): `db repair` puts what can be read of it, or the newest \
             backup and what that lacks, in its place, and keeps the file and its log",
            self.shown
        ));
        storage_failure::end_in_quarantine()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Arc<dyn CancelHandle>)>> {
        self.precaution
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn first_column(opened: &mut OpenConnection) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    each_row(&mut *opened.connection, CHECK, RowRef::EMPTY, |row| {
        lines.push(row.text(0)?.to_owned());
        Ok(())
    })?;
    Ok(lines)
}
