//! The options of a connection: their schema for the host, their typed values for the driver.

use std::time::Duration;

use driver_api::{DriverError, OptionSpec, Options, Result, Secret, TlsMode};

use crate::endpoint::{Address, Endpoint};
use crate::tls::TlsOptions;

pub(crate) const HOST: &str = "host";
pub(crate) const PORT: &str = "port";
pub(crate) const DATABASE: &str = "database";
pub(crate) const USER: &str = "user";
pub(crate) const PASSWORD: &str = "password";
pub(crate) const SOCKET: &str = "socket";
pub(crate) const URL: &str = "url";
const TLS: &str = "tls";
const CA_FILE: &str = "ca_file";
const APPLICATION_NAME: &str = "application_name";
const CONNECT_TIMEOUT_MS: &str = "connect_timeout_ms";
const STATEMENT_TIMEOUT_MS: &str = "statement_timeout_ms";
const LOCK_TIMEOUT_MS: &str = "lock_timeout_ms";
const NETWORK_TIMEOUT_MS: &str = "network_timeout_ms";
const READ_ONLY: &str = "read_only";
const STATEMENT_CACHE: &str = "statement_cache";
const POOL_SIZE: &str = "pool_size";

/// Silence that is borne where no statement time-out says how long a statement may take.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

/// What the server may take beyond the statement time-out before its silence counts as a loss.
const GRACE: Duration = Duration::from_secs(5);

const DAY_MS: i64 = 86_400_000;

/// The options that the descriptor declares.
pub(crate) fn schema() -> Vec<OptionSpec> {
    let mut schema = address_schema();
    schema.extend(limits_schema());
    schema
}

fn address_schema() -> Vec<OptionSpec> {
    let mut schema = vec![
        OptionSpec::string(HOST, "the server's name or address; 127.0.0.1 when absent"),
        OptionSpec::integer(PORT, 1, 65_535, "the server's TCP port; 3306 when absent"),
        OptionSpec::string(DATABASE, "the database; required unless `url` names it"),
        OptionSpec::string(USER, "the user; required unless `url` names it"),
    ];
    schema.extend(Secret::specs(PASSWORD));
    schema.extend([
        OptionSpec::path(
            SOCKET,
            "the server's Unix socket, in place of `host` and `port`",
        ),
        OptionSpec::string(
            URL,
            "mysql://user:password@host:port/database, in place of these options one by one",
        )
        .secret(),
        OptionSpec::choice(
            TLS,
            &TlsMode::WORDS,
            "encryption: disable; require, without a look at the certificate; verify-ca, whoever \
             it was issued to; verify-full. When absent, verify-full, and disable for a server on \
             this machine",
        ),
        OptionSpec::path(
            CA_FILE,
            "PEM file of certificate authorities to trust beside the public ones",
        ),
    ]);
    schema
}

fn limits_schema() -> Vec<OptionSpec> {
    vec![
        OptionSpec::string(APPLICATION_NAME, "the name that the server's process list shows")
            .default_value("code-analysis-host"),
        OptionSpec::integer(
            CONNECT_TIMEOUT_MS,
            1,
            600_000,
            "milliseconds for the connection, and for each answer of the server until it is made",
        )
        .default_value(10_000),
        OptionSpec::integer(
            STATEMENT_TIMEOUT_MS,
            0,
            DAY_MS,
            "milliseconds after which the server stops a statement (MySQL: only a SELECT); 0: never",
        )
        .default_value(0),
        OptionSpec::integer(
            LOCK_TIMEOUT_MS,
            1,
            DAY_MS,
            "milliseconds to wait for a row lock before the error `busy`; the server counts whole \
             seconds, rounded up",
        )
        .default_value(10_000),
        OptionSpec::integer(
            NETWORK_TIMEOUT_MS,
            1,
            DAY_MS,
            "milliseconds of silence during a call after which the connection counts as lost; when \
             absent, 5000 more than the longer of `statement_timeout_ms` and `lock_timeout_ms`, and at \
             least 600000 without the first, or on MySQL",
        ),
        OptionSpec::boolean(READ_ONLY, "the server refuses every write on the connection")
            .default_value(false),
        OptionSpec::integer(
            STATEMENT_CACHE,
            0,
            10_000,
            "prepared statements kept for each connection",
        )
        .default_value(128),
        OptionSpec::integer(POOL_SIZE, 1, 1_000, "connections that the host opens at most")
            .default_value(8),
    ]
}

/// The options of one connection.
#[derive(Clone, Debug)]
pub(crate) struct MysqlOptions {
    /// Where the server is and who asks.
    pub(crate) endpoint: Endpoint,
    /// What the server's process list shows.
    pub(crate) application_name: String,
    /// For the TCP connection and each answer until the session is set up.
    pub(crate) connect_timeout: Duration,
    /// After which the server stops a statement.
    pub(crate) statement_timeout: Option<Duration>,
    /// How long a statement waits for a row lock, in the server's whole seconds.
    pub(crate) lock_timeout_seconds: u64,
    /// How long the server may be silent during a call, where the options say.
    pub(crate) network_timeout: Option<Duration>,
    /// Whether the server refuses writes.
    pub(crate) read_only: bool,
    /// Number of prepared statements that are kept.
    pub(crate) statement_cache: usize,
}

