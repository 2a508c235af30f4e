//! The options of a connection: their schema for the host, their typed values for the driver.

use std::time::Duration;

use driver_api::{DriverError, ErrorClass, OptionSpec, Options, Result};

use crate::endpoint::{Address, Endpoint};
use crate::secret::Secret;
use crate::tls::{TlsMode, TlsOptions};

pub(crate) const HOST: &str = "host";
pub(crate) const PORT: &str = "port";
pub(crate) const DATABASE: &str = "database";
pub(crate) const USER: &str = "user";
pub(crate) const PASSWORD: &str = "password";
pub(crate) const PASSWORD_ENV: &str = "password_env";
pub(crate) const PASSWORD_FILE: &str = "password_file";
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
    vec![
        OptionSpec::string(HOST, "the server's name or address; 127.0.0.1 when absent"),
        OptionSpec::integer(PORT, 1, 65_535, "the server's TCP port; 3306 when absent"),
        OptionSpec::string(DATABASE, "the database; required unless `url` names it"),
        OptionSpec::string(USER, "the user; required unless `url` names it"),
        OptionSpec::string(PASSWORD, "the password").secret(),
        OptionSpec::string(
            PASSWORD_ENV,
            "the environment variable that holds the password",
        ),
        OptionSpec::path(
            PASSWORD_FILE,
            "the file that holds the password in its first line",
        ),
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
    ]
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
        let statement_timeout = match milliseconds(options, STATEMENT_TIMEOUT_MS)? {
            Duration::ZERO => None,
            limit => Some(limit),
        };
        let network_timeout = match options.integer(NETWORK_TIMEOUT_MS) {
            Some(_) => Some(milliseconds(options, NETWORK_TIMEOUT_MS)?),
            None => None,
        };
        Ok(Self {
            endpoint: endpoint(options)?,
            application_name: options
                .string(APPLICATION_NAME)
                .ok_or_else(|| missing(APPLICATION_NAME))?
                .to_owned(),
            connect_timeout: milliseconds(options, CONNECT_TIMEOUT_MS)?,
            statement_timeout,
            lock_timeout_seconds: number::<u64>(options, LOCK_TIMEOUT_MS)?.div_ceil(1_000),
            network_timeout,
            read_only: options.is_set(READ_ONLY),
            statement_cache: number(options, STATEMENT_CACHE)?,
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
            user: required(options, USER)?,
            password: password(options)?,
            database: required(options, DATABASE)?,
            tls: TlsOptions::default(),
        },
    };
    refuse_tls_on_a_socket(options, &endpoint.address)?;
    endpoint.tls = TlsOptions {
        mode: match options.string(TLS) {
            Some(word) => TlsMode::of_word(word).ok_or_else(|| missing(TLS))?,
            None if endpoint.address.is_local() => TlsMode::Disable,
            None => TlsMode::VerifyFull,
        },
        ca_file: options.path(CA_FILE),
    };
    Ok(endpoint)
}

/// Adds the password that stands beside a URL, which may hold one itself.
fn with_password(mut endpoint: Endpoint, options: &Options) -> Result<Endpoint> {
    if let Some(password) = password(options)? {
        if endpoint.password.is_some() {
            return Err(wrong(format!(
                "the option `{URL}` holds a password, and another option names one: give one of them"
            )));
        }
        endpoint.password = Some(password);
    }
    Ok(endpoint)
}

