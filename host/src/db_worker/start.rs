//! The start of a DB worker: lock, look at what the last one left, load, open, listen, announce.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use driver_api::{DriverError, ErrorClass, Options};
use serde_json::Value;

use super::database_file::DatabaseFile;
use super::listener::Listener;
use super::log_evidence::{Traces, lost_commits};
use super::metrics::Metrics;
use super::page_check::{Occasion, PageCheck};
use super::process_limits;
use super::readers::Readers;
use super::service::{LoadedDriver, Service};
use super::sessions::Sessions;
use super::store::Store;
use super::worker::Worker;
use super::write_records::WriteRecords;
use super::writer::Writer;
use crate::foundation::control_channel::ControlChannel;
use crate::foundation::db_worker_hello::{
    DbWorkerHello, DbWorkerOwner, DbWorkerReady, REFUSED_OWNED,
};
use crate::foundation::owner_lock::{Left, OwnerLock};
use crate::foundation::quarantine::Quarantine;
use crate::plugins::call_note::CallNote;
use crate::plugins::loader::{LoadedPlugin, Loader};
use crate::plugins::observed::ObservedDriver;
use crate::plugins::verdict;

/// A process that ends gives its locks up one after the other: the last owner may have this one for a moment
/// after the other is free.
const LOCKS_GO_WITHIN: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Why a DB worker does not start, and why another attempt would not help.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("another process owns {0}")]
    Owned(String),
    #[error("another process owns the file {0} under another name of it (a hard link)")]
    OwnedAlias(String),
    #[error("the database {database} is in quarantine: {reason}")]
    Quarantine { database: String, reason: String },
    #[error("the lock file {path} cannot be used: {source}")]
    Lock {
        path: String,
        source: std::io::Error,
    },
    #[error("the plugin {path} cannot be used: {source}")]
    Plugin {
        path: String,
        source: verdict::Refusal,
    },
    #[error("the options of the database are wrong: {0}")]
    Options(String),
    #[error("the database {database} cannot be opened: {source}")]
    Open {
        database: String,
        source: DriverError,
    },
    #[error("the socket {path} cannot be listened on: {source}")]
    Socket {
        path: String,
        source: std::io::Error,
    },
    #[error("the host is gone")]
    NoHost,
}

impl StartError {
    /// The word that the host acts on.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Owned(_) => REFUSED_OWNED,
            Self::OwnedAlias(_) => "alias",
            Self::Quarantine { .. } => "quarantine",
            Self::Lock { .. } => "lock",
            Self::Plugin { .. } => "plugin",
            Self::Options(_) => "options",
            Self::Open { .. } => "open",
            Self::Socket { .. } => "socket",
            Self::NoHost => "no_host",
        }
    }
}

/// Starts the worker up to the point where everybody may ask it.
pub(super) fn start(
    control: &ControlChannel,
    hello: &DbWorkerHello,
    loader: &Loader,
) -> Result<Worker, StartError> {
    process_limits::set_up();
    let mut lock = take_lock(hello)?;
    let quarantine = Quarantine::beside(&hello.owner_file);
    let left = require_sound(hello, &mut lock, &quarantine)?;
    let opened = open_service(hello, loader, &quarantine);
    let opened = opened.inspect_err(|error| impose_for_damage(error, &quarantine));
    let opened = opened.and_then(|(service, file)| {
        let listener = announce(control, hello, &mut lock, file.as_ref())?;
        Ok((Arc::new(service), file, listener))
    });
    let (service, file, listener) =
        opened.inspect_err(|_| forget_folded(&mut lock, left.as_ref()))?;
    if left.is_some() {
        service.page_check.start(Occasion::UncleanEnd);
    }
    Ok(Worker {
        service,
        listener,
        socket: hello.socket.clone(),
        lock,
        file,
        quarantine,
        largest_log: hello.largest_log_mib << 20,
    })
}

/// Listens, and says so to everybody who may ask and to the host.
fn announce(
    control: &ControlChannel,
    hello: &DbWorkerHello,
    lock: &mut OwnerLock,
    file: Option<&DatabaseFile>,
) -> Result<Listener, StartError> {
    let socket_error = |source| StartError::Socket {
        path: shown(&hello.socket),
        source,
    };
    let listener = Listener::bind(&hello.socket).map_err(socket_error)?;
    let pid = std::process::id();
    let owner = DbWorkerOwner {
        socket: hello.socket.clone(),
        pid,
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        log: file.and_then(DatabaseFile::log),
        boot: boot_id(),
    };
    lock.announce(&owner).map_err(|source| StartError::Lock {
        path: shown(&hello.owner_file),
        source,
    })?;
    let ready = DbWorkerReady {
        socket: hello.socket.clone(),
        pid,
    };
    control.ready(&ready).map_err(|_| StartError::NoHost)?;
    Ok(listener)
}

/// What the last worker left, if it did not end in good order, which is no obstacle. A database in quarantine is, and
/// one that has lost commits of its log since.
fn require_sound(
    hello: &DbWorkerHello,
    lock: &mut OwnerLock,
    quarantine: &Quarantine,
) -> Result<Option<Left>, StartError> {
    let lock_error = |source| StartError::Lock {
        path: shown(&hello.owner_file),
        source,
    };
    let left = lock.left().map_err(lock_error)?;
    if let Some(left) = &left
        && let Some(log) = &left.log
        && let Some(what) = lost_commits(Traces {
            database: &hello.database,
            log,
            last_write: left.last_write,
            same_boot: left.boot == boot_id(),
        })
    {
        quarantine.impose(&format!(
            "the log {} {what} although the last DB worker did not end in good order: commits are \
             lost, and the file may be damaged. Put the log back, or go on with what the file holds",
            shown(log)
        ));
        // Said once: without the note the next worker goes on.
        lock.clear().map_err(lock_error)?;
    }
    match quarantine.reason().map_err(lock_error)? {
        Some(reason) => Err(StartError::Quarantine {
            database: shown(&hello.database),
            reason,
        }),
        None => Ok(left),
    }
}

