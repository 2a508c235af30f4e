//! Every form of the older program, and what becomes of it.

use serde_json::json;

use super::*;

fn told(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_of_this_program_stays_as_it_is() {
    let file = json!({"code_analysis": {
        "database": {"type": "mysql", "host": "db1", "worker": {"enabled": true}},
        "workers": {"file_watcher": {"watch_dirs": ["a"]}},
        "unknown": 1
    }});
    let converted = convert(file.clone());
    assert_eq!(
        converted,
        Converted {
            value: file,
            changes: Vec::new()
        }
    );
}

#[test]
fn each_key_finds_its_new_place() {
    let converted = convert(json!({
        "server": {"host": "127.0.0.1", "port": 8080, "ssl": null, "rules": {}},
        "queue_manager": {"max_concurrent_jobs": 5, "completed_job_retention_seconds": 21600},
        "code_analysis": {
            "db_path": "data/x.db",
            "worker": {
                "enabled": true, "poll_interval": 0.5, "batch_size": 7, "log_path": "v.log",
                "watch_dirs": [{"id": "u", "path": "/src"}, "/more"],
                "log_rotation": {"max_bytes": 4096, "backup_count": 5}
            },
            "file_watcher": {"scan_interval": 30.0, "log_path": "w.log", "log_rotation": {"max_bytes": 1}},
            "dirs": [{"id": "v", "name": "n", "path": "/src"}]
        }
    }));
    assert_eq!(
        converted.value,
        json!({"code_analysis": {
            "server": {
                "host": "127.0.0.1", "port": 8080, "jobs": {"running": 5, "kept_seconds": 21600}
            },
            "database": {"path": "data/x.db"},
            "workers": {
                "file_watcher": {"watch_dirs": ["/src", "/more"], "scan_interval": 30, "log_path": "w.log"},
                "vectorization": {"enabled": true, "poll_interval": 1, "batch_size": 7, "log_path": "v.log"},
                "log_max_bytes": 4096, "log_files": 6
            }
        }})
    );
    let told = told(&converted.changes);
    for line in [
        "/code_analysis/db_path is now /code_analysis/database/path",
        "/code_analysis/worker/poll_interval is now /code_analysis/workers/vectorization/poll_interval: rounded up \
         to whole seconds",
        "/code_analysis/worker/watch_dirs is now /code_analysis/workers/file_watcher/watch_dirs: a list of paths; \
         ids and names of directories are not used",
        "/code_analysis/worker/log_rotation/backup_count is now /code_analysis/workers/log_files: the current file \
         counts",
        "/code_analysis/file_watcher/log_rotation/max_bytes is not used: /code_analysis/workers/log_max_bytes is \
         there as well and counts",
    ] {
        assert!(told.contains(&line.to_owned()), "{line}\n{told:#?}");
    }
    // Neither null nor an empty object says anything.
    assert!(
        !told
            .iter()
            .any(|line| line.contains("/server/ssl") || line.contains("/server/rules"))
    );
}

#[test]
fn every_form_of_a_driver_is_understood() {
    let proxy = json!({"type": "sqlite_proxy", "config": {
        "path": "d.db", "backup_dir": null,
        "worker_config": {"command_timeout": 30.0, "poll_interval": 0.1, "worker_log_path": "w.log"}
    }});
    let expected = json!({"code_analysis": {"database": {
        "type": "sqlite", "path": "d.db", "worker": {"log_path": "w.log"}
    }}});
    let places = [
        json!({"database": {"driver": proxy}, "code_analysis": {}}),
        json!({"code_analysis": {"database": {"driver": proxy}}}),
        json!({"code_analysis": {"database": proxy}}),
    ];
    for file in places {
        let converted = convert(file.clone());
        let database = &converted.value["code_analysis"]["database"];
        assert_eq!(*database, expected["code_analysis"]["database"], "{file}");
        assert_eq!(
            converted.value.as_object().unwrap().len(),
            1,
            "{}",
            converted.value
        );
        let told = told(&converted.changes).join("\n");
        assert!(
            told.contains("command_timeout is not used")
                && told.contains("the proxy is used by itself"),
            "{told}"
        );
    }
    let direct = convert(
        json!({"code_analysis": {"database": {"type": "mysql", "config": {"host": "h", "port": 3}}}}),
    );
    assert_eq!(
        direct.value,
        json!({"code_analysis": {"database": {"type": "mysql", "host": "h", "port": 3}}})
    );
}

#[test]
fn the_network_is_not_served_by_a_file_that_did_not_ask_for_protection() {
    let converted = convert(json!({"server": {"host": "0.0.0.0", "port": 1}}));
    assert_eq!(
        converted.value,
        json!({"code_analysis": {"server": {"host": "127.0.0.1", "port": 1}}})
    );
    let told = told(&converted.changes);
    assert!(told[0].contains("only this machine is served"), "{told:?}");
}

#[test]
fn what_the_older_program_alone_knows_is_named() {
    let converted = convert(json!({
        "registration": {"enabled": true, "register_url": "https://example.org"},
        "queue_manager": {"registry_path": null, "novelty": 3},
        "code_analysis": {"embedding": {"enabled": true}, "faiss_index_path": "x"}
    }));
    assert_eq!(converted.value, json!({}));
    let told = told(&converted.changes).join("\n");
    for part in [
        "/registration is not used: this server registers with nobody",
        "/queue_manager/novelty is not used",
        "/code_analysis/embedding is not used",
        "/code_analysis/faiss_index_path is not used: vectors are kept in the database",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert!(!told.contains("registry_path"), "{told}");
}

#[test]
fn the_section_embedding_is_the_older_ones_only_with_its_keys() {
    let ours = json!({"code_analysis": {"embedding": {"provider": "service", "url": "http://127.0.0.1:1/v1"}}});
    assert_eq!(convert(ours.clone()).value, ours);
    let old = json!({"code_analysis": {
        "embedding": {"host": "localhost", "port": 8001, "timeout": 5},
        "vectorization_retry_attempts": 4, "vectorization_retry_delay": 2.5
    }});
    let converted = convert(old);
    let expected = json!({"code_analysis": {"workers": {"vectorization": {"retry_attempts": 4, "retry_delay": 3}}}});
    assert_eq!(converted.value, expected);
    assert!(
        told(&converted.changes)
            .join("\n")
            .contains("/code_analysis/embedding is not used")
    );
}

#[test]
fn the_circuit_breaker_of_the_older_program_counts_before_its_retries() {
    let breaker = json!({"failure_threshold": 5, "initial_backoff": 4.5, "max_backoff": 300.0});
    let converted = convert(json!({"code_analysis": {
        "worker": {"circuit_breaker": breaker, "retry_attempts": 3},
        "vectorization_retry_delay": 10
    }}));
    let expected = json!({"code_analysis": {"workers": {"vectorization": {"retry_attempts": 5, "retry_delay": 5}}}});
    assert_eq!(converted.value, expected);
    let told = told(&converted.changes).join("\n");
    for part in [
        "/worker/circuit_breaker/failure_threshold is now /code_analysis/workers/vectorization/retry_attempts",
        "/worker/circuit_breaker is not used: pauses double",
        "/worker/retry_attempts is not used: /code_analysis/workers/vectorization/retry_attempts is there as well",
        "vectorization_retry_delay is not used: /code_analysis/workers/vectorization/retry_delay is there as well",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

#[test]
fn what_stands_in_both_forms_counts_in_the_new_one() {
    let converted =
        convert(json!({"code_analysis": {"db_path": "old.db", "database": {"path": "new.db"}}}));
    assert_eq!(
        converted.value,
        json!({"code_analysis": {"database": {"path": "new.db"}}})
    );
    assert_eq!(
        told(&converted.changes),
        [
            "/code_analysis/db_path is not used: /code_analysis/database/path is there as well and counts"
        ]
    );
}

#[test]
fn certificates_keep_their_meaning() {
    let ssl = json!({"cert": "s.pem", "key": "s.key", "ca": "ca.pem", "crl": "c.pem"});
    let mutual = convert(json!({"server": {"host": "0.0.0.0", "protocol": "mtls", "ssl": ssl}}));
    assert_eq!(
        mutual.value,
        json!({"code_analysis": {"server": {
            "tls": {"cert": "s.pem", "key": "s.key", "client_ca": "ca.pem"}, "host": "0.0.0.0"
        }}})
    );
    let told = told(&mutual.changes);
    for line in [
        "/server/ssl/ca is now /code_analysis/server/tls/client_ca",
        "/server/protocol is now /code_analysis/server/tls: server.tls is there",
        "/server/host is now /code_analysis/server/host",
    ] {
        assert!(told.contains(&line.to_owned()), "{line}\n{told:#?}");
    }
    assert!(
        told.iter()
            .any(|line| line.starts_with("/server/ssl/crl is not used: ")),
        "{told:#?}"
    );
    let verified = convert(json!({
        "server": {"protocol": "https", "ssl": ssl}, "transport": {"verify_client": true, "type": "http"}
    }));
    assert_eq!(
        verified.value["code_analysis"]["server"]["tls"]["client_ca"],
        "ca.pem"
    );
    let one_sided =
        convert(json!({"server": {"host": "0.0.0.0", "protocol": "https", "ssl": ssl}}));
    assert_eq!(
        one_sided.value["code_analysis"]["server"],
        json!({"tls": {"cert": "s.pem", "key": "s.key"}, "host": "127.0.0.1"})
    );
    let unused = convert(json!({"server": {"protocol": "http", "ssl": ssl}}));
    assert_eq!(unused.value, json!({}));
}

#[test]
fn tokens_are_asked_for_in_a_file_and_nobody_gets_in_without_meanwhile() {
    let converted = convert(json!({
        "server": {"host": "0.0.0.0", "protocol": "mtls", "ssl": {"cert": "s.pem", "key": "s.key", "ca": "ca.pem"}},
        "auth": {"use_token": true, "use_roles": false, "tokens": {"admin": "canary"}, "roles": {}}
    }));
    assert_eq!(
        converted.value["code_analysis"]["server"]["host"],
        "127.0.0.1"
    );
    let told = told(&converted.changes).join("\n");
    assert!(
        told.contains("/auth/tokens is not used: secrets have no place in this file: write the tokens into another one"),
        "{told}"
    );
    assert!(
        !told.contains("canary") && !converted.value.to_string().contains("canary"),
        "{told}"
    );
}
