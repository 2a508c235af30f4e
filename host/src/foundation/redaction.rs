//! Values whose names or shapes look secret never reach output that a person or a log file may keep.

use serde_json::{Map, Value};

/// What stands in the place of a secret.
pub const REDACTED: &str = "***";

/// Parts of a key that mark its value as secret; a URL counts because it may carry a password.
const SECRET_PARTS: [&str; 12] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "token",
    "secret",
    "credential",
    "url",
    "dsn",
    "conninfo",
    "connection_string",
    "cookie",
];

/// Words that a key consists of and that mark its value as secret only when they stand alone:
/// `bypass` and `sacred` are harmless.
const SECRET_WORDS: [&str; 3] = ["pass", "cred", "creds"];

/// Whether a key such as `password` or `auth_token` names a secret.
pub fn looks_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    SECRET_PARTS.iter().any(|part| key.contains(part))
        || key
            .split(|c: char| !c.is_alphanumeric())
            .any(is_secret_word)
}

/// `key`, `sslkey` and `auth`, but neither `foreign_keys` nor `keyspace` nor `author`.
fn is_secret_word(word: &str) -> bool {
    let author = word.starts_with("author") && !word.starts_with("authoriz");
    word.ends_with("key") || word.contains("auth") && !author || SECRET_WORDS.contains(&word)
}

/// A copy of `options` in which secrets are replaced by [`REDACTED`], at any depth.
pub fn redact_map(options: &Map<String, Value>) -> Map<String, Value> {
    options
        .iter()
        .map(|(key, value)| {
            let shown = if looks_secret(key) && !value.is_null() {
                Value::from(REDACTED)
            } else {
                redact_value(value)
            };
            (key.clone(), shown)
        })
        .collect()
}

fn redact_value(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(redact_map(map)),
        Value::Array(items) => Value::Array(items.iter().map(redact_value).collect()),
        Value::String(text) if carries_credentials(text) => Value::from(REDACTED),
        other => other.clone(),
    }
}

/// `scheme://user:password@host` under a harmless key.
fn carries_credentials(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(_, rest)| rest.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_that_name_secrets_are_told_from_those_that_resemble_them() {
        for key in [
            "pwd",
            "db_pwd",
            "userPwd",
            "pass",
            "auth",
            "oauth",
            "AUTH_DATA",
            "authorization",
            "credential",
            "credentials",
            "creds",
            "key",
            "Key",
            "api_key",
            "apikey",
            "ssl-key",
            "sslkey",
            "access_key_id",
            "private_key",
            "encryption.key",
            "conninfo",
            "dsn",
        ] {
            assert!(looks_secret(key), "{key}");
        }
        for key in [
            "path",
            "host",
            "user",
            "port",
            "author",
            "authority",
            "keyspace",
            "foreign_keys",
            "keepalive_seconds",
            "bypass_cache",
            "synchronous",
            "busy_timeout_ms",
        ] {
            assert!(!looks_secret(key), "{key}");
        }
    }

    #[test]
    fn secrets_are_replaced_at_any_depth_and_the_rest_is_kept() {
        let options = json!({
            "host": "db1", "Password": "hunter2", "tls": {"client_token": "t", "verify": true},
            "peer": "postgres://u:p@h/db", "list": [{"secret": 1}], "passwd": null
        });
        let Value::Object(options) = options else {
            panic!("an object")
        };
        assert_eq!(
            Value::Object(redact_map(&options)),
            json!({
                "host": "db1", "Password": "***", "tls": {"client_token": "***", "verify": true},
                "peer": "***", "list": [{"secret": "***"}], "passwd": null
            })
        );
    }
}
