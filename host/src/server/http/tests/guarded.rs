//! A server that asks its callers who they are: tokens, TLS, certificates of clients.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;
use crate::config::server_types::TlsConfig;

const TOKEN: &str = "a-token-for-the-tests-0123456789";

/// Certificates of one authority, as files.
struct Papers {
    place: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Papers {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("ca.pem"), authority.pem()).unwrap();
        Self { place, authority }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Writes `NAME.pem` and `NAME.key`.
    fn issue(&self, name: &str) {
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        fs::write(self.file(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    fn tls(&self, client_ca: Option<PathBuf>) -> TlsConfig {
        self.issue("server");
        TlsConfig {
            cert: Some(self.file("server.pem")),
            key: Some(self.file("server.key")),
            client_ca,
        }
    }
}

fn token_file(place: &Path) -> PathBuf {
    let file = place.join("tokens");
    fs::write(&file, TOKEN).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}

/// The status of `GET /heartbeat` over TLS, with a certificate of the client's and a token where they are given.
fn over_tls(
    server: &Running,
    trusted: &Path,
    shown: Option<(&Papers, &str)>,
    token: &str,
) -> io::Result<u16> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(trusted).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((papers, name)) => {
            let chain = CertificateDer::from_pem_file(papers.file(&format!("{name}.pem"))).unwrap();
            let key = PrivateKeyDer::from_pem_file(papers.file(&format!("{name}.key"))).unwrap();
            builder.with_client_auth_cert(vec![chain], key).unwrap()
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(server.address)?);
    let port = server.address.port();
    write!(
        stream,
        "GET /heartbeat HTTP/1.1\r\nHost: localhost:{port}\r\nX-API-Key: {token}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[9..]).parse().unwrap())
}

#[test]
fn without_a_token_nothing_is_answered() {
    let place = tempfile::tempdir().unwrap();
    let config = ServerConfig {
        token_file: Some(token_file(place.path())),
        ..ServerConfig::default()
    };
    let server = Running::start_with(&config, Patience::default());
    for path in ["/health", "/metrics", "/commands", "/ws", "/none"] {
        let (status, body) = server.get(path);
        assert_eq!(status, 401, "{path}");
        assert!(body.contains("Authorization: Bearer"), "{body}");
    }
    let with = |header: &str| {
        let address = server.address;
        let head = format!("GET /heartbeat HTTP/1.1\r\nHost: {address}\r\n{header}\r\n");
        server.raw(&format!("{head}Connection: close\r\n\r\n")).0
    };
    assert_eq!(with(&format!("Authorization: Bearer {TOKEN}")), 200);
    assert_eq!(with(&format!("X-API-Key: {TOKEN}")), 200);
    assert_eq!(with(&format!("Authorization: Bearer {TOKEN}x")), 401);
    assert_eq!(
        with(&format!(
            "X-API-Key: {TOKEN}\r\nOrigin: http://evil.example"
        )),
        403,
        "a page that knows the token is refused all the same"
    );
}

#[test]
fn tls_is_spoken_with_the_configured_certificate_alone() {
    let (papers, strangers) = (Papers::new(), Papers::new());
    let config = ServerConfig {
        tls: papers.tls(None),
        token_file: Some(token_file(papers.place.path())),
        ..ServerConfig::default()
    };
    assert!(Guard::of(&config).unwrap().keeps_strangers_out());
    let server = Running::start_with(&config, Patience::default());
    let ca = papers.file("ca.pem");
    assert_eq!(over_tls(&server, &ca, None, TOKEN).unwrap(), 200);
    assert_eq!(over_tls(&server, &ca, None, "wrong").unwrap(), 401);
    assert!(over_tls(&server, &strangers.file("ca.pem"), None, TOKEN).is_err());
    let mut plain = TcpStream::connect(server.address).unwrap();
    plain.write_all(b"GET /heartbeat HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[test]
fn certificates_of_clients_are_asked_for_and_checked() {
    let (papers, strangers) = (Papers::new(), Papers::new());
    papers.issue("client");
    strangers.issue("client");
    let config = ServerConfig {
        tls: papers.tls(Some(papers.file("ca.pem"))),
        ..ServerConfig::default()
    };
    assert!(Guard::of(&config).unwrap().keeps_strangers_out());
    let server = Running::start_with(&config, Patience::default());
    let ca = papers.file("ca.pem");
    assert_eq!(
        over_tls(&server, &ca, Some((&papers, "client")), "").unwrap(),
        200
    );
    assert!(over_tls(&server, &ca, None, "").is_err());
    assert!(over_tls(&server, &ca, Some((&strangers, "client")), "").is_err());
}

#[test]
fn papers_that_are_missing_or_do_not_match_are_named() {
    let papers = Papers::new();
    papers.issue("other");
    let server = |tls| ServerConfig {
        tls,
        ..ServerConfig::default()
    };
    let problem = |tls| Guard::of(&server(tls)).err().unwrap().to_string();
    let right = papers.tls(None);
    let missing = problem(TlsConfig {
        cert: Some(papers.file("none.pem")),
        ..right.clone()
    });
    assert!(
        missing.starts_with("server.tls.cert: ") && missing.contains("none.pem"),
        "{missing}"
    );
    let mixed = problem(TlsConfig {
        key: Some(papers.file("other.key")),
        ..right.clone()
    });
    assert!(mixed.contains("cannot be used with the key"), "{mixed}");
    let swapped = problem(TlsConfig {
        cert: Some(papers.file("server.key")),
        ..right
    });
    assert!(
        swapped.contains("expected one or more certificates"),
        "{swapped}"
    );
    let only_tls = papers.tls(None);
    let config = ServerConfig {
        tls: only_tls,
        ..ServerConfig::default()
    };
    assert!(
        !Guard::of(&config).unwrap().keeps_strangers_out(),
        "TLS alone lets everybody in"
    );
}

#[test]
fn no_page_of_another_site_is_allowed_anything() {
    let server = Running::start();
    let address = server.address;
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "OPTIONS /api/jsonrpc HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n\
         Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        !answer.to_lowercase().contains("access-control"),
        "{answer}"
    );
}
