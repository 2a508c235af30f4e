//! What differs between two configurations, and what of that a running server takes over.

use serde_json::Value;

use super::legacy::place::insert;
use super::reference::settings;
use super::types::Config;
use crate::foundation::json_pointer::leaves;

/// What differs between the configuration in force and another.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Keys that a running server takes over, such as `workers.file_watcher.watch_dirs`.
    pub taken: Vec<String>,
    /// Keys that change when the server is started again.
    pub at_restart: Vec<String>,
    /// The configuration in force with what is taken over.
    pub next: Config,
}

impl Difference {
    /// Whether a key that begins so is taken over.
    pub fn takes(&self, prefix: &str) -> bool {
        self.taken.iter().any(|key| key.starts_with(prefix))
    }
}

/// Compares the configuration in force with `changed`; both are complete.
pub fn difference(in_force: &Config, changed: &Config) -> Difference {
    let (mut before, after) = (json(in_force), json(changed));
    let live: Vec<String> = settings()
        .unwrap_or_default()
        .into_iter()
        .filter(|setting| setting.live)
        .map(|setting| setting.key)
        .collect();
    let mut pointers = leaves(&before);
    pointers.extend(leaves(&after));
    pointers.sort();
    pointers.dedup();
    let (mut taken, mut at_restart) = (Vec::new(), Vec::new());
    for pointer in pointers {
        let new = after.pointer(&pointer);
        if before.pointer(&pointer) == new {
            continue;
        }
        let key = pointer.trim_start_matches('/').replace('/', ".");
        match new {
            Some(new) if live.contains(&key) && !begins_or_ends_tls(&pointer, &before, new) => {
                insert(&mut before, &pointer, new.clone());
                taken.push(key);
            }
            _ => at_restart.push(key),
        }
    }
    // What was a configuration before its values were exchanged for those of another is one still.
    let next = serde_json::from_value(before).unwrap_or_else(|_| in_force.clone());
    Difference {
        taken,
        at_restart,
        next,
    }
}

/// Whoever knows the server's address knows whether it speaks TLS: that does not change under them.
fn begins_or_ends_tls(pointer: &str, before: &Value, new: &Value) -> bool {
    let is_none = |value: Option<&Value>| value.is_none_or(Value::is_null);
    pointer.starts_with("/server/tls/") && is_none(before.pointer(pointer)) != is_none(Some(new))
}

fn json(config: &Config) -> Value {
    serde_json::to_value(config).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(file: Value) -> Config {
        Config::from_value(
            json!({ "code_analysis": file }),
            std::path::Path::new("/etc/cah"),
        )
        .unwrap()
    }

    #[test]
    fn what_a_running_server_takes_is_told_from_what_waits() {
        let before = config(json!({
            "database": {"type": "mysql", "password": "a", "host": "h"},
            "workers": {"file_watcher": {"watch_dirs": ["x"], "scan_interval": 5}}
        }));
        let after = config(json!({
            "database": {"type": "mysql", "password": "b"},
            "workers": {"file_watcher": {"watch_dirs": ["x", "y"]}},
            "server": {"port": 7}
        }));
        let difference = difference(&before, &after);
        assert_eq!(
            difference.taken,
            [
                "workers.file_watcher.scan_interval",
                "workers.file_watcher.watch_dirs"
            ]
        );
        assert_eq!(
            difference.at_restart,
            ["database.host", "database.password", "server.port"]
        );
        assert!(difference.takes("workers.file_watcher.") && !difference.takes("server."));
        let mut expected = before.clone();
        expected.workers.file_watcher = after.workers.file_watcher.clone();
        assert_eq!(difference.next, expected);
    }

    #[test]
    fn certificates_are_renewed_and_tls_comes_with_a_restart() {
        let with = |tls: Value| config(json!({"server": {"tls": tls, "token_file": "t"}}));
        let clear = config(json!({"server": {"token_file": "t"}}));
        let first = with(json!({"cert": "a.pem", "key": "a.key"}));
        let second = with(json!({"cert": "b.pem", "key": "b.key", "client_ca": "ca.pem"}));
        let renewed = difference(&first, &second);
        assert_eq!(renewed.taken, ["server.tls.cert", "server.tls.key"]);
        assert_eq!(renewed.at_restart, ["server.tls.client_ca"]);
        assert_eq!(renewed.next.server.tls.client_ca, None);
        assert!(difference(&clear, &first).taken.is_empty());
        assert!(difference(&first, &clear).taken.is_empty());
    }

    #[test]
    fn the_same_differs_in_nothing() {
        let same = config(json!({}));
        let difference = difference(&same, &same);
        assert!(difference.taken.is_empty() && difference.at_restart.is_empty());
    }
}
