//! The life of a DB worker: lock, load, open, listen, serve until told to stop, drain.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use driver_api::{DriverError, ErrorClass, Options};
use serde_json::Value;

use super::listener::Listener;
use super::metrics::Metrics;
use super::owner_lock::OwnerLock;
use super::readers::Readers;
use super::service::Service;
use super::sessions::Sessions;
use super::store::Store;
use super::writer::Writer;
use crate::foundation::control::Refusal;
use crate::foundation::control_channel::ControlChannel;
use crate::foundation::db_worker_hello::{
    DbWorkerHello, DbWorkerOwner, DbWorkerReady, REFUSED_OWNED,
};
use crate::plugins::loader::{LoadError, LoadedPlugin, Loader};

/// How often the host hears from the worker.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often calls are looked for whose client is gone.
const LOOK_FOR_VANISHED: Duration = Duration::from_millis(500);

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
}

fn start(
    control: &ControlChannel,
    hello: &DbWorkerHello,
    loader: &Loader,
) -> Result<Worker, StartError> {
    let mut lock = take_lock(hello)?;
    let service = Arc::new(open_service(control, hello, loader)?);
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
    Ok(Worker {
        service,
        listener,
        socket: hello.socket.clone(),
        lock,
    })
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
    control: &ControlChannel,
    hello: &DbWorkerHello,
    loader: &Loader,
) -> Result<Service, StartError> {
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
    let metrics = Arc::new(Metrics::default());
    let store = Arc::new(Store::new(plugin.driver, writing, reading));
    let writer = Writer::open(
        Arc::clone(&store),
        Arc::clone(&metrics),
        control.shutdown_signal(),
    )
    .map_err(open_error)?;
    Ok(Service {
        driver: plugin.descriptor.name,
        readers: Arc::new(Readers::new(store, hello.readers)),
        writer: Arc::new(writer),
        sessions: Arc::new(Sessions::default()),
        metrics,
        idle_transaction: Duration::from_secs(hello.idle_transaction_seconds),
    })
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
            let request = loop {
                if let Some(request) = shutdown.wait_timeout(LOOK_FOR_VANISHED) {
                    break request;
                }
                self.service.sessions.cancel_vanished();
            };
            tracing::info!(reason = ?request.reason, "the DB worker is asked to stop");
            self.service.sessions.drain(request.deadline);
            if let Err(error) = self.listener.stop() {
                tracing::error!(%error, "the listener cannot be ended");
            }
            accepting.is_ok()
        });
        // A call that outlived the deadline still has its connection; the process ends under it.
        if self.service.sessions.count() == 0 {
            self.service.readers.close();
            self.service.writer.close();
        }
        if let Err(error) = self.lock.clear() {
            tracing::warn!(%error, "the announcement could not be taken back");
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

fn shown(path: &Path) -> String {
    path.display().to_string()
}
