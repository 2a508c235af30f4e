//! How the server's certificate is checked: rustls, with the roots and the strictness of the options.

use std::path::Path;
use std::sync::Arc;

use driver_api::{DriverError, Result, TlsMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::options::PostgresOptions;

type Outcome<T> = std::result::Result<T, Error>;

/// What the client crate encrypts with; `None` where it shall not.
pub(crate) fn connector(options: &PostgresOptions) -> Result<Option<MakeRustlsConnect>> {
    if options.tls == TlsMode::Disable {
        return Ok(None);
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let mut config = match options.tls {
        TlsMode::Disable | TlsMode::Require => config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Lenient::unchecked(provider))),
        TlsMode::VerifyCa => {
            let roots = Arc::new(roots(options.ca_file.as_deref())?);
            let strict = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                .build()
                .map_err(|error| unusable(Error::General(error.to_string())))?;
            config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Lenient::any_name(provider, strict)))
        }
        TlsMode::VerifyFull => config.with_root_certificates(roots(options.ca_file.as_deref())?),
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn unusable(error: Error) -> DriverError {
    DriverError::options("TLS cannot be set up").with_detail(error.to_string())
}

/// The authorities to trust: those in the file, or those of the system.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let unreadable = |detail: String| {
                let message = format!(
                    "the file {} of the option `ca_file` holds no certificates",
                    path.display()
                );
                DriverError::options(message).with_detail(detail)
            };
            let certificates = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
                .map_err(|error| unreadable(error.to_string()))?;
            for certificate in certificates {
                roots
                    .add(certificate)
                    .map_err(|error| unreadable(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unreadable("it has no `BEGIN CERTIFICATE`".into()));
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(DriverError::options(
                    "the system has no trusted certificates: set the option `ca_file`",
                ));
            }
        }
    }
    Ok(roots)
}

/// A verifier that checks less than the server's whole certificate and name.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    /// Checks the certificate; its verdict on the name is ignored. `None`: nothing is checked.
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl Lenient {
    fn unchecked(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            chain: None,
        }
    }

    fn any_name(provider: Arc<CryptoProvider>, chain: Arc<WebPkiServerVerifier>) -> Self {
        Self {
            provider,
            chain: Some(chain),
        }
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Outcome<ServerCertVerified> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        // The name is what the verifier looks at last.
        match chain.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Outcome<HandshakeSignatureValid> {
        tokio_rustls::rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Outcome<HandshakeSignatureValid> {
        tokio_rustls::rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
