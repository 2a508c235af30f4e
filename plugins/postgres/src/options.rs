//! The options of a connection: their schema for the host, their typed values for the driver.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use driver_api::{DriverError, OptionSpec, Options, Result};
use tokio_postgres::config::Host;

use crate::error;
use crate::password::{Password, Source};

const HOST: &str = "host";
const PORT: &str = "port";
const SOCKET: &str = "socket";
const DATABASE: &str = "database";
const USER: &str = "user";
const PASSWORD: &str = "password";
const PASSWORD_ENV: &str = "password_env";
const PASSWORD_FILE: &str = "password_file";
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
    vec![
        OptionSpec::string(HOST, "the server's name or address; localhost when absent"),
        OptionSpec::integer(PORT, 1, 65_535, "the server's port; 5432 when absent"),
        OptionSpec::path(
            SOCKET,
            "the server's Unix socket, or the directory that holds it, in place of `host`",
        ),
        OptionSpec::string(DATABASE, "the database; needed unless `url` names it"),
        OptionSpec::string(USER, "the user; needed unless `url` names it"),
        OptionSpec::string(PASSWORD, "the password").secret(),
        OptionSpec::string(
            PASSWORD_ENV,
            "the environment variable that holds the password",
        ),
        OptionSpec::path(
            PASSWORD_FILE,
            "the file whose first line is the password; readable by its owner only",
        ),
        OptionSpec::string(
            URL,
            "postgres://user:password@host:port/database, in place of the options above",
        )
        .secret(),
        OptionSpec::choice(
            TLS,
            &["disable", "require", "verify-ca", "verify-full"],
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
    ]
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

/// How a connection is encrypted, and what of the server is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsMode {
    Disable,
    Require,
    VerifyCa,
    VerifyFull,
}

impl TlsMode {
    fn read(word: Option<&str>, address: &Address) -> Self {
        match word {
            Some("disable") => Self::Disable,
            Some("require") => Self::Require,
            Some("verify-ca") => Self::VerifyCa,
            None if address.is_local() => Self::Disable,
            _ => Self::VerifyFull,
        }
    }
}

/// The options of one connection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PostgresOptions {
    pub(crate) address: Address,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password: Option<Password>,
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
        let tls = TlsMode::read(options.string(TLS), &target.address);
        Ok(Self {
            address: target.address,
            database: target.database,
            user: target.user,
            password: target.password,
            tls,
            ca_file: options.path(CA_FILE),
            application_name: text(options, APPLICATION_NAME)?,
            connect_timeout: duration(options, CONNECT_TIMEOUT_MS)?,
            statement_timeout: duration(options, STATEMENT_TIMEOUT_MS)?,
            lock_timeout: duration(options, LOCK_TIMEOUT_MS)?,
            idle_transaction_timeout: duration(options, IDLE_TRANSACTION_TIMEOUT_MS)?,
            partition_timeout: duration(options, PARTITION_TIMEOUT_MS)?,
            read_only: options.is_set(READ_ONLY),
            statement_cache: number(options, STATEMENT_CACHE)?,
        })
    }
}

/// Which database, and who asks.
struct Target {
    address: Address,
    database: String,
    user: String,
    password: Option<Password>,
}

impl Target {
    fn from_options(options: &Options) -> Result<Self> {
        let port = match options.integer(PORT) {
            Some(_) => number(options, PORT)?,
            None => DEFAULT_PORT,
        };
        let address = match (options.string(HOST), options.path(SOCKET)) {
            (Some(_), Some(_)) => return Err(conflict(HOST, SOCKET)),
            (None, Some(path)) => Address::Unix(socket_file(path, port)),
            (host, None) => Address::Tcp {
                host: host.unwrap_or(DEFAULT_HOST).to_owned(),
                port,
            },
        };
        Ok(Self {
            address,
            database: text(options, DATABASE)?,
            user: text(options, USER)?,
            password: Password::read(&sources(options))?,
        })
    }

