//! Options as a user gives them: defaults, contradictions, secrets.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::*;

fn read(values: Json) -> Result<PostgresOptions> {
    let values = values.as_object().unwrap();
    let options = Options::check(&schema(), values, Path::new("/data")).unwrap();
    PostgresOptions::read(&options)
}

fn message(values: Json) -> String {
    let error = read(values).unwrap_err();
    assert_eq!(error.class(), driver_api::ErrorClass::Options);
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    error.to_string()
}

#[test]
fn defaults_are_the_documented_ones() {
    let options = read(json!({"database": "d", "user": "u"})).unwrap();
    let expected = PostgresOptions {
        address: Address::Tcp {
            host: "localhost".into(),
            port: 5432,
        },
        database: "d".into(),
        user: "u".into(),
        password: None,
        tls: TlsMode::Disable,
        ca_file: None,
        application_name: "code-analysis-host".into(),
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::ZERO,
        lock_timeout: Duration::from_secs(30),
        idle_transaction_timeout: Duration::from_secs(600),
        partition_timeout: Duration::from_secs(30),
        read_only: false,
        statement_cache: 128,
    };
    assert_eq!(options, expected);
}

#[test]
fn only_a_server_of_this_machine_is_trusted_without_tls() {
    for (host, tls) in [
        ("localhost", TlsMode::Disable),
        ("127.0.0.9", TlsMode::Disable),
        ("::1", TlsMode::Disable),
        ("db.example.org", TlsMode::VerifyFull),
        ("192.0.2.1", TlsMode::VerifyFull),
        ("localhost.example.org", TlsMode::VerifyFull),
    ] {
        let options = read(json!({"host": host, "database": "d", "user": "u"})).unwrap();
        assert_eq!(options.tls, tls, "{host}");
    }
    let options = read(json!({"socket": "run/pg", "database": "d", "user": "u"})).unwrap();
    assert_eq!(options.address, Address::Unix("/data/run/pg".into()));
    assert_eq!(options.tls, TlsMode::Disable);
}

#[test]
fn a_url_says_the_same_as_the_options() {
    let url = "postgresql://us%40er:can%3Aary@db.example.org:6000/data%20base";
    let by_url = read(json!({"url": url})).unwrap();
    let by_options = read(json!({
        "host": "db.example.org", "port": 6000, "database": "data base",
        "user": "us@er", "password": "can:ary",
    }));
    assert_eq!(by_url, by_options.unwrap());
}

#[test]
fn what_contradicts_itself_or_is_missing_is_named() {
    let url = "postgres://u:canary@h/d";
    for (values, expected) in [
        (json!({"user": "u"}), "the option `database` is missing"),
        (
            json!({"database": "d", "user": ""}),
            "the option `user` is missing",
        ),
        (
            json!({"url": url, "host": "h"}),
            "the options `url` and `host` exclude each other: give one of them",
        ),
        (
            json!({"url": url, "port": 1}),
            "the options `url` and `port` exclude each other: give one of them",
        ),
        (
            json!({"url": url, "password_env": "PATH"}),
            "the option `url` holds a password, and another option names one: give one of them",
        ),
        (
            json!({"host": "h", "socket": "s", "database": "d", "user": "u"}),
            "the options `host` and `socket` exclude each other: give one of them",
        ),
        (
            json!({"url": "mysql://u:canary@h/d"}),
            "the option `url` is not of the form postgres://user:password@host:port/database",
        ),
        (
            json!({"url": "postgres://u:canary@h:port/d"}),
            "the option `url` is not of the form postgres://user:password@host:port/database",
        ),
        (
            json!({"database": "d", "user": "u", "password_env": "NO_SUCH_VARIABLE"}),
            "the environment variable `NO_SUCH_VARIABLE`, which the option `password_env` names, is not set to text",
        ),
    ] {
        assert_eq!(message(values), expected);
    }
    let text = message(json!({"url": "postgres://u:canary@h/d?sslmode=require"}));
    assert!(text.contains("`tls` for `sslmode`"), "{text}");
}

#[test]
fn no_secret_is_shown() {
    let values = json!({"url": "postgres://u:canary@h/d"});
    assert!(!format!("{:?}", read(values).unwrap()).contains("canary"));
}
