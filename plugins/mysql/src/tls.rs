//! Encryption: which modes there are, and what each asks of the server's certificate.

use std::path::PathBuf;
use std::sync::Once;

use driver_api::{DriverError, Result, TlsMode};
use mysql::SslOpts;
use rustls::crypto::ring;

/// The options of encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsOptions {
    pub(crate) mode: TlsMode,
    /// Authorities to trust beside the public ones.
    pub(crate) ca_file: Option<PathBuf>,
}

impl TlsOptions {
    /// What the client library takes; `None` without encryption.
    ///
    /// # Errors
    /// `Options` when the file cannot be read: the library would say so only after it connected.
    pub(crate) fn client_options(&self) -> Result<Option<SslOpts>> {
        if self.mode == TlsMode::Disable {
            return Ok(None);
        }
        choose_cryptography();
        if let Some(file) = &self.ca_file {
            std::fs::read(file).map_err(|error| {
                DriverError::options(format!(
                    "the file of the option `ca_file` cannot be read: {}: {error}",
                    file.display()
                ))
            })?;
        }
        let options = SslOpts::default()
            .with_root_cert_path(self.ca_file.clone())
            .with_danger_skip_domain_validation(self.mode == TlsMode::VerifyCa)
            .with_danger_accept_invalid_certs(self.mode == TlsMode::Require);
        Ok(Some(options))
    }
}

/// The library panics where it must choose between several implementations that a build happens to contain.
fn choose_cryptography() {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        // An error says that it was chosen already.
        let _ = ring::default_provider().install_default();
    });
}
