//! Opens connections, gives sessions the settings under which SQL means the same as on other databases.

use driver_api::{DriverError, ErrorClass, Outcome, Result};
use mysql::prelude::Queryable;
use mysql::{Conn, DriverError as ClientError, Opts};
use mysql_common::proto::codec::error::PacketCodecError;

use crate::catalog::quoted;
use crate::endpoint::client_options;
use crate::error::{DATABASE_EXISTS, UNKNOWN_DATABASE, from_client};
use crate::options::MysqlOptions;
use crate::server::{Facts, Identity, Server};

/// Values that do not fit are errors, a backslash is an ordinary character, `||` joins text, `"` quotes names, and 0
/// is a key like any other.
const SQL_MODE: &str = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
    NO_ENGINE_SUBSTITUTION,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,ANSI_QUOTES,NO_AUTO_VALUE_ON_ZERO";

/// Text is sorted by this many of its bytes; a path has up to 4,096.
const SORTED_BYTES: u32 = 8_192;

/// Room to sort several such columns.
const SORT_BUFFER: u32 = 4 << 20;

/// Opens a connection to the database that `options` name.
pub(crate) fn open(options: &MysqlOptions) -> Result<Server> {
    let mut client = connect(options, true)?;
    let facts = facts(&mut client)?;
    if facts.read_only && !options.read_only {
        return Err(read_only_server(options));
    }
    for sql in settings(options, facts) {
        client.query_drop(sql).map_err(from_client)?;
    }
    let identity = identity(&mut client)?;
    let server = Server::new(client, facts, identity, options.endpoint.is_encrypted())?;
    server.limit_silence(options.longest_silence(facts.mariadb))?;
    Ok(server)
}

/// Creates the database where it is missing; returns whether it did.
pub(crate) fn create_database(options: &MysqlOptions) -> Result<bool> {
    match connect(options, true) {
        Ok(_) => return Ok(false),
        Err(error) if error.vendor_code() == Some(UNKNOWN_DATABASE.into()) => {}
        Err(error) => return Err(error),
    }
    let mut client = connect(options, false)?;
    let facts = facts(&mut client)?;
    let name = quoted(&options.endpoint.database);
    let collation = collation(facts);
    let sql = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE {collation}");
    match client.query_drop(sql) {
        Ok(()) => Ok(true),
        // Somebody else was faster.
        Err(mysql::Error::MySqlError(error)) if error.code == DATABASE_EXISTS => Ok(false),
        Err(error) => Err(from_client(error)),
    }
}

/// A connection for nothing but `KILL QUERY`, to the same server: a name may stand for several, and each has a
/// connection of every number.
pub(crate) fn connect_to_kill(options: &MysqlOptions, expected: &Identity) -> Result<Conn> {
    let mut client = connect(options, false)?;
    let found = identity(&mut client)?;
    if found == *expected {
        return Ok(client);
    }
    let message = format!(
        "the second connection to {} reached another server",
        options.endpoint.address
    );
    Err(DriverError::new(ErrorClass::Unavailable, message).with_sqlstate("08001"))
}

/// Asks the server who it is.
fn identity(client: &mut Conn) -> Result<Identity> {
    let found = client.query_first("SELECT @@hostname, @@port, @@server_id");
    found
        .map_err(from_client)?
        .ok_or_else(|| DriverError::new(ErrorClass::Protocol, "the server does not tell its name"))
}

/// A primary that became a replica keeps its address: writes are for another one.
fn read_only_server(options: &MysqlOptions) -> DriverError {
    let message = format!("the server at {} is read only", options.endpoint.address);
    DriverError::new(ErrorClass::ReadOnly, message)
        .with_detail(
            "it is a replica, or was set so: give the primary as `host`, or set `read_only`",
        )
        .with_sqlstate("25006")
}

fn connect(options: &MysqlOptions, database: bool) -> Result<Conn> {
    let client = Opts::from(client_options(options, database)?);
    Conn::new(client).map_err(|error| refused(error, options))
}

/// Text is compared byte for byte, trailing spaces included, as other databases do.
fn collation(facts: Facts) -> &'static str {
    if facts.mariadb {
        "utf8mb4_nopad_bin"
    } else {
        "utf8mb4_0900_bin"
    }
}

