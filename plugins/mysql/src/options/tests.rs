//! Options as a user gives them: defaults, contradictions, secrets.

use std::path::{Path, PathBuf};

use driver_api::ErrorClass;

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
fn a_password_is_read_from_its_options_or_from_the_url_and_never_shown() {
    for values in [
        json!({"database": "d", "user": "u", "password": "can ary"}),
        json!({"url": "mariadb://u%40x:can%20ary@h:1/d%2Fe"}),
    ] {
        let options = read(values).unwrap();
        let password = options.endpoint.password.as_ref().map(Secret::reveal);
        assert_eq!(password, Some("can ary"));
        assert!(!format!("{options:?}").contains("can ary"));
    }
    let url = read(json!({"url": "mariadb://u%40x:canary@h:1/d%2Fe"})).unwrap();
    assert_eq!(
        (url.endpoint.user.as_str(), url.endpoint.database.as_str()),
        ("u@x", "d/e")
    );
}