/// Encryption that was asked for and is not spoken must not go unnoticed.
fn refuse_tls_on_a_socket(options: &Options, address: &Address) -> Result<()> {
    let asked = options
        .string(TLS)
        .is_some_and(|word| TlsMode::of_word(word) != Some(TlsMode::Disable));
    match address {
        Address::Socket(_) if asked => Err(wrong(format!(
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
        Some(key) => Err(wrong(format!(
            "the options `{URL}` and `{key}` exclude each other: give one of them"
        ))),
        None => Ok(()),
    }
}

fn address(options: &Options) -> Result<Address> {
    let Some(socket) = options.path(SOCKET) else {
        return Ok(Address::Tcp {
            host: options.string(HOST).unwrap_or("127.0.0.1").to_owned(),
            port: match options.integer(PORT) {
                Some(_) => number(options, PORT)?,
                None => 3_306,
            },
        });
    };
    if options.string(HOST).is_some() || options.integer(PORT).is_some() {
        return Err(wrong(format!(
            "the option `{SOCKET}` excludes `{HOST}` and `{PORT}`: give one or the others"
        )));
    }
    Ok(Address::Socket(socket))
}

/// The password, from whichever of its three places is named.
fn password(options: &Options) -> Result<Option<Secret>> {
    let places = [PASSWORD, PASSWORD_ENV, PASSWORD_FILE];
    let given: Vec<_> = places
        .iter()
        .filter(|key| options.string(key).is_some())
        .collect();
    if let [first, second, ..] = given[..] {
        return Err(wrong(format!(
            "the options `{first}` and `{second}` exclude each other: give one of them"
        )));
    }
    if let Some(text) = options.string(PASSWORD) {
        return Ok(Some(Secret::new(text)));
    }
    if let Some(variable) = options.string(PASSWORD_ENV) {
        return Secret::from_environment(variable).map(Some);
    }
    options
        .path(PASSWORD_FILE)
        .map(|file| Secret::from_file(&file))
        .transpose()
}

fn required(options: &Options, key: &str) -> Result<String> {
    let value = options.string(key).filter(|value| !value.is_empty());
    value.map(str::to_owned).ok_or_else(|| missing(key))
}

fn milliseconds(options: &Options, key: &str) -> Result<Duration> {
    number(options, key).map(Duration::from_millis)
}

fn number<T: TryFrom<i64>>(options: &Options, key: &str) -> Result<T> {
    options
        .integer(key)
        .and_then(|value| T::try_from(value).ok())
        .ok_or_else(|| missing(key))
}

fn missing(key: &str) -> DriverError {
    wrong(format!("the option `{key}` is missing"))
}

/// The error of an option whose value cannot be used.
pub(crate) fn wrong(message: String) -> DriverError {
    DriverError::new(ErrorClass::Options, message)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use serde_json::json;

    use super::*;

    fn read(values: serde_json::Value) -> Result<MysqlOptions> {
        let values = values.as_object().unwrap();
        let options = Options::check(&schema(), values, Path::new("/data")).unwrap();
        MysqlOptions::read(&options)
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let options = read(json!({"database": "d", "user": "u"})).unwrap();
        assert_eq!(
            options.endpoint.address,
            Address::Tcp {
                host: "127.0.0.1".into(),
                port: 3306
            }
        );
        assert_eq!(options.endpoint.tls.mode, TlsMode::Disable);
        assert_eq!(options.application_name, "code-analysis-host");
        assert_eq!(options.connect_timeout, Duration::from_secs(10));
        assert_eq!(options.statement_timeout, None);
        assert_eq!(options.lock_timeout_seconds, 10);
        assert_eq!(options.longest_silence(true), Duration::from_secs(600));
        assert_eq!((options.read_only, options.statement_cache), (false, 128));
    }

    #[test]
    fn every_option_is_read() {
        let options = read(json!({
            "host": "db.example", "port": 3307, "database": "d", "user": "u", "password": "p",
            "tls": "verify-ca", "ca_file": "ca.pem", "application_name": "app",
            "connect_timeout_ms": 5, "statement_timeout_ms": 2000, "lock_timeout_ms": 1001,
            "read_only": true, "statement_cache": 0,
        }))
        .unwrap();
        assert_eq!(options.endpoint.tls.mode, TlsMode::VerifyCa);
        assert_eq!(
            options.endpoint.tls.ca_file,
            Some(PathBuf::from("/data/ca.pem"))
        );
        assert_eq!(
            options.endpoint.password.as_ref().map(Secret::reveal),
            Some("p")
        );
        assert_eq!(options.statement_timeout, Some(Duration::from_secs(2)));
        assert_eq!(options.longest_silence(true), Duration::from_secs(7));
        assert_eq!(options.lock_timeout_seconds, 2);
        assert_eq!((options.read_only, options.statement_cache), (true, 0));
    }

    #[test]
    fn silence_is_borne_longer_than_locks_and_statements_take() {
        for (statement, lock, network, all, seconds) in [
            (2_000, 10_000, None, true, 15),
            (30_000, 10_000, None, true, 35),
            (2_000, 10_000, None, false, 600),
            (700_000, 10_000, None, false, 705),
            (0, 900_000, None, true, 905),
            (2_000, 10_000, Some(1_000), true, 1),
        ] {
            let mut values = json!({
                "database": "d", "user": "u", "statement_timeout_ms": statement,
                "lock_timeout_ms": lock,
            });
            if let Some(network) = network {
                values["network_timeout_ms"] = json!(network);
            }
            let silence = read(values).unwrap().longest_silence(all);
            assert_eq!(silence, Duration::from_secs(seconds), "{statement} {lock}");
        }
    }

    #[test]
    fn a_server_elsewhere_is_verified_by_default() {
        for (host, mode) in [
            ("db.example", TlsMode::VerifyFull),
            ("10.0.0.1", TlsMode::VerifyFull),
            ("localhost", TlsMode::Disable),
            ("127.8.8.8", TlsMode::Disable),
            ("::1", TlsMode::Disable),
        ] {
            let options = read(json!({"host": host, "database": "d", "user": "u"})).unwrap();
            assert_eq!(options.endpoint.tls.mode, mode, "{host}");
        }
        let options = read(json!({"url": "mysql://u@db.example/d"})).unwrap();
        assert_eq!(options.endpoint.tls.mode, TlsMode::VerifyFull);
        let options = read(json!({"socket": "s", "database": "d", "user": "u"})).unwrap();
        assert_eq!(options.endpoint.tls.mode, TlsMode::Disable);
        assert_eq!(options.endpoint.address, Address::Socket("/data/s".into()));
    }

    #[test]
    fn what_contradicts_itself_or_is_missing_is_refused_without_the_secret() {
        for (values, message) in [
            (json!({"user": "u"}), "the option `database` is missing"),
            (json!({"database": "d"}), "the option `user` is missing"),
            (
                json!({"url": "mysql://u:canary@h/d", "port": 1}),
                "the options `url` and `port` exclude each other: give one of them",
            ),
            (
                json!({"database": "d", "user": "u", "socket": "s", "host": "h"}),
                "the option `socket` excludes `host` and `port`: give one or the others",
            ),
            (
                json!({"database": "d", "user": "u", "password": "canary", "password_env": "X"}),
                "the options `password` and `password_env` exclude each other: give one of them",
            ),
            (
                json!({"url": "mysql://u:canary@h/d", "password_env": "PATH"}),
                "the option `url` holds a password, and another option names one: give one of them",
            ),
            (
                json!({"database": "d", "user": "u", "socket": "s", "tls": "verify-full"}),
                "the option `tls` asks for encryption, which is not spoken through `socket`: \
                 leave it out, or give `host`",
            ),
            (
                json!({"url": "http://u:canary@h/d"}),
                "the option `url` begins with neither mysql:// nor mariadb://",
            ),
            (
                json!({"url": "mysql://u:canary@h/"}),
                "the option `url` names no database",
            ),
        ] {
            let error = read(values).unwrap_err();
            assert_eq!(
                (error.class(), error.message()),
                (ErrorClass::Options, message)
            );
        }
    }

    #[test]
    fn passwords_are_read_from_where_they_are_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        std::fs::write(&file, "canary\r\nmore\n").unwrap();
        let values = json!({"database": "d", "user": "u", "password_file": file});
        let mode = |mode| std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        let error = read(values.clone()).unwrap_err();
        assert!(error.message().contains("0600"), "{error}");
        mode(0o600);
        let options = read(values).unwrap();
        let url = read(json!({"url": "mysql://u@h/d", "password_file": file})).unwrap();
        assert_eq!(url.endpoint.password, options.endpoint.password);
        assert_eq!(
            options.endpoint.password.as_ref().map(Secret::reveal),
            Some("canary")
        );
        assert!(!format!("{options:?}").contains("canary"));
        let error = read(json!({"database": "d", "user": "u", "password_env": "NOT_SET_HERE"}));
        assert!(error.unwrap_err().message().contains("`NOT_SET_HERE`"));
        let url = read(json!({"url": "mariadb://u%40x:can%20ary@h:1/d%2Fe"})).unwrap();
        assert_eq!(
            url.endpoint.password.as_ref().map(Secret::reveal),
            Some("can ary")
        );
        assert_eq!(
            (url.endpoint.user.as_str(), url.endpoint.database.as_str()),
            ("u@x", "d/e")
        );
        assert!(!format!("{url:?}").contains("can ary"));
    }
}
