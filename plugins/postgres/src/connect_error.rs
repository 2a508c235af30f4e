//! Why no connection could be made, in one line that names the option to change.

use std::error::Error as _;
use std::io;

use driver_api::{DriverError, ErrorClass};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use tokio_rustls::rustls::{self, CertificateError};

use crate::error::{from_postgres, from_server};
use crate::options::{Address, PostgresOptions};

/// Where the attempt ended.
pub(crate) enum Failure {
    /// No socket could be opened.
    Socket(io::Error),
    /// The session could not be started.
    Session(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

/// The error for the caller.
pub(crate) fn explain(failure: Failure, options: &PostgresOptions) -> DriverError {
    match failure {
        Failure::Socket(error) => unreachable_server(&error, options),
        Failure::Session(error) => match tls_problem(&error, options) {
            Some(problem) => problem,
            None => refused(error, options),
        },
    }
}

/// The error of a server that says nothing.
pub(crate) fn no_answer(options: &PostgresOptions) -> DriverError {
    let message = format!(
        "no PostgreSQL server answered at {} within {} ms",
        options.address,
        options.connect_timeout.as_millis()
    );
    DriverError::new(ErrorClass::Timeout, message)
        .with_detail("check `host` and `port`, or raise `connect_timeout_ms`")
        .with_sqlstate("08001")
        .retryable()
}

fn unreachable_server(error: &io::Error, options: &PostgresOptions) -> DriverError {
    let message = format!("no PostgreSQL server can be reached at {}", options.address);
    let change = match options.address {
        Address::Tcp { .. } => "check `host` and `port`, and that the server runs",
        Address::Unix(_) => "check `socket` and `port`, and that the server runs",
    };
    DriverError::new(ErrorClass::Unavailable, message)
        .with_detail(format!("{error}; {change}"))
        .with_sqlstate("08001")
        .retryable()
}

/// What is wrong with the encryption or the server's certificate.
fn tls_problem(error: &Error, options: &PostgresOptions) -> Option<DriverError> {
    if error.to_string().contains("server does not support TLS")
        || error
            .source()
            .is_some_and(|source| source.to_string() == "server does not support TLS")
    {
        return Some(
            DriverError::options(format!("the server at {} offers no TLS", options.address))
                .with_detail("set `tls` to `disable` where the network is trusted")
                .with_sqlstate("08001"),
        );
    }
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(io) = found.downcast_ref::<io::Error>()
            && let Some(tls) = io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>())
        {
            return Some(certificate_problem(tls, options));
        }
        if let Some(tls) = found.downcast_ref::<rustls::Error>() {
            return Some(certificate_problem(tls, options));
        }
        cause = found.source();
    }
    None
}

fn certificate_problem(problem: &rustls::Error, options: &PostgresOptions) -> DriverError {
    use CertificateError::{BadSignature, NotValidForName, NotValidForNameContext, UnknownIssuer};
    let (what, change) = match problem {
        // The second: by an authority that has the name of a trusted one.
        rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature) => (
            "is not signed by a trusted authority",
            "set `ca_file` to the authority's certificate",
        ),
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => (
            "is for another name",
            "set `host` to a name in the certificate, or `tls` to `verify-ca`",
        ),
        rustls::Error::InvalidCertificate(_) => (
            "is not valid",
            "see `tls` and `ca_file`, or renew the server's certificate",
        ),
        _ => ("could not be agreed on for TLS", "see `tls`"),
    };
    let subject = match problem {
        rustls::Error::InvalidCertificate(_) => "the certificate of the server at",
        _ => "a protocol with the server at",
    };
    DriverError::options(format!("{subject} {} {what}", options.address))
        .with_detail(format!("{problem}; {change}"))
        .with_sqlstate("08001")
}

/// What the server answered to the start of a session.
fn refused(error: Error, options: &PostgresOptions) -> DriverError {
    let Some(db) = error.as_db_error() else {
        let missing_password = options.password.is_none()
            && error
                .source()
                .is_some_and(|source| source.to_string().contains("password missing"));
        if missing_password {
            return access(options, "28P01").with_detail(
                "the server wants a password: set `password`, `password_env` or `password_file`",
            );
        }
        let answer = from_postgres(error, "");
        let message = format!("the server at {} broke off the start", options.address);
        return DriverError::new(ErrorClass::Unavailable, message)
            .with_detail(answer.to_string())
            .with_sqlstate("08001")
            .retryable();
    };
    let code = db.code();
    let said = db.message();
    let error = if *code == SqlState::INVALID_PASSWORD {
        access(options, "28P01").with_detail(format!("{said}; check `user` and `password`"))
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        access(options, "28000").with_detail(format!(
            "{said}; check `user`, `database` and `tls`, and the server's pg_hba.conf"
        ))
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        let message = format!("the database `{}` does not exist", options.database);
        DriverError::new(ErrorClass::NotFound, message).with_detail(format!(
            "at {}; check `database`, or create it",
            options.address
        ))
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        let message = format!("the server at {} has no connection left", options.address);
        DriverError::new(ErrorClass::Unavailable, message)
            .with_detail(format!(
                "{said}; lower `pool_size`, or raise the server's max_connections"
            ))
            .retryable()
    } else {
        return starting(from_server(db, ""), options);
    };
    error.with_sqlstate(code.code())
}

fn access(options: &PostgresOptions, sqlstate: &str) -> DriverError {
    let message = format!(
        "the server at {} refused the user `{}`",
        options.address, options.user
    );
    DriverError::new(ErrorClass::Access, message).with_sqlstate(sqlstate)
}

/// No connection was lost where none was made: what a server that starts or stops says.
fn starting(error: DriverError, options: &PostgresOptions) -> DriverError {
    if !error.breaks_connection() {
        return error;
    }
    let message = format!("the server at {} takes no connections", options.address);
    let unavailable = DriverError::new(ErrorClass::Unavailable, message)
        .with_detail(error.message())
        .retryable();
    match error.sqlstate() {
        Some(sqlstate) => unavailable.with_sqlstate(sqlstate),
        None => unavailable,
    }
}
