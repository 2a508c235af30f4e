//! The life of a DB worker: lock, load, open, listen, serve until told to stop, drain.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use driver_api::{DriverError, ErrorClass, Options};
use serde_json::Value;

use super::database_file::DatabaseFile;
use super::listener::Listener;
use super::metrics::Metrics;
use super::page_check::{Occasion, PageCheck};
use super::process_limits;
use super::readers::Readers;
use super::service::Service;
use super::sessions::Sessions;
use super::storage_failure;
use super::store::Store;
use super::write_records::WriteRecords;
use super::writer::Writer;
use crate::foundation::control::Refusal;
use crate::foundation::control_channel::ControlChannel;
use crate::foundation::db_worker_hello::{
    DbWorkerHello, DbWorkerOwner, DbWorkerReady, REFUSED_OWNED,
};
use crate::foundation::owner_lock::{Left, OwnerLock};
use crate::foundation::quarantine::Quarantine;
use crate::plugins::loader::{LoadError, LoadedPlugin, Loader};

/// How often the host hears from the worker.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often calls are looked for whose client is gone.
const LOOK_FOR_VANISHED: Duration = Duration::from_millis(500);

/// How often the records of clients that are gone are removed. The first time is long after the
/// start, when whoever was cut off by the end of an earlier worker has asked again.
const FORGET_EVERY: Duration = Duration::from_secs(15 * 60);

/// How often the size of the log is looked at, and from which size on, in bytes, it is an alarm: four
/// times what is kept after a checkpoint.
const LOOK_AT_LOG: Duration = Duration::from_secs(10);
const LARGE_LOG: u64 = 256 << 20;

