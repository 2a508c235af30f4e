//! Where the server is and who asks: from options or a URL to what the client library takes.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use driver_api::{DriverError, Result, Secret, TlsMode};
use mysql::consts::CapabilityFlags;
use mysql::{LocalInfileHandler, OptsBuilder};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::options::{MysqlOptions, URL};
use crate::tls::TlsOptions;

/// Seconds of silence after which the kernel asks whether the other side is still there.
const KEEPALIVE_SECONDS: u32 = 30;
/// Seconds between two such questions.
const PROBE_SECONDS: u32 = 5;
/// Questions without an answer after which a connection is lost.
const PROBES: u32 = 3;
/// Milliseconds for which sent data may stay without the other kernel's acknowledgement.
const UNACKNOWLEDGED_MS: u32 = 20_000;

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Over TCP.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Through a Unix socket.
    Socket(PathBuf),
}

impl Address {
    /// Whether the server is on this machine, so that nobody reads along.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Tcp { host, .. } => {
                host.eq_ignore_ascii_case("localhost")
                    || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A database on a server, and who asks.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
    pub(crate) database: String,
    pub(crate) tls: TlsOptions,
}

impl Endpoint {
    /// Whether TLS is spoken; through a Unix socket it never is.
    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.address, Address::Tcp { .. }) && self.tls.mode != TlsMode::Disable
    }

    /// Puts the address of a connection in the place of the name that led to it, unless the certificate must be for
    /// that name.
    pub(crate) fn pin(&mut self, peer: Option<IpAddr>) {
        if let (Address::Tcp { host, .. }, Some(peer)) = (&mut self.address, peer)
            && self.tls.mode != TlsMode::VerifyFull
        {
            *host = peer.to_string();
        }
    }

    /// Reads `mysql://user:password@host:port/database`.
    ///
    /// # Errors
    /// `Options`; the URL itself is not in the message, because it holds the password.
    pub(crate) fn from_url(text: &str) -> Result<Self> {
        let url = Url::parse(text).map_err(|error| {
            DriverError::options(format!("the option `{URL}` is not a URL: {error}"))
        })?;
        if !matches!(url.scheme(), "mysql" | "mariadb") {
            return Err(DriverError::options(format!(
                "the option `{URL}` begins with neither mysql:// nor mariadb://"
            )));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(DriverError::options(format!(
                "the option `{URL}` takes no parameters after `?` or `#`: give them as options"
            )));
        }
        let host = url.host_str().unwrap_or("127.0.0.1");
        Ok(Self {
            address: Address::Tcp {
                host: decoded(host.trim_start_matches('[').trim_end_matches(']'))?,
                port: url.port().unwrap_or(3_306),
            },
            user: named(url.username(), "user")?,
            password: url.password().map(decoded).transpose()?.map(Secret::new),
            database: named(url.path().trim_start_matches('/'), "database")?,
            tls: TlsOptions::default(),
        })
    }
}

fn named(text: &str, what: &str) -> Result<String> {
    if text.is_empty() {
        return Err(DriverError::options(format!(
            "the option `{URL}` names no {what}"
        )));
    }
    decoded(text)
}

fn decoded(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| {
        DriverError::options(format!("the option `{URL}` holds text that is not UTF-8"))
    })
}

/// What the client library takes; without the database where `database` is false.
pub(crate) fn client_options(options: &MysqlOptions, database: bool) -> Result<OptsBuilder> {
    let endpoint = &options.endpoint;
    let attributes = HashMap::from([("program_name", options.application_name.as_str())]);
    let builder = OptsBuilder::new()
        .user(Some(&endpoint.user))
        .pass(endpoint.password.as_ref().map(Secret::reveal))
        .db_name(database.then_some(&endpoint.database))
        // Rows that a change finds are counted, as other databases do, not only those that it alters.
        .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS)
        .connect_attrs(Some(attributes))
        .prefer_socket(false)
        // The driver keeps the statements itself, beside what it knows of them.
        .stmt_cache_size(0)
        .local_infile_handler(Some(no_local_files()))
        .tcp_connect_timeout(Some(options.connect_timeout))
        .read_timeout(Some(options.connect_timeout))
        .write_timeout(Some(options.connect_timeout))
        .tcp_keepalive_time_ms(Some(KEEPALIVE_SECONDS * 1_000))
        .tcp_keepalive_probe_interval_secs(Some(PROBE_SECONDS))
        .tcp_keepalive_probe_count(Some(PROBES))
        .tcp_user_timeout_ms(Some(UNACKNOWLEDGED_MS));
    Ok(match &endpoint.address {
        Address::Tcp { host, port } => builder
            .ip_or_hostname(Some(host))
            .tcp_port(*port)
            .ssl_opts(endpoint.tls.client_options()?),
        Address::Socket(path) => builder.socket(Some(path.to_string_lossy())),
    })
}

/// The library says to every server that it could send local files. One that asks for a file gets none, and the
/// connection ends.
fn no_local_files() -> LocalInfileHandler {
    LocalInfileHandler::new(|_, _| {
        Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            "the server asked for a file of this machine",
        ))
    })
}