fn facts(client: &mut Conn) -> Result<Facts> {
    // Of `read_only` newer servers tell a word.
    let sql = "SELECT VERSION(), @@max_allowed_packet, @@innodb_rollback_on_timeout, \
        CONCAT(@@read_only), @@innodb_read_only";
    let row: Option<(String, u64, bool, String, bool)> =
        client.query_first(sql).map_err(from_client)?;
    let (version, largest, rolls_back_on_timeout, read_only, engine_reads) =
        row.ok_or_else(|| {
            DriverError::new(ErrorClass::Protocol, "the server does not tell its version")
        })?;
    Ok(Facts {
        mariadb: version.contains("MariaDB"),
        largest_packet: usize::try_from(largest).unwrap_or(usize::MAX),
        rolls_back_on_timeout,
        read_only: engine_reads || !matches!(read_only.as_str(), "0" | "OFF"),
    })
}

fn settings(options: &MysqlOptions, facts: Facts) -> Vec<String> {
    let collation = collation(facts);
    let mut sql = vec![
        format!("SET NAMES utf8mb4 COLLATE {collation}"),
        format!(
            "SET autocommit = 1, sql_mode = '{SQL_MODE}', time_zone = '+00:00', \
             innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}, \
             max_sort_length = {SORTED_BYTES}, sort_buffer_size = {SORT_BUFFER}{limit}",
            seconds = options.lock_timeout_seconds.max(1),
            limit = statement_limit(options, facts),
        ),
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
    ];
    if options.read_only {
        sql.push("SET SESSION TRANSACTION READ ONLY".to_owned());
    }
    sql
}

fn statement_limit(options: &MysqlOptions, facts: Facts) -> String {
    match options.statement_timeout {
        Some(limit) if facts.mariadb => {
            format!(
                ", max_statement_time = {}.{:03}",
                limit.as_secs(),
                limit.subsec_millis()
            )
        }
        Some(limit) => format!(", max_execution_time = {}", limit.as_millis()),
        None => String::new(),
    }
}

/// Why there is no connection, with the option to change.
fn refused(error: mysql::Error, options: &MysqlOptions) -> DriverError {
    let endpoint = &options.endpoint;
    let unreachable = |detail: String| {
        DriverError::new(
            ErrorClass::Unavailable,
            format!("the server at {} cannot be reached", endpoint.address),
        )
        .with_detail(detail)
        .with_sqlstate("08001")
        .retryable()
    };
    match error {
        mysql::Error::DriverError(ClientError::ConnectTimeout) => {
            unreachable("no answer within `connect_timeout_ms`; check `host` and `port`".into())
        }
        mysql::Error::DriverError(ClientError::CouldNotConnect(cause)) => {
            let cause = cause.map_or_else(String::new, |(_, description, _)| {
                format!("{description}; ")
            });
            unreachable(format!("{cause}check `host` and `port`, or `socket`"))
        }
        mysql::Error::DriverError(ClientError::TlsNotSupported) => tls(
            options,
            "the server offers no encryption: set `tls` to `disable`, or turn TLS on in the server",
        ),
        mysql::Error::TlsError(error) => tls(options, &error.to_string()),
        mysql::Error::MySqlError(error) => {
            let error = from_client(mysql::Error::MySqlError(error));
            match login_hint(&error, options) {
                Some(hint) => error.with_detail(hint),
                None => error,
            }
        }
        other => {
            if let Some(reason) = certificate_refused(&other) {
                let detail = format!("{reason}: check `ca_file` and `host`, or `tls`");
                return tls(options, &detail);
            }
            let error = from_client(other);
            if error.breaks_connection() && error.outcome() == Outcome::NotApplied {
                return unreachable(error.detail().unwrap_or(error.message()).to_owned());
            }
            error
        }
    }
}

/// What the encryption has against the server; the library tells it as a failure to read or write.
fn certificate_refused(error: &mysql::Error) -> Option<String> {
    let error = match error {
        mysql::Error::IoError(error) | mysql::Error::CodecError(PacketCodecError::Io(error)) => {
            error
        }
        _ => return None,
    };
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(inner.to_string())
}

fn tls(options: &MysqlOptions, detail: &str) -> DriverError {
    DriverError::new(
        ErrorClass::Options,
        format!("no encrypted connection to {}", options.endpoint.address),
    )
    .with_detail(detail)
    .with_sqlstate("08001")
}

fn login_hint(error: &DriverError, options: &MysqlOptions) -> Option<String> {
    let endpoint = &options.endpoint;
    Some(match error.vendor_code()? {
        1044 | 1045 | 1698 => {
            "check `user` and `password` (or `password_env`, `password_file`)".to_owned()
        }
        1049 => format!(
            "create the database `{}`, or change `database`",
            endpoint.database
        ),
        1129 | 1130 => "the server does not take connections from this machine".to_owned(),
        3159 | 4151 => "the server takes encrypted connections only: change `tls`".to_owned(),
        _ => return None,
    })
}
