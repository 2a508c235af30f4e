//! The options of a proxy connection, which the host fills in: users configure the database itself.

use std::path::PathBuf;
use std::time::Duration;

use driver_api::{DriverError, ErrorClass, OptionSpec, Options, Result};

/// Longest wait for a place in the worker's listening queue, and for its greeting.
const CONNECT_TIMEOUT_MS: i64 = 5_000;

/// Longest wait for a worker that went away; it is longer than the time after which a worker that
/// hangs is killed.
const RECONNECT_FOR_MS: i64 = 20_000;

/// What a connection needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyOptions {
    /// The worker's socket.
    pub(crate) socket: PathBuf,
    /// Whether the engine shall refuse writes.
    pub(crate) read_only: bool,
    /// Longest wait for the worker's greeting.
    pub(crate) connect_timeout: Duration,
    /// The file in which a worker says where it listens, should the next one listen elsewhere.
    pub(crate) owner_file: Option<PathBuf>,
    /// Longest wait for a worker that went away, from the moment on when a call noticed it.
    pub(crate) reconnect_for: Duration,
    /// After so many workers have ended while they carried out one request, it is not asked again.
    pub(crate) most_ends: Option<i64>,
}

/// The schema of the options.
pub(crate) fn schema() -> Vec<OptionSpec> {
    vec![
        OptionSpec::path("socket", "the DB worker's Unix socket").required(),
        OptionSpec::boolean("read_only", "the engine refuses writes on this connection")
            .default_value(false),
        OptionSpec::integer(
            "connect_timeout_ms",
            1,
            600_000,
            "longest wait for the worker's greeting, in milliseconds",
        )
        .default_value(CONNECT_TIMEOUT_MS),
        OptionSpec::path(
            "owner_file",
            "the file in which the database's worker says where it listens",
        ),
        OptionSpec::integer(
            "reconnect_for_ms",
            0,
            600_000,
            "longest wait for a worker that went away, in milliseconds",
        )
        .default_value(RECONNECT_FOR_MS),
        OptionSpec::integer(
            "most_ends",
            1,
            1_000,
            "after so many ends of the worker during one request it is not asked again; without it, as long as time \
             is left",
        ),
    ]
}

/// Reads options that fit [`schema`].
pub(crate) fn read(options: &Options) -> Result<ProxyOptions> {
    let socket = options
        .path("socket")
        .ok_or_else(|| DriverError::new(ErrorClass::Options, "the option `socket` is missing"))?;
    let milliseconds = |key, default| {
        let given = options.integer(key).unwrap_or(default);
        Duration::from_millis(given.unsigned_abs())
    };
    Ok(ProxyOptions {
        socket,
        read_only: options.is_set("read_only"),
        connect_timeout: milliseconds("connect_timeout_ms", CONNECT_TIMEOUT_MS),
        owner_file: options.path("owner_file"),
        reconnect_for: milliseconds("reconnect_for_ms", RECONNECT_FOR_MS),
        most_ends: options.integer("most_ends"),
    })
}
