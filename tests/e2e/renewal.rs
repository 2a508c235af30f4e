//! Certificates and tokens that are replaced while the server runs, by programs that tell nobody.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::support::sandbox::Sandbox;
use crate::support::server::eventually;

/// A certificate and its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Puts it where the configuration names it, as certbot does: a link leads to the newest of numbered files.
    fn install(&self, place: &Path, number: u32) {
        for (name, text) in [("server.pem", &self.certificate), ("server.key", &self.key)] {
            let numbered = place.join(format!("{number}-{name}"));
            fs::write(&numbered, text).unwrap();
            symlink(&numbered, place.join("next")).unwrap();
            fs::rename(place.join("next"), place.join(name)).unwrap();
        }
    }

    /// A client that trusts nothing else, and keeps its connection.
    fn trusting(&self) -> ureq::Agent {
        let trusted = Certificate::from_pem(self.certificate.as_bytes()).unwrap();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&[trusted]))
            .build();
        ureq::Agent::config_builder()
            .tls_config(tls)
            .max_idle_age(Duration::from_secs(600))
            .http_status_as_error(false)
            .build()
            .into()
    }
}

/// What the server tells of itself; none when the client does not trust it.
fn status(agent: &ureq::Agent, url: &str) -> Option<Value> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "get_worker_status", "params": {}});
    let answer = agent.post(format!("{url}/api/jsonrpc")).send_json(&body);
    let told: Value = answer.ok()?.body_mut().read_json().ok()?;
    assert_eq!(told["result"]["success"], true, "{told}");
    Some(told["result"]["data"].clone())
}

#[test]
fn a_certificate_that_is_renewed_is_shown_to_newcomers_and_a_broken_one_is_not() {
    let sandbox = Sandbox::new();
    let [first, second, third] = [Pair::new(), Pair::new(), Pair::new()];
    first.install(sandbox.path(), 1);
    let tls = json!({"cert": "server.pem", "key": "server.key"});
    let file = sandbox.config(&json!({"server": {"tls": tls}}));
    let server = sandbox.serve(&["--config", &file]);
    let early = first.trusting();
    assert!(status(&early, &server.url).is_some());
    assert!(status(&second.trusting(), &server.url).is_none());

    second.install(sandbox.path(), 2);
    eventually("newcomers see the new certificate", || {
        status(&second.trusting(), &server.url)
    });
    assert!(status(&first.trusting(), &server.url).is_none());
    // Who was there trusts the first certificate alone, and goes on over the connection that it has.
    assert!(status(&early, &server.url).is_some());

    // A key that is not the certificate's, as while files are replaced, or forever.
    let key = sandbox.path().join("server.key");
    fs::remove_file(&key).unwrap();
    fs::write(&key, &first.key).unwrap();
    let problem = || {
        let told = status(&second.trusting(), &server.url).unwrap();
        told["configuration_problem"].as_str().map(str::to_owned)
    };
    let told = eventually("the status names what cannot be used", problem);
    assert!(
        told.contains("server.tls") && told.contains("cannot be used with the key"),
        "{told}"
    );
    fs::remove_file(&key).unwrap();
    eventually("the missing file is named", || {
        problem().filter(|told| told.contains("server.tls.key"))
    });

    third.install(sandbox.path(), 3);
    let renewed = eventually("the mended files are taken", || {
        status(&third.trusting(), &server.url)
    });
    assert_eq!(renewed["configuration_problem"], Value::Null, "{renewed}");
}

#[test]
fn tokens_are_read_again_when_their_file_or_its_rights_change() {
    let sandbox = Sandbox::new();
    let tokens = sandbox.path().join("tokens");
    let rights = |mode| fs::set_permissions(&tokens, fs::Permissions::from_mode(mode)).unwrap();
    let [first, second] = ["first-token-0123456789", "second-token-0123456789"];
    fs::write(&tokens, first).unwrap();
    rights(0o600);
    let file = sandbox.config(&json!({"server": {"token_file": "tokens"}}));
    let server = sandbox.serve(&["--config", &file]);
    let ask = |token: &str| {
        let (status, told) = server.respond_to(token, "get_worker_status");
        (status, told["configuration_problem"].clone())
    };
    assert_eq!(ask(first), (200, Value::Null));
    // Others could read it: nobody may have these tokens.
    rights(0o644);
    let problem = eventually("rights that are too wide are told", || {
        ask(first).1.as_str().map(str::to_owned)
    });
    assert!(problem.contains("tokens"), "{problem}");
    rights(0o600);
    eventually("rights are mended", || ask(first).1.is_null().then_some(()));
    fs::write(&tokens, second).unwrap();
    eventually("the new token counts", || {
        (ask(second).0 == 200).then_some(())
    });
    assert_eq!(ask(first).0, 401);
}
