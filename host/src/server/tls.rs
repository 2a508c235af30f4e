//! TLS of the server: its certificate, and whose certificates it asks clients for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use crate::config::server_types::TlsConfig;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A part is missing.
    #[error("server.tls: expected both cert and key")]
    Incomplete,
    /// A file holds no PEM of what it should.
    #[error("server.tls.{key}: {path} is not usable: {problem}; expected {expected} in PEM")]
    File {
        /// The key of the configuration below `server.tls`.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// Certificate and key are readable, but do not go together.
    #[error(
        "server.tls: the certificate in {cert} cannot be used with the key in {key}: {problem}"
    )]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        problem: rustls::Error,
    },
}

/// What makes TLS of a connection; none where none is configured.
///
/// # Errors
/// [`TlsError`].
pub(super) fn acceptor(config: &TlsConfig) -> Result<Option<TlsAcceptor>, TlsError> {
    let (cert, key) = match (&config.cert, &config.key) {
        (Some(cert), Some(key)) => (cert, key),
        (None, None) if config.client_ca.is_none() => return Ok(None),
        _ => return Err(TlsError::Incomplete),
    };
    let chain = certificates("cert", cert)?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unusable("key", key, &error, "a private key"))?;
    let provider = Arc::new(ring::default_provider());
    let pair = |problem| TlsError::Pair {
        cert: cert.clone(),
        key: key.clone(),
        problem,
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(pair)?;
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(roots("client_ca", path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider)
                .build()
                .map_err(|error| problem("client_ca", path, error.to_string(), CERTIFICATES))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut server = builder.with_single_cert(chain, private).map_err(pair)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}

const CERTIFICATES: &str = "one or more certificates";

fn roots(key: &'static str, path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(key, path)? {
        let added = roots.add(certificate);
        added.map_err(|error| problem(key, path, error.to_string(), CERTIFICATES))?;
    }
    Ok(roots)
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found: Vec<_> = found.map_err(|error| unusable(key, path, &error, CERTIFICATES))?;
    if found.is_empty() {
        return Err(problem(
            key,
            path,
            "there is none in it".into(),
            CERTIFICATES,
        ));
    }
    Ok(found)
}

fn unusable(
    key: &'static str,
    path: &Path,
    error: &pem::Error,
    expected: &'static str,
) -> TlsError {
    problem(key, path, error.to_string(), expected)
}

fn problem(key: &'static str, path: &Path, problem: String, expected: &'static str) -> TlsError {
    TlsError::File {
        key,
        path: path.to_owned(),
        problem,
        expected,
    }
}