    fn from_url(url: &str, options: &Options) -> Result<Self> {
        let taken = [HOST, SOCKET, DATABASE, USER, PASSWORD];
        let also = taken.into_iter().find(|key| options.string(key).is_some());
        if let Some(key) = also.or(options.integer(PORT).map(|_| PORT)) {
            return Err(conflict(URL, key));
        }
        let (scheme, _) = url.split_once("://").ok_or_else(bad_url)?;
        if !matches!(scheme, "postgres" | "postgresql") {
            return Err(bad_url());
        }
        if url.contains('?') {
            return Err(
                error::options("the option `url` takes no parameters after `?`").with_detail(
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
        let mut sources = sources(options);
        if let Some(password) = &in_url {
            sources.push((URL, Source::Text(password)));
        }
        Ok(Self {
            address: Address::Tcp {
                host,
                port: parsed.get_ports().first().copied().unwrap_or(DEFAULT_PORT),
            },
            database: parsed.get_dbname().ok_or_else(bad_url)?.to_owned(),
            user: parsed.get_user().ok_or_else(bad_url)?.to_owned(),
            password: Password::read(&sources)?,
        })
    }
}

/// The options that give a password.
fn sources(options: &Options) -> Vec<(&'static str, Source<'_>)> {
    let mut sources = Vec::new();
    if let Some(text) = options.string(PASSWORD) {
        sources.push((PASSWORD, Source::Text(text)));
    }
    if let Some(name) = options.string(PASSWORD_ENV) {
        sources.push((PASSWORD_ENV, Source::Variable(name)));
    }
    if let Some(path) = options.string(PASSWORD_FILE) {
        sources.push((PASSWORD_FILE, Source::File(path.as_ref())));
    }
    sources
}

fn socket_file(path: PathBuf, port: u16) -> PathBuf {
    if path.is_dir() {
        return path.join(format!(".s.PGSQL.{port}"));
    }
    path
}

/// The error of two options of which only one may be given.
pub(crate) fn conflict(one: &str, other: &str) -> DriverError {
    error::options(format!(
        "the options `{one}` and `{other}` exclude each other"
    ))
}

fn bad_url() -> DriverError {
    error::options(
        "the option `url` is not of the form postgres://user:password@host:port/database",
    )
}

fn text(options: &Options, key: &str) -> Result<String> {
    let text = options.string(key).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| missing(key))?;
    if text.contains('\0') {
        return Err(error::options(format!(
            "the option `{key}` contains the character NUL"
        )));
    }
    Ok(text.to_owned())
}

fn duration(options: &Options, key: &str) -> Result<Duration> {
    number(options, key).map(Duration::from_millis)
}

fn number<T: TryFrom<i64>>(options: &Options, key: &str) -> Result<T> {
    options
        .integer(key)
        .and_then(|value| T::try_from(value).ok())
        .ok_or_else(|| missing(key))
}

fn missing(key: &str) -> DriverError {
    error::options(format!("the option `{key}` is missing"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value as Json, json};

    use super::*;

    fn read(values: Json) -> Result<PostgresOptions> {
        let values = values.as_object().unwrap();
        let options = Options::check(&schema(), values, Path::new("/data")).unwrap();
        PostgresOptions::read(&options)
    }

    fn message(values: Json) -> String {
        let error = read(values).unwrap_err();
        assert_eq!(error.class(), driver_api::ErrorClass::Options);
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        error.to_string()
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let options = read(json!({"database": "d", "user": "u"})).unwrap();
        let expected = PostgresOptions {
            address: Address::Tcp {
                host: "localhost".into(),
                port: 5432,
            },
            database: "d".into(),
            user: "u".into(),
            password: None,
            tls: TlsMode::Disable,
            ca_file: None,
            application_name: "code-analysis-host".into(),
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::ZERO,
            lock_timeout: Duration::from_secs(30),
            idle_transaction_timeout: Duration::from_secs(600),
            partition_timeout: Duration::from_secs(30),
            read_only: false,
            statement_cache: 128,
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn only_a_server_of_this_machine_is_trusted_without_tls() {
        for (host, tls) in [
            ("localhost", TlsMode::Disable),
            ("127.0.0.9", TlsMode::Disable),
            ("::1", TlsMode::Disable),
            ("db.example.org", TlsMode::VerifyFull),
            ("192.0.2.1", TlsMode::VerifyFull),
            ("localhost.example.org", TlsMode::VerifyFull),
        ] {
            let options = read(json!({"host": host, "database": "d", "user": "u"})).unwrap();
            assert_eq!(options.tls, tls, "{host}");
        }
        let options = read(json!({"socket": "run/pg", "database": "d", "user": "u"})).unwrap();
        assert_eq!(options.address, Address::Unix("/data/run/pg".into()));
        assert_eq!(options.tls, TlsMode::Disable);
    }

    #[test]
    fn a_url_says_the_same_as_the_options() {
        let url = "postgresql://us%40er:can%3Aary@db.example.org:6000/data%20base";
        let by_url = read(json!({"url": url})).unwrap();
        let by_options = read(json!({
            "host": "db.example.org", "port": 6000, "database": "data base",
            "user": "us@er", "password": "can:ary",
        }));
        assert_eq!(by_url, by_options.unwrap());
    }

    #[test]
    fn what_contradicts_itself_or_is_missing_is_named() {
        let url = "postgres://u:canary@h/d";
        for (values, expected) in [
            (json!({"user": "u"}), "the option `database` is missing"),
            (
                json!({"database": "d", "user": ""}),
                "the option `user` is missing",
            ),
            (
                json!({"url": url, "host": "h"}),
                "the options `url` and `host` exclude each other",
            ),
            (
                json!({"url": url, "port": 1}),
                "the options `url` and `port` exclude each other",
            ),
            (
                json!({"url": url, "password_env": "X"}),
                "the options `password_env` and `url` exclude each other",
            ),
            (
                json!({"host": "h", "socket": "s", "database": "d", "user": "u"}),
                "the options `host` and `socket` exclude each other",
            ),
            (
                json!({"url": "mysql://u:canary@h/d"}),
                "the option `url` is not of the form postgres://user:password@host:port/database",
            ),
            (
                json!({"url": "postgres://u:canary@h:port/d"}),
                "the option `url` is not of the form postgres://user:password@host:port/database",
            ),
            (
                json!({"database": "d", "user": "u", "password_env": "NO_SUCH_VARIABLE"}),
                "the environment variable `NO_SUCH_VARIABLE` that the option `password_env` names is not set",
            ),
        ] {
            assert_eq!(message(values), expected);
        }
        let text = message(json!({"url": "postgres://u:canary@h/d?sslmode=require"}));
        assert!(text.contains("`tls` for `sslmode`"), "{text}");
    }

    #[test]
    fn no_secret_is_shown() {
        let values = json!({"url": "postgres://u:canary@h/d"});
        assert!(!format!("{:?}", read(values).unwrap()).contains("canary"));
    }
}
