//! How a host serves: opens the database, starts its workers, answers requests, and leaves nothing behind.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::plugin_watch::PluginWatch;
use super::{App, AppError};
use crate::commands::jobs::journal::Journal;
use crate::commands::jobs::queue::{JobQueue, Limits};
use crate::commands::service::Commands;
use crate::config::server_types::ServerConfig;
use crate::config::types::{Config, DatabaseConfig};
use crate::foundation::descriptor_limit;
use crate::foundation::endpoint_file::{Endpoint, Published, endpoint_path, server_file};
use crate::foundation::redaction::redact_map;
use crate::foundation::shutdown_signal::{DEFAULT_SHUTDOWN_TIME, ShutdownSignal};
use crate::server::address::{self, AddressError};
use crate::server::connections::Patience;
use crate::server::gate::Gate;
use crate::server::guard::{Guard, GuardError};
use crate::server::http::{ServerParts, serve};
use crate::server::tokens::{self, TokenError};

/// Least time that workers get to finish, however long requests took.
const LEAST_WORKER_TIME: Duration = Duration::from_secs(2);

/// Short commands that run at once as jobs, as those of WebSocket clients do. Each blocks a thread.
const SHORT_JOBS: usize = 16;

/// Jobs that may wait, long ones and short ones each.
const WAITING_JOBS: usize = 1000;

/// Why a host does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no address to listen on.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Tokens or certificates cannot be used.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The database or a worker cannot be started.
    #[error(transparent)]
    App(#[from] AppError),
    /// The changed configuration would let everybody in.
    #[error(
        "a server that listens to others than programs of this machine needs TLS with a token, or with certificates \
         of clients; the guard stays as it was"
    )]
    Unguarded,
    /// The system refuses what a server needs.
    #[error("the server cannot run: {0}")]
    System(#[from] io::Error),
}

/// A server that is about to take requests.
pub struct Listening {
    listener: TcpListener,
    gate: Arc<Gate>,
}

/// What of a running server follows the configuration.
pub(super) struct Serving {
    /// Who is let in.
    pub(super) gate: Arc<Gate>,
    /// Whether others than programs of this machine reach it.
    pub(super) is_open: bool,
    /// The background jobs.
    pub(super) jobs: JobQueue,
}

/// The file in which the server of this configuration's database says how it is reached.
pub fn endpoint_file(config: &Config) -> PathBuf {
    endpoint_path(&config.state_dir, &database_text(&config.database))
}

/// A token by which the server of this configuration lets callers in; none where it asks for none.
///
/// # Errors
/// [`TokenError`].
pub fn server_token(config: &ServerConfig) -> Result<Option<String>, TokenError> {
    let tokens = tokens::read(config.token_file.as_deref(), config.token_env.as_deref())?;
    Ok(tokens.into_iter().next())
}

/// The same for everybody who configures the same database. Secrets do not belong to what a database is.
fn database_text(database: &DatabaseConfig) -> String {
    let mut options = database.options.clone();
    let texts = database.option_texts.iter();
    options.extend(texts.map(|(key, text)| (key.clone(), text.as_str().into())));
    let mut options = redact_map(&options);
    if let Some(path) = options.get("path").and_then(|path| path.as_str()) {
        let path: PathBuf = database.base_dir.join(path).components().collect();
        options.insert("path".to_owned(), path.to_string_lossy().into());
    }
    options.sort_keys();
    format!("{} {}", database.kind, serde_json::Value::Object(options))
}

impl App {
    /// Listens where the configuration says, guarded as it says.
    ///
    /// # Errors
    /// [`ServeError::Guard`], [`ServeError::Address`].
    pub fn listen(&self) -> Result<Listening, ServeError> {
        let server = &self.config().server;
        let guard = Guard::of(server)?;
        let listener = address::bind(&server.host, server.port, guard.keeps_strangers_out())?;
        let gate = Arc::new(Gate::new(guard));
        Ok(Listening { listener, gate })
    }

    /// Answers requests on `listening` until `shutdown` is raised, then ends everything that this host started.
    /// `ready` hears once requests are taken.
    ///
    /// # Errors
    /// [`ServeError`]; then, too, no worker is left.
    pub fn serve(
        &self,
        listening: Listening,
        shutdown: &ShutdownSignal,
        ready: impl FnOnce(&Endpoint),
    ) -> Result<(), ServeError> {
        let served = self.answer_requests(listening, shutdown, ready);
        if let Some(database) = self.database.get() {
            database.close();
        }
        let left = deadline_of(shutdown).saturating_duration_since(Instant::now());
        self.workers.stop_all(left.max(LEAST_WORKER_TIME));
        served
    }