/// A process that ends gives its locks up one after the other: the last owner may have this one for a moment
/// after the other is free.
const LOCKS_GO_WITHIN: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Runs a DB worker under the host at the other end of `control`.
pub fn run(control: &ControlChannel, hello: &DbWorkerHello, loader: &Loader) -> ExitCode {
    match start(control, hello, loader) {
        Ok(worker) => worker.serve(control),
        Err(problem) => {
            tracing::error!(%problem, "the DB worker does not start");
            // Without a host there is nobody to tell.
            let _ = control.refused(Refusal::new(problem.code(), problem.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// Why a DB worker does not start, and why another attempt would not help.
#[derive(Debug, thiserror::Error)]
enum StartError {
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
    Plugin { path: String, source: LoadError },
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
    fn code(&self) -> &'static str {
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

struct Worker {
    service: Arc<Service>,
    listener: Listener,
    socket: std::path::PathBuf,
    lock: OwnerLock,
    /// `None` for databases that are no files.
    file: Option<DatabaseFile>,
    quarantine: Quarantine,
}

fn start(
    control: &ControlChannel,
    hello: &DbWorkerHello,
    loader: &Loader,
) -> Result<Worker, StartError> {
    process_limits::set_up();
    let mut lock = take_lock(hello)?;
    let quarantine = Quarantine::beside(&hello.owner_file);
    let unclean = require_sound(hello, &mut lock, &quarantine)?;
    let (service, file) = open_service(hello, loader, &quarantine).inspect_err(|error| {
        // What is no database any more is damage, too, which the next start would only meet again.
        if let StartError::Open { source, .. } = error
            && source.class() == ErrorClass::Corrupt
        {
            quarantine.impose(&format!(
                "the database is damaged and cannot be opened: {source}"
            ));
        }
    })?;
    let service = Arc::new(service);
    let listener = match announce(control, hello, &mut lock, file.as_ref()) {
        Ok(listener) => listener,
        Err(error) => {
            // The log goes with the connections, which is a good end: nobody is to miss it.
            if let Err(error) = lock.clear() {
                tracing::warn!(%error, "the announcement could not be taken back");
            }
            return Err(error);
        }
    };
    if unclean {
        service.page_check.start(Occasion::UncleanEnd);
    }
    Ok(Worker {
        service,
        listener,
        socket: hello.socket.clone(),
        lock,
        file,
        quarantine,
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

/// Whether the last worker did not end in good order, which is no obstacle. A database in quarantine
/// is, and one whose log has vanished since.
fn require_sound(
    hello: &DbWorkerHello,
    lock: &mut OwnerLock,
    quarantine: &Quarantine,
) -> Result<bool, StartError> {
    let lock_error = |source| StartError::Lock {
        path: shown(&hello.owner_file),
        source,
    };
    let left = lock.left().map_err(lock_error)?;
    // A worker has the log from its start on, and only a good end removes it.
    if let Some(Left { log: Some(log) }) = &left
        && !log.exists()
    {
        quarantine.impose(&format!(
            "the log {} is gone although the last DB worker did not end in good order: commits are \
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
        None => Ok(left.is_some()),
    }
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
        std::fs::create_dir_all(parent).map_err(lock_error)?;
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
    let plugin = loader
        .load(&hello.library)
        .map_err(|source| StartError::Plugin {
            path: shown(&hello.library),
            source,
        })?;
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
        shown(&hello.database),
        quarantine.clone(),
    );
    let service = Service {
        driver: plugin.descriptor.name,
        page_check,
        readers: Arc::new(Readers::new(store, hello.readers)),
        writer: Arc::new(writer),
        sessions: Arc::new(Sessions::new(hello.clients)),
        metrics,
        idle_transaction: Duration::from_secs(hello.idle_transaction_seconds),
    };
    Ok((service, file))
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

impl Worker {
    /// Serves until the host says stop, is gone, or the storage fails; then drains.
    fn serve(mut self, control: &ControlChannel) -> ExitCode {
        let heartbeats = {
            let service = Arc::clone(&self.service);
            control.spawn_heartbeats(HEARTBEAT, move || {
                service.metrics.to_json(service.sessions.count())
            })
        };
        if let Err(error) = heartbeats {
            tracing::error!(%error, "no heartbeats can be sent; the host would take the worker for dead");
            return ExitCode::FAILURE;
        }
        tracing::info!(socket = %self.socket.display(), "the DB worker is ready");
        let shutdown = control.shutdown_signal();
        let accepted = thread::scope(|scope| {
            let accepting = thread::Builder::new()
                .name("listener".into())
                .spawn_scoped(scope, || self.listener.accept_all(&self.service));
            let (mut forgot, mut looked) = (Instant::now(), Instant::now());
            let request = loop {
                if let Some(request) = shutdown.wait_timeout(LOOK_FOR_VANISHED) {
                    break request;
                }
                self.service.sessions.cancel_vanished();
                self.service.sessions.cut_off_late();
                self.service.page_check.limit();
                self.require_file();
                if looked.elapsed() >= LOOK_AT_LOG {
                    self.look_at_log();
                    looked = Instant::now();
                }
                if forgot.elapsed() >= FORGET_EVERY {
                    self.service.writer.forget_gone();
                    forgot = Instant::now();
                }
            };
            tracing::info!(reason = ?request.reason, "the DB worker is asked to stop");
            self.service.sessions.drain(request.deadline);
            if let Err(error) = self.listener.stop() {
                tracing::error!(%error, "the listener cannot be ended");
            }
            accepting.is_ok()
        });
        // Before the log goes: an announcement without a log means that somebody else removed it.
        if let Err(error) = self.lock.clear() {
            tracing::warn!(%error, "the announcement could not be taken back");
        }
        // A call that outlived the deadline still has its connection; the process ends under it.
        if self.service.sessions.count() == 0 {
            self.service.readers.close();
            if self.service.writer.has_gone() {
                self.service.writer.forget_gone();
            }
            self.service.writer.close();
        }
        drop(self.listener);
        tracing::info!("the DB worker ends");
        if accepted {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl Worker {
    /// A reader that does not come to an end keeps the log from being cut back.
    fn look_at_log(&self) {
        let bytes = self.file.as_ref().map_or(0, DatabaseFile::log_bytes);
        if bytes > LARGE_LOG {
            let pids = self.service.sessions.reading();
            tracing::warn!(bytes, readers = ?pids, "the log grows: a process reads for long");
        }
    }

    /// Ends the process when the database file is not where it was: what is written to a file without
    /// its name, or beside its log, is lost.
    fn require_file(&self) {
        let Some(file) = &self.file else { return };
        if !file.is_in_place() {
            self.quarantine.impose(
                "the database file was moved, replaced or deleted while its DB worker ran: put it back, \
                 with its log, or go on with what is there now",
            );
            storage_failure::end_in_quarantine();
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
