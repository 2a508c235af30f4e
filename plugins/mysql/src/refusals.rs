//! Which connections are refused and with which words, and which ways lead to the same server.

use std::thread;

use driver_api::{Connection, ErrorClass, Value};
use serde_json::{Value as Json, json};
use test_needs::needs;
use test_servers::mariadb::MariaDbServer;

use crate::session;
use crate::testing::{TestDatabase, open, read};

#[needs(mariadb)]
#[test]
fn too_many_connections_are_one_clear_line() {
    let server = MariaDbServer::with_settings(&[("max-connections", "10")]);
    let database = TestDatabase::on(&server);
    let mut open_ones = Vec::new();
    let error = loop {
        assert!(open_ones.len() < 20);
        match database.connect(json!({})) {
            Ok(one) => open_ones.push(one),
            Err(error) => break error,
        }
    };
    assert_eq!(
        (error.class(), error.vendor_code()),
        (ErrorClass::Unavailable, Some(1040))
    );
    assert!(
        error.is_retryable() && error.to_string().contains("`pool_size`"),
        "{error}"
    );
    // Without a second connection a reader that has enough costs the first one, and nothing hangs.
    let mut reader = open_ones.pop().unwrap();
    let mut kept = test_calls::Kept {
        stop_after: Some(1),
        ..Default::default()
    };
    reader
        .query_into("SELECT seq FROM seq_1_to_1000000000000", [], &mut kept)
        .unwrap();
    assert_eq!(
        reader.connection.ping().unwrap_err().class(),
        ErrorClass::ConnectionLost
    );
}

/// The error of a connection with these options changed; it holds neither password.
fn refusal(database: &TestDatabase, change: Json) -> driver_api::DriverError {
    let error = database.connect(change).err().unwrap();
    assert!(!error.to_string().contains("canary"), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

#[needs(mariadb)]
#[test]
fn a_refused_connection_names_the_option_to_change() {
    let database = TestDatabase::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    for (change, class, code, option) in [
        (
            json!({"password": "wrong canary"}),
            ErrorClass::Access,
            Some(1045),
            "`password`",
        ),
        (
            json!({"user": "nobody"}),
            ErrorClass::Access,
            Some(1045),
            "`user`",
        ),
        (
            json!({"database": "nowhere"}),
            ErrorClass::NotFound,
            Some(1049),
            "`database`",
        ),
        (
            json!({"port": port}),
            ErrorClass::Unavailable,
            None,
            "`port`",
        ),
        (
            json!({"host": null, "port": null, "socket": "/nowhere"}),
            ErrorClass::Unavailable,
            None,
            "`socket`",
        ),
        (
            json!({"tls": "require"}),
            ErrorClass::Options,
            None,
            "`tls`",
        ),
        (
            json!({"tls": "verify-full", "ca_file": "/nowhere"}),
            ErrorClass::Options,
            None,
            "`ca_file`",
        ),
    ] {
        let error = refusal(&database, change.clone());
        assert_eq!(
            (error.class(), error.vendor_code()),
            (class, code),
            "{change}: {error}"
        );
        assert!(error.to_string().contains(option), "{change}: {error}");
    }
}

#[needs(mariadb)]
#[test]
fn a_certificate_is_verified_as_far_as_the_mode_says() {
    // The certificate is not for this address.
    let server = MariaDbServer::with_tls(&[("bind-address", "127.0.0.2")]);
    server.sql("", "CREATE DATABASE d");
    let ca_file = server.ca_file();
    let values = |tls: &str, ca_file: Option<&std::path::Path>| {
        json!({
            "host": "127.0.0.2", "port": server.port(), "database": "d",
            "user": server.user(), "password": server.password(), "tls": tls, "ca_file": ca_file,
        })
    };
    for (tls, ca_file, works) in [
        ("require", None, true),
        ("verify-ca", None, false),
        ("verify-ca", Some(&*ca_file), true),
        ("verify-full", Some(&*ca_file), false),
    ] {
        match open(&values(tls, ca_file)) {
            Ok(_) => assert!(works, "{tls} {ca_file:?}"),
            Err(error) => {
                assert!(!works, "{tls} {ca_file:?}: {error}");
                assert_eq!(error.class(), ErrorClass::Options, "{error}");
                assert!(error.to_string().contains("`ca_file`"), "{error}");
            }
        }
    }
}

#[needs(mariadb)]
#[test]
fn the_socket_the_url_and_verified_tls_lead_to_the_same_server() {
    let server = MariaDbServer::with_tls(&[]);
    let mut database = TestDatabase::on(&server);
    let name: Value = database.values["database"].as_str().unwrap().into();
    let (user, port) = (server.user(), server.port());
    let password = server.password().replace(' ', "%20");
    let same = |sql: &str, values: Json| {
        let connection = open(&values).unwrap_or_else(|error| panic!("{values}: {error}"));
        TestDatabase::with(connection, values).rows(sql, [])
    };
    let url = format!(
        "mysql://{user}:{password}@127.0.0.1:{port}/{}",
        database.database()
    );
    assert_eq!(
        same("SELECT DATABASE()", json!({ "url": url })),
        [[name.clone()]]
    );
    let mut values = database.values.clone();
    values["tls"] = json!("verify-full");
    values["ca_file"] = json!(server.ca_file());
    let encrypted = same("SHOW STATUS LIKE 'Ssl_version'", values);
    assert_eq!(encrypted[0][1], "TLSv1.3".into());
    for key in ["host", "port"] {
        database.values[key] = Json::Null;
    }
    database.values["socket"] = json!(server.socket());
    assert_eq!(same("SELECT DATABASE()", database.values.clone()), [[name]]);
}

#[needs(mariadb)]
#[test]
fn a_missing_database_is_created_once() {
    let database = TestDatabase::new();
    let mut values = database.values.clone();
    values["database"] = json!(format!("{}`; odd \"name\"", database.database()));
    let options = read(&values).unwrap();
    let created: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| session::create_database(&options)))
            .collect();
        racers
            .into_iter()
            .map(|racer| racer.join().unwrap().unwrap())
            .collect()
    });
    assert_eq!(created.iter().filter(|created| **created).count(), 1);
    let mut odd = TestDatabase::with(open(&values).unwrap(), values.clone());
    odd.run(&[
        "CREATE TABLE t(a VARCHAR(10) PRIMARY KEY)",
        "INSERT INTO t VALUES ('a'), ('A'), ('a ')",
    ]);
    assert_eq!(odd.value("SELECT count(*) FROM t", []), Value::I64(3));
    let name = values["database"].as_str().unwrap();
    assert_eq!(odd.value("SELECT DATABASE()", []), name.into());
}