    /// Where the system has no more watches, drivers change with a restart only.
    fn watch_plugins(&self) -> Result<Option<PluginWatch>, AppError> {
        let started = PluginWatch::start(Arc::clone(&self.plugins), self.usable_database()?);
        let watch = started.inspect_err(|error| {
            tracing::warn!(%error, "changes of plugins are not noticed before a restart");
        });
        Ok(watch.ok())
    }

    fn answer_requests(
        &self,
        listening: Listening,
        shutdown: &ShutdownSignal,
        ready: impl FnOnce(&Endpoint),
    ) -> Result<(), ServeError> {
        descriptor_limit::raise();
        let jobs = JobQueue::new(job_limits(&self.config()), journal(&self.config()));
        let service = Arc::new(Commands::new(self.context()?, jobs.clone()));
        self.start_workers()?;
        let _plugin_watch = self.watch_plugins()?;
        let Listening { listener, gate } = listening;
        let address = listener.local_addr()?;
        let endpoint = endpoint(gate.guard().scheme(), &self.config().server, address);
        let serving = Serving {
            gate: Arc::clone(&gate),
            is_open: !address.ip().is_loopback(),
            jobs: jobs.clone(),
        };
        // A host serves once.
        self.serving.get_or_init(|| serving);
        let parts = ServerParts {
            service,
            instance_id: endpoint.instance_id.clone(),
            listener,
            gate,
            patience: Patience::default(),
            connections: self.config().server.connections,
            shutdown: shutdown.clone(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let mut published = None;
        let served = runtime.block_on(serve(parts, || {
            published = publish(&self.config(), &endpoint);
            ready(&endpoint);
        }));
        drop(published);
        // Long commands have been asked to stop; they leave their transactions in order if there is time.
        if !jobs.drain(deadline_of(shutdown)) {
            tracing::warn!("some jobs had not ended when the server had to");
        }
        // A command that still blocks its thread must not keep the process.
        runtime.shutdown_background();
        Ok(served?)
    }
}

fn deadline_of(shutdown: &ShutdownSignal) -> Instant {
    shutdown.request().map_or_else(
        || Instant::now() + DEFAULT_SHUTDOWN_TIME,
        |request| request.deadline,
    )
}

pub(super) fn job_limits(config: &Config) -> Limits {
    let jobs = &config.server.jobs;
    Limits {
        long: jobs.running,
        short: SHORT_JOBS,
        waiting: WAITING_JOBS,
        kept_for: Duration::from_secs(jobs.kept_seconds),
    }
}

/// Without it jobs run as well, but a server that is killed reports none of them afterwards.
fn journal(config: &Config) -> Option<Journal> {
    let database = database_text(&config.database);
    let path = server_file(&config.state_dir, &database, "jobs");
    match Journal::open(&path) {
        Ok(Some(journal)) => return Some(journal),
        Ok(None) => tracing::warn!(
            path = %path.display(),
            "another server of this database keeps its journal of jobs there; this one keeps none"
        ),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "there is no journal of jobs");
        }
    }
    None
}

/// Where programs of this machine reach the server: by a name that a certificate can bear, where there is one.
fn endpoint(scheme: &str, config: &ServerConfig, address: SocketAddr) -> Endpoint {
    let name = match (config.names.first(), address.ip()) {
        (Some(name), ip) if !ip.is_loopback() => format!("{name}:{}", address.port()),
        (_, ip) if ip.is_unspecified() => format!("127.0.0.1:{}", address.port()),
        _ => address.to_string(),
    };
    Endpoint {
        url: format!("{scheme}://{name}"),
        instance_id: Uuid::new_v4().simple().to_string(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Without the file the server is still reached by those who know its address.
fn publish(config: &Config, endpoint: &Endpoint) -> Option<Published> {
    let path = endpoint_file(config);
    match Published::write(path.clone(), endpoint) {
        Ok(published) => Some(published),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "other processes will not find this server by themselves");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn database(options: serde_json::Value, base_dir: &str) -> DatabaseConfig {
        let serde_json::Value::Object(options) = options else {
            panic!("an object")
        };
        DatabaseConfig {
            options,
            base_dir: base_dir.into(),
            ..DatabaseConfig::default()
        }
    }

    #[test]
    fn one_database_has_one_text_however_it_is_configured() {
        let relative = database(json!({"path": "./data/x.db", "busy": 1}), "/etc/cah");
        let absolute = database(
            json!({"busy": 1, "path": "/etc/cah/data/x.db"}),
            "/elsewhere",
        );
        assert_eq!(database_text(&relative), database_text(&absolute));
        let other = database(json!({"path": "/etc/cah/data/y.db", "busy": 1}), "/");
        assert_ne!(database_text(&relative), database_text(&other));
    }

    #[test]
    fn a_password_is_not_part_of_what_a_database_is() {
        let text = database_text(&database(json!({"host": "db1", "password": "canary"}), "/"));
        assert!(!text.contains("canary") && text.contains("db1"), "{text}");
    }
}
