//! TLS towards the running server: whom to trust, and what to show.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{
    Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem,
};

use crate::config::types::Config;

/// TLS for the server of this configuration: its own certificate is trusted, and what `client.ca` names.
///
/// # Errors
/// What is wrong with which file, for people.
pub(super) fn config(config: &Config) -> Result<TlsConfig, String> {
    let mut trusted = Vec::new();
    let own = &config.server.tls.cert;
    for path in own.iter().chain(&config.client.ca) {
        trusted.extend(certificates(path)?);
    }
    let client = &config.client;
    let shown = match (&client.cert, &client.key) {
        (Some(cert), Some(key)) => Some(client_cert(cert, key)?),
        (None, None) => None,
        _ => return Err("client.cert and client.key go together; give both or none".to_owned()),
    };
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&trusted))
        .client_cert(shown)
        .build())
}

fn client_cert(cert: &Path, key: &Path) -> Result<ClientCert, String> {
    let chain = certificates(cert)?;
    let key = PrivateKey::from_pem(&read(key)?).map_err(|error| unusable(key, &error))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let mut found = Vec::new();
    for item in parse_pem(&read(path)?) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| unusable(path, &error))? {
            found.push(certificate);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> String {
    format!("{} is not usable: {error}", path.display())
}
