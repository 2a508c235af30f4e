//! The options of a connection: their schema for the host, their typed values for the driver.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use driver_api::{DriverError, OptionSpec, Options, Result, Secret, TlsMode};
use tokio_postgres::config::Host;

const HOST: &str = "host";
const PORT: &str = "port";
const SOCKET: &str = "socket";
const DATABASE: &str = "database";
const USER: &str = "user";
const PASSWORD: &str = "password";
const URL: &str = "url";
const TLS: &str = "tls";
const CA_FILE: &str = "ca_file";
const APPLICATION_NAME: &str = "application_name";
const CONNECT_TIMEOUT_MS: &str = "connect_timeout_ms";
const STATEMENT_TIMEOUT_MS: &str = "statement_timeout_ms";
const LOCK_TIMEOUT_MS: &str = "lock_timeout_ms";
const IDLE_TRANSACTION_TIMEOUT_MS: &str = "idle_transaction_timeout_ms";
const PARTITION_TIMEOUT_MS: &str = "partition_timeout_ms";
const READ_ONLY: &str = "read_only";
const STATEMENT_CACHE: &str = "statement_cache";
const POOL_SIZE: &str = "pool_size";

const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 5432;
/// A day: the largest time limit.
const LONGEST_MS: i64 = 86_400_000;

/// The options that the descriptor declares.
pub(crate) fn schema() -> Vec<OptionSpec> {
    let mut schema = address_options();
    schema.extend(limit_options());
    schema
}

fn address_options() -> Vec<OptionSpec> {
    let mut schema = vec![
        OptionSpec::string(HOST, "the server's name or address; localhost when absent"),
        OptionSpec::integer(PORT, 1, 65_535, "the server's port; 5432 when absent"),
        OptionSpec::path(
            SOCKET,
            "the server's Unix socket, or the directory that holds it, in place of `host`",
        ),
        OptionSpec::string(DATABASE, "the database; needed unless `url` names it"),
        OptionSpec::string(USER, "the user; needed unless `url` names it"),
    ];
    schema.extend(Secret::specs(PASSWORD));
    schema.extend([
        OptionSpec::string(
            URL,
            "postgres://user:password@host:port/database, in place of the options above",
        )
        .secret(),
        OptionSpec::choice(
            TLS,
            &TlsMode::WORDS,
            "disable; require: encrypted, the server unchecked; verify-ca: its certificate checked; \
             verify-full: its name too. When absent, disable for this machine and a Unix socket, \
             verify-full for any other host",
        ),
        OptionSpec::path(
            CA_FILE,
            "certificates (PEM) of the authorities to trust, in place of the system's",
        ),
        OptionSpec::string(
            APPLICATION_NAME,
            "the name in the server's list of sessions",
        )
        .default_value("code-analysis-host"),
    ]);
    schema
}

fn limit_options() -> Vec<OptionSpec> {
    vec![
        OptionSpec::integer(
            CONNECT_TIMEOUT_MS,
            1,
            LONGEST_MS,
            "milliseconds until a connection must be usable",
        )
        .default_value(10_000),
        OptionSpec::integer(
            STATEMENT_TIMEOUT_MS,
            0,
            LONGEST_MS,
            "milliseconds that a statement may run; 0: no limit",
        )
        .default_value(0),
        OptionSpec::integer(
            LOCK_TIMEOUT_MS,
            0,
            LONGEST_MS,
            "milliseconds to wait for a lock before the error `busy`; 0: no limit",
        )
        .default_value(30_000),
        OptionSpec::integer(
            IDLE_TRANSACTION_TIMEOUT_MS,
            0,
            LONGEST_MS,
            "milliseconds that a transaction may idle before the server ends it; 0: no limit",
        )
        .default_value(600_000),
        OptionSpec::integer(
            PARTITION_TIMEOUT_MS,
            100,
            LONGEST_MS,
            "milliseconds of silence in a call after which the server is asked whether it is still \
             there",
        )
        .default_value(30_000),
        OptionSpec::boolean(
            READ_ONLY,
            "the engine refuses every write on the connection; a standby will do",
        )
        .default_value(false),
        OptionSpec::integer(
            STATEMENT_CACHE,
            0,
            10_000,
            "prepared statements kept for each connection",
        )
        .default_value(128),
        OptionSpec::integer(POOL_SIZE, 1, 1_000, "most connections that the host opens")
            .default_value(8),
    ]
}

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A host's name or address, and a port.
    Tcp { host: String, port: u16 },
    /// The socket's file.
    Unix(PathBuf),
}