/// What is no database any more is damage, too, which the next start would only meet again.
fn impose_for_damage(error: &StartError, quarantine: &Quarantine) {
    if let StartError::Open { source, .. } = error
        && source.class() == ErrorClass::Corrupt
    {
        quarantine.impose(&format!(
            "the database is damaged and cannot be opened: {source}"
        ));
    }
}

/// After a start that failed: SQLite may have copied the log into the database and removed it when it closed the file,
/// which is a good end. The next start is not to miss it.
fn forget_folded(lock: &mut OwnerLock, left: Option<&Left>) {
    let announced = left.and_then(|left| left.log.as_ref());
    if announced.is_some_and(|log| log.exists()) {
        return;
    }
    if let Err(error) = lock.clear() {
        tracing::warn!(%error, "the announcement could not be taken back");
    }
}

/// Which run of the system this is; empty where it is not told.
fn boot_id() -> String {
    let read = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    read.map(|id| id.trim_end().to_owned()).unwrap_or_default()
}

/// Locks the database file itself, which may have other names than the one that is locked already.
fn lock_file(hello: &DbWorkerHello) -> Result<Option<DatabaseFile>, StartError> {
    let lock_error = |source| StartError::Lock {
        path: shown(&hello.database),
        source,
    };
    let Some(file) = DatabaseFile::at(&hello.database).map_err(lock_error)? else {
        return Ok(None);
    };
    let until = Instant::now() + LOCKS_GO_WITHIN;
    while !file.lock().map_err(lock_error)? {
        if Instant::now() >= until {
            return Err(StartError::OwnedAlias(shown(&hello.database)));
        }
        thread::sleep(LOCK_PAUSE);
    }
    Ok(Some(file))
}

fn take_lock(hello: &DbWorkerHello) -> Result<OwnerLock, StartError> {
    let lock_error = |source| StartError::Lock {
        path: shown(&hello.owner_file),
        source,
    };
    if let Some(parent) = hello.owner_file.parent() {
        fs::create_dir_all(parent).map_err(lock_error)?;
    }
    OwnerLock::take(&hello.owner_file)
        .map_err(lock_error)?
        .ok_or_else(|| StartError::Owned(shown(&hello.database)))
}

fn open_service(
    hello: &DbWorkerHello,
    loader: &Loader,
    quarantine: &Quarantine,
) -> Result<(Service, Option<DatabaseFile>), StartError> {
    let (plugin, observed) = load(hello, loader)?;
    let open_error = |source| StartError::Open {
        database: shown(&hello.database),
        source,
    };
    let writing = options(&plugin, hello, false)?;
    let reading = options(&plugin, hello, true)?;
    match plugin.driver.create_database(&writing) {
        Err(error) if error.class() != ErrorClass::Unsupported => return Err(open_error(error)),
        _ => {}
    }
    let file = lock_file(hello)?;
    let metrics = Arc::new(Metrics::default());
    let store = Arc::new(Store::new(plugin.driver, writing, reading));
    let records = WriteRecords::of(&plugin.descriptor);
    let writer =
        Writer::open(Arc::clone(&store), Arc::clone(&metrics), records).map_err(open_error)?;
    let page_check = PageCheck::new(
        Arc::clone(&store),
        plugin.descriptor.dialect,
        hello.is_damaged,
        shown(&hello.database),
        quarantine.clone(),
    );
    let service = Service {
        driver: plugin.descriptor.name,
        loaded: LoadedDriver {
            version: plugin.descriptor.version,
            plugin: hello.plugin.clone(),
            driver: observed,
        },
        page_check,
        readers: Arc::new(Readers::new(store, hello.readers)),
        writer: Arc::new(writer),
        sessions: Arc::new(Sessions::new(hello.clients)),
        metrics,
        idle_transaction: Duration::from_secs(hello.idle_transaction_seconds),
    };
    Ok((service, file))
}

/// Loads the driver, whose calls are noted where the host wants that.
fn load(
    hello: &DbWorkerHello,
    loader: &Loader,
) -> Result<(LoadedPlugin, Arc<ObservedDriver>), StartError> {
    let mut plugin = loader
        .load(&hello.plugin)
        .map_err(|source| StartError::Plugin {
            path: shown(&hello.plugin.file),
            source,
        })?;
    let note = hello.call_note.as_deref().and_then(|path| {
        let made = CallNote::create(path);
        made.inspect_err(|error| tracing::warn!(%error, "the calls of the driver are not noted"))
            .ok()
    });
    let observed = Arc::new(ObservedDriver::new(plugin.driver, note));
    plugin.driver = Arc::clone(&observed) as _;
    Ok((plugin, observed))
}

/// The options of a writing or a reading connection.
fn options(
    plugin: &LoadedPlugin,
    hello: &DbWorkerHello,
    read_only: bool,
) -> Result<Options, StartError> {
    let schema = &plugin.descriptor.options;
    let mut values = hello.options.clone();
    if read_only && schema.iter().any(|spec| spec.key == "read_only") {
        values.insert("read_only".into(), Value::Bool(true));
    }
    Options::check(schema, &values, Path::new("/")).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        StartError::Options(lines.join("; "))
    })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
