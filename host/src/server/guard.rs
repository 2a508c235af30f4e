//! Who is let in: what the configuration asks of callers, checked before anything else of a request.

use axum::http::{HeaderMap, StatusCode, Uri};
use tokio_rustls::TlsAcceptor;

use super::own_name::OwnName;
use super::tls::{self, TlsError};
use super::tokens::{self, TokenError, Tokens};
use super::web;
use crate::config::server_types::ServerConfig;

/// Why the guard cannot take its post.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The tokens cannot be used.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What is asked of callers.
pub struct Guard {
    pub(super) tls: Option<TlsAcceptor>,
    tokens: Option<Tokens>,
    /// Whether clients show certificates, which the handshake checks.
    asks_for_certificates: bool,
    /// Names by which the server may be called, besides those of this machine and its address.
    names: Vec<String>,
}

impl Guard {
    /// The guard of this configuration.
    ///
    /// # Errors
    /// [`GuardError`].
    pub fn of(config: &ServerConfig) -> Result<Self, GuardError> {
        let texts = tokens::read(config.token_file.as_deref(), config.token_env.as_deref())?;
        let tls = tls::acceptor(&config.tls)?;
        let asks_for_certificates = config.tls.client_ca.is_some();
        Ok(Self {
            tls,
            tokens: (!texts.is_empty()).then(|| Tokens::new(&texts)),
            asks_for_certificates,
            names: config.names.clone(),
        })
    }

    /// Whether it is safe that others than programs of this machine reach the server.
    pub fn keeps_strangers_out(&self) -> bool {
        self.tls.is_some() && (self.tokens.is_some() || self.asks_for_certificates)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    /// Whether a request is to be answered, as far as its headers tell.
    ///
    /// # Errors
    /// The status and what to say.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        uri: &Uri,
        port: u16,
    ) -> Result<(), (StatusCode, String)> {
        let own = OwnName {
            scheme: self.scheme(),
            port,
            names: &self.names,
            is_any_address: self.keeps_strangers_out(),
        };
        own.check(headers, uri)?;
        match &self.tokens {
            Some(tokens) if !web::is_page(uri) && !tokens.admit(headers) => {
                let reason = "a token is needed, as `Authorization: Bearer TOKEN`";
                Err((StatusCode::UNAUTHORIZED, reason.to_owned()))
            }
            _ => Ok(()),
        }
    }
}