impl Address {
    /// Whether nothing leaves this machine on the way there.
    fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host == "localhost"
                    || std::net::IpAddr::from_str(host).is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The options of one connection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PostgresOptions {
    pub(crate) address: Address,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
    pub(crate) tls: TlsMode,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) application_name: String,
    /// Until a connection must be usable.
    pub(crate) connect_timeout: Duration,
    /// How long a statement may run; zero: for ever.
    pub(crate) statement_timeout: Duration,
    /// How long a statement waits for a lock; zero: for ever.
    pub(crate) lock_timeout: Duration,
    /// How long a transaction may idle; zero: for ever.
    pub(crate) idle_transaction_timeout: Duration,
    /// Silence in a call after which the server must prove that it is there.
    pub(crate) partition_timeout: Duration,
    /// Whether the engine refuses writes.
    pub(crate) read_only: bool,
    /// Number of prepared statements that are kept.
    pub(crate) statement_cache: usize,
}

impl PostgresOptions {
    /// Reads options that were checked against [`schema`].
    pub(crate) fn read(options: &Options) -> Result<Self> {
        let target = match options.string(URL) {
            Some(url) => Target::from_url(url, options)?,
            None => Target::from_options(options)?,
        };
        let tls = TlsMode::of_word(options.string(TLS), target.address.is_local());
        Ok(Self {
            address: target.address,
            database: target.database,
            user: target.user,
            password: target.password,
            tls,
            ca_file: options.path(CA_FILE),
            application_name: options.text(APPLICATION_NAME)?.to_owned(),
            connect_timeout: options.milliseconds(CONNECT_TIMEOUT_MS)?,
            statement_timeout: options.milliseconds(STATEMENT_TIMEOUT_MS)?,
            lock_timeout: options.milliseconds(LOCK_TIMEOUT_MS)?,
            idle_transaction_timeout: options.milliseconds(IDLE_TRANSACTION_TIMEOUT_MS)?,
            partition_timeout: options.milliseconds(PARTITION_TIMEOUT_MS)?,
            read_only: options.is_set(READ_ONLY),
            statement_cache: options.number(STATEMENT_CACHE)?,
        })
    }
}

/// Which database, and who asks.
struct Target {
    address: Address,
    database: String,
    user: String,
    password: Option<Secret>,
}

impl Target {
    fn from_options(options: &Options) -> Result<Self> {
        let port = match options.integer(PORT) {
            Some(_) => options.number(PORT)?,
            None => DEFAULT_PORT,
        };
        let address = match (options.string(HOST), options.path(SOCKET)) {
            (Some(_), Some(_)) => return Err(DriverError::exclusive_options(HOST, SOCKET)),
            (None, Some(path)) => Address::Unix(socket_file(path, port)),
            (host, None) => Address::Tcp {
                host: host.unwrap_or(DEFAULT_HOST).to_owned(),
                port,
            },
        };
        Ok(Self {
            address,
            database: options.text(DATABASE)?.to_owned(),
            user: options.text(USER)?.to_owned(),
            password: Secret::read(options, PASSWORD)?,
        })
    }

    fn from_url(url: &str, options: &Options) -> Result<Self> {
        let taken = [HOST, SOCKET, DATABASE, USER, PASSWORD];
        let also = taken.into_iter().find(|key| options.string(key).is_some());
        if let Some(key) = also.or(options.integer(PORT).map(|_| PORT)) {
            return Err(DriverError::exclusive_options(URL, key));
        }
        let (scheme, _) = url.split_once("://").ok_or_else(bad_url)?;
        if !matches!(scheme, "postgres" | "postgresql") {
            return Err(bad_url());
        }
        if url.contains('?') {
            return Err(
                DriverError::options("the option `url` takes no parameters after `?`").with_detail(
                    "give them as options: `tls` for `sslmode`, `ca_file` for `sslrootcert`",
                ),
            );
        }
        // The crate's own message may quote what is secret.
        let parsed = tokio_postgres::Config::from_str(url).map_err(|_| bad_url())?;
        let host = match parsed.get_hosts() {
            [Host::Tcp(host)] => host.clone(),
            _ => return Err(bad_url()),
        };
        let in_url = parsed.get_password().map(String::from_utf8_lossy);
        let password = match (in_url, Secret::read(options, PASSWORD)?) {
            (Some(_), Some(_)) => {
                return Err(DriverError::options(
                    "the option `url` holds a password, and another option names one: give one of them",
                ));
            }
            (Some(text), None) => Some(Secret::new(text)),
            (None, other) => other,
        };
        Ok(Self {
            address: Address::Tcp {
                host,
                port: parsed.get_ports().first().copied().unwrap_or(DEFAULT_PORT),
            },
            database: parsed.get_dbname().ok_or_else(bad_url)?.to_owned(),
            user: parsed.get_user().ok_or_else(bad_url)?.to_owned(),
            password,
        })
    }
}

fn socket_file(path: PathBuf, port: u16) -> PathBuf {
    if path.is_dir() {
        return path.join(format!(".s.PGSQL.{port}"));
    }
    path
}

fn bad_url() -> DriverError {
    DriverError::options(
        "the option `url` is not of the form postgres://user:password@host:port/database",
    )
}

#[cfg(test)]
mod tests;