impl MysqlOptions {
    /// Reads options that were checked against [`schema`].
    pub(crate) fn read(options: &Options) -> Result<Self> {
        let statement_timeout = match options.milliseconds(STATEMENT_TIMEOUT_MS)? {
            Duration::ZERO => None,
            limit => Some(limit),
        };
        let network_timeout = match options.integer(NETWORK_TIMEOUT_MS) {
            Some(_) => Some(options.milliseconds(NETWORK_TIMEOUT_MS)?),
            None => None,
        };
        Ok(Self {
            endpoint: endpoint(options)?,
            application_name: options.text(APPLICATION_NAME)?.to_owned(),
            connect_timeout: options.milliseconds(CONNECT_TIMEOUT_MS)?,
            statement_timeout,
            lock_timeout_seconds: options.number::<u64>(LOCK_TIMEOUT_MS)?.div_ceil(1_000),
            network_timeout,
            read_only: options.is_set(READ_ONLY),
            statement_cache: options.number(STATEMENT_CACHE)?,
        })
    }

    /// How long the server may be silent during a call. Unless the options say: longer than it may wait for a lock,
    /// and than a statement may take where the server limits every kind (`limits_all`), not only a `SELECT`.
    pub(crate) fn longest_silence(&self, limits_all: bool) -> Duration {
        let lock = Duration::from_secs(self.lock_timeout_seconds);
        let statement = match self.statement_timeout {
            Some(limit) if limits_all => limit + GRACE,
            Some(limit) => LONGEST_SILENCE.max(limit + GRACE),
            None => LONGEST_SILENCE,
        };
        self.network_timeout
            .unwrap_or_else(|| statement.max(lock + GRACE))
    }
}

fn endpoint(options: &Options) -> Result<Endpoint> {
    let mut endpoint = match options.string(URL) {
        Some(url) => {
            refuse_beside_url(options)?;
            with_password(Endpoint::from_url(url)?, options)?
        }
        None => Endpoint {
            address: address(options)?,
            user: options.text(USER)?.to_owned(),
            password: Secret::read(options, PASSWORD)?,
            database: options.text(DATABASE)?.to_owned(),
            tls: TlsOptions::default(),
        },
    };
    refuse_tls_on_a_socket(options, &endpoint.address)?;
    endpoint.tls = TlsOptions {
        mode: TlsMode::of_word(options.string(TLS), endpoint.address.is_local()),
        ca_file: options.path(CA_FILE),
    };
    Ok(endpoint)
}

/// Adds the password that stands beside a URL, which may hold one itself.
fn with_password(mut endpoint: Endpoint, options: &Options) -> Result<Endpoint> {
    if let Some(password) = Secret::read(options, PASSWORD)? {
        if endpoint.password.is_some() {
            return Err(DriverError::options(format!(
                "the option `{URL}` holds a password, and another option names one: give one of them"
            )));
        }
        endpoint.password = Some(password);
    }
    Ok(endpoint)
}

/// Encryption that was asked for and is not spoken must not go unnoticed.
fn refuse_tls_on_a_socket(options: &Options, address: &Address) -> Result<()> {
    let asked = TlsMode::of_word(options.string(TLS), true) != TlsMode::Disable;
    match address {
        Address::Socket(_) if asked => Err(DriverError::options(format!(
            "the option `{TLS}` asks for encryption, which is not spoken through `{SOCKET}`: \
             leave it out, or give `{HOST}`"
        ))),
        _ => Ok(()),
    }
}

fn refuse_beside_url(options: &Options) -> Result<()> {
    let parts = [HOST, PORT, DATABASE, USER, PASSWORD, SOCKET];
    let given = |key: &&str| options.string(key).is_some() || options.integer(key).is_some();
    match parts.iter().find(|key| given(key)) {
        Some(key) => Err(DriverError::exclusive_options(URL, key)),
        None => Ok(()),
    }
}

fn address(options: &Options) -> Result<Address> {
    let Some(socket) = options.path(SOCKET) else {
        return Ok(Address::Tcp {
            host: options.string(HOST).unwrap_or("127.0.0.1").to_owned(),
            port: match options.integer(PORT) {
                Some(_) => options.number(PORT)?,
                None => 3_306,
            },
        });
    };
    if options.string(HOST).is_some() || options.integer(PORT).is_some() {
        return Err(DriverError::options(format!(
            "the option `{SOCKET}` excludes `{HOST}` and `{PORT}`: give one or the others"
        )));
    }
    Ok(Address::Socket(socket))
}

#[cfg(test)]
mod tests;
