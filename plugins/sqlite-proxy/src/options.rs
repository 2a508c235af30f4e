//! The options of a proxy connection, which the host fills in: users configure the database itself.

use std::path::PathBuf;
use std::time::Duration;

use driver_api::{DriverError, ErrorClass, OptionSpec, Options, Result};

/// Longest wait for a place in the worker's listening queue, and for its greeting.
const CONNECT_TIMEOUT_MS: i64 = 5_000;

/// What a connection needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyOptions {
    /// The worker's socket.
    pub(crate) socket: PathBuf,
    /// Whether the engine shall refuse writes.
    pub(crate) read_only: bool,
    /// Longest wait for the worker's greeting.
    pub(crate) connect_timeout: Duration,
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
    ]
}

/// Reads options that fit [`schema`].
pub(crate) fn read(options: &Options) -> Result<ProxyOptions> {
    let socket = options
        .path("socket")
        .ok_or_else(|| DriverError::new(ErrorClass::Options, "the option `socket` is missing"))?;
    let timeout = options
        .integer("connect_timeout_ms")
        .unwrap_or(CONNECT_TIMEOUT_MS);
    Ok(ProxyOptions {
        socket,
        read_only: options.is_set("read_only"),
        connect_timeout: Duration::from_millis(timeout.unsigned_abs()),
    })
}
